"""Which matrix products of a round are computed in another way, and that they stay the same products."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from small_games import differing, interrupted, make_trainer, weights
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from ganbench import Noise, Players, Samples, Signature
from ganbench.engines import compiled, matrix_products
from ganbench.engines.compiled import CompiledEngine
from ganbench.engines.matrix_products import onednn_is_faster, use_faster_products
from ganbench.grid.optimizer_settings import Adam
from ganbench.training import EagerEngine, Trainer
from ganbench.zoo.losses.adversarial import NonSaturating

has_onednn = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="torch has no oneDNN on this machine"
)


def counted(function: Any, *inputs: Tensor) -> tuple[dict[str, int], Tensor, Tensor]:
    """Rewrite a function of tensors; count its products by kind, and give what both compute."""
    graph = make_fx(function)(*inputs)
    wanted = graph(*inputs)
    changed = use_faster_products(graph, inputs)
    targets = [str(node.target) for node in graph.graph.nodes]
    counts = {
        "onednn": sum(target.startswith("ganbench.product") for target in targets),
        "mm": targets.count("aten.mm.default") + targets.count("aten.bmm.default"),
        "addmm": targets.count("aten.addmm.default"),
    }
    assert not any(node.meta for node in graph.graph.nodes)
    found = graph(*inputs)
    assert found.stride() == wanted.stride()
    return {**counts, "changed": changed}, wanted, found


def of(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=dtype)


@has_onednn
@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (lambda a, b: a @ b, (of(128, 200), of(200, 128))),
        (lambda a, b: a @ b.t(), (of(128, 200), of(128, 200))),
        (lambda a, b: a.t() @ b, (of(200, 128), of(200, 128))),
        (lambda a, b: a.t() @ b.t(), (of(200, 128), of(128, 200))),
        (torch.addmm, (of(128), of(128, 200), of(200, 128))),
        (torch.bmm, (of(3, 128, 200), of(3, 200, 128))),
        (lambda a, b: a.mT @ b, (of(3, 200, 128), of(3, 200, 128))),
    ],
)
def test_onednn_computes_large_products_however_their_matrices_lie(
    function: Any, inputs: tuple[Tensor, ...]
) -> None:
    counts, wanted, found = counted(function, *inputs)
    assert counts == {"onednn": 1, "mm": 0, "addmm": 0, "changed": 1}
    exact = function(*(each.double() for each in inputs))
    assert (found - exact).abs().max() <= 2 * (wanted - exact).abs().max() + 1e-5


@pytest.mark.parametrize(
    ("function", "inputs", "kind"),
    [
        # Just below 2^22 operations.
        (lambda a, b: a @ b, (of(128, 127), of(127, 128)), "mm"),
        (torch.bmm, (of(3, 128, 127), of(3, 127, 128)), "mm"),
        (lambda a, b: a @ b, (of(128, 200, dtype=torch.float64), of(200, 128, dtype=torch.float64)), "mm"),
        (lambda a, b: a @ b, (of(128, 200).bfloat16(), of(200, 128).bfloat16()), "mm"),
        (lambda c, a, b: torch.addmm(c, a, b, beta=2), (of(128), of(128, 200), of(200, 128)), "addmm"),
        # Added to each element, not to each row.
        (torch.addmm, (of(128, 128), of(128, 200), of(200, 128)), "addmm"),
        (lambda a, b: a @ b, (of(64, 64), of(64, 1)), "mm"),
        (lambda a, b: a @ b, (of(4, 64), of(64, 2)), "mm"),
        (torch.addmm, (of(2), of(64, 64), of(64, 2)), "addmm"),
    ],
)
def test_the_others_stay(function: Any, inputs: tuple[Tensor, ...], kind: str) -> None:
    counts, wanted, found = counted(function, *inputs)
    assert counts == {"onednn": 0, "mm": 0, "addmm": 0, "changed": 0, kind: 1}
    assert torch.equal(wanted, found)


@pytest.mark.parametrize("seeds", [(), (3,)])
def test_products_of_few_columns_are_computed_from_the_transposed_matrices(seeds: tuple[int, ...]) -> None:
    counts, wanted, found = counted(lambda g, x: (g.mT @ x).view(-1), of(*seeds, 64, 48), of(*seeds, 64, 2))
    assert counts == {"onednn": 0, "mm": 1, "addmm": 0, "changed": 1}
    assert torch.allclose(wanted, found, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "faster"),
    [
        ("AMD EPYC 9B45 (AVX512)", True),
        ("AMD EPYC (AVX2)", False),
        ("Intel(R) Xeon(R) (AVX512)", False),
        ("aarch64 (DEFAULT)", False),
    ],
)
def test_the_model_of_the_processor_decides(
    monkeypatch: pytest.MonkeyPatch, model: str, faster: bool
) -> None:
    monkeypatch.setattr(matrix_products, "device_model", lambda device: model)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    assert onednn_is_faster() == faster
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not onednn_is_faster()


def _players() -> Players:
    generator = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
    return Players(generator=generator, discriminator=nn.Linear(2, 1), noise=Noise(size=2))


def _trainer(engine: Any) -> Trainer:
    return make_trainer(
        {"d_optimizer": Adam(lr=0.01, betas=(0.0, 0.9)), "g_optimizer": Adam(lr=0.01, betas=(0.5, 0.999))},
        build=_players,
        loss=NonSaturating(),
        data=Samples(x=of(30, 2)),
        signature=Signature(shape=(2,), kind="points"),
        engine=engine,
    )


@pytest.mark.slow
@has_onednn
@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ on this machine")
def test_a_compiled_round_calls_them_and_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed: list[int] = []

    def noted(*arguments: Any) -> int:
        changed.append(use_faster_products(*arguments))
        return changed[-1]

    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(compiled, "_COMPILED", {})
    monkeypatch.setattr(compiled, "onednn_is_faster", lambda: True)
    monkeypatch.setattr(compiled, "use_faster_products", noted)
    monkeypatch.setattr(matrix_products, "_LEAST_OPERATIONS", 256)
    eager, whole = (_trainer(engine) for engine in (EagerEngine, CompiledEngine))
    for trainer in (eager, whole):
        trainer.advance(20)
    # One function, in which oneDNN has a part.
    (count,) = changed
    assert count >= 4
    wanted = weights(eager)
    for name, tensor in weights(whole).items():
        torch.testing.assert_close(tensor, wanted[name], rtol=1e-3, atol=1e-4, msg=name)
    assert differing(weights(whole), weights(interrupted(lambda: _trainer(CompiledEngine), [7], 20))) == []
    assert len(changed) == 1
