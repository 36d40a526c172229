"""The bridge to torch-fidelity: its pretrained networks (Inception v3, VGG16, CLIP, DINOv2) and its register.

torch-fidelity unpickles the weights that it is given. So a file's digest is checked before it comes here, and
tensors are read from it without running its code and handed on alone.

torch-fidelity takes seconds to import, so each function imports what it needs.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import socket
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ganbench.api.data import Extractor
from ganbench.catalog.after_import import AfterImport
from ganbench.errors import WeightsError

_RESIZING = "interpolate_bilinear_2d_like_tensorflow1x"
_LIBRARY = "torch_fidelity"
# Extractors by name that are registered once somebody imports torch-fidelity.
_waiting_extractors: dict[str, Extractor] = {}


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """Read a state_dict from a .pth file, its tensors only: no code of the file is run.

    Raises:
        WeightsError: the file holds something else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a file that is none makes the unpickler fail in any way there is
        raise WeightsError(f"{path} is not a file of PyTorch weights: {_reason(error)}") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path} is not a file of PyTorch weights: it holds no state_dict")
    return state


def inception_network(path: Path) -> nn.Module:
    """Build torch-fidelity's inception-v3-compat.

    Args:
        path: its state_dict.

    Returns:
        A frozen module in eval mode: uint8 (N, 3, H, W) -> (features (N, 2048), unbiased logits (N, 1008)).

    Raises:
        WeightsError: the file is no state_dict, or does not fit the network.
    """
    from torch_fidelity import FeatureExtractorInceptionV3

    weights = _written_anew(read_weights(path))
    net = _built(
        lambda: FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=weights
        ),
        path,
    )
    # In eval mode a batch normalisation scales and shifts: in the weights before it, that costs nothing.
    blocks: list[Any] = [
        module for module in net.modules() if hasattr(module, "conv") and hasattr(module, "bn")
    ]
    for block in blocks:
        block.conv, block.bn = fuse_conv_bn_eval(block.conv, block.bn), nn.Identity()
    return net


def vgg16_network(path: Path) -> nn.Module:
    """Build torch-fidelity's vgg16.

    Args:
        path: torchvision's state_dict.

    Returns:
        A frozen module in eval mode: uint8 (N, 3, H, W) -> (features (N, 4096),).

    Raises:
        WeightsError: the file is no state_dict, or does not fit the network.
    """
    from torch_fidelity import FeatureExtractorVGG16

    weights = _written_anew(read_weights(path))
    return _built(
        lambda: FeatureExtractorVGG16("vgg16", ["fc2_relu"], feature_extractor_weights_path=weights), path
    )


def clip_network(name: str, path: Path) -> nn.Module:
    """Build the image tower of one of torch-fidelity's CLIP models.

    Args:
        name: torch-fidelity's, e.g. `clip-vit-b-32`.
        path: OpenAI's TorchScript archive; its digest must have been checked.

    Returns:
        A frozen module in eval mode: uint8 (N, 3, H, W) -> (features (N, d),).

    Raises:
        WeightsError: the file is no such archive.
    """
    from torch_fidelity import FeatureExtractorCLIP

    return _built(
        lambda: FeatureExtractorCLIP(name, ["clip"], feature_extractor_weights_path=str(path)), path
    )


def fetched(name: str, seconds: float) -> nn.Module:
    """Build one of torch-fidelity's networks, which fetches its weights itself, into torch's hub cache.

    What is in the cache already is not fetched again. DINOv2's code comes with its weights, from the default
    branch of its authors' repository, and is run.

    Args:
        name: torch-fidelity's, e.g. `dinov2-vit-s-14`.
        seconds: how long to wait for each answer of a server.

    Returns:
        A frozen module in eval mode: uint8 (N, 3, H, W) -> (features (N, d),).

    Raises:
        ConnectionError: the weights, or the code, cannot be had; says why.
    """
    from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

    kind = FEATURE_EXTRACTORS_REGISTRY[name]
    layer = kind.get_default_feature_layer_for_metric("fid")
    try:
        with _waiting(seconds):
            return _frozen(lambda: kind(name, [layer], verbose=False))
    except Exception as error:  # sockets, HTTP, hashes, and what another repository's code may raise
        raise ConnectionError(_reason(error)) from error


def resize_by(net: nn.Module, resize: Callable[[Tensor, tuple[int, int]], Tensor]) -> None:
    """Let one of torch-fidelity's networks resize its images in another way.

    Its `forward` is bound anew, with another function under the name of the one that resizes there;
    torch-fidelity's classes stay as they are.

    Args:
        net: what a function of this module has built; changed in place.
        resize: maps (N, 3, H, W) of values in [0, 255] and a height and width to float32 (N, 3, *size).
    """
    forward = type(net).forward
    if _RESIZING not in forward.__code__.co_names:
        raise RuntimeError(f"torch-fidelity {version('torch-fidelity')} resizes elsewhere than in `forward`")

    def replaced(images: Tensor, size: tuple[int, int], **_: Any) -> Tensor:
        return resize(images, size)

    names = {**forward.__globals__, _RESIZING: replaced}
    own = FunctionType(forward.__code__, names, forward.__name__, forward.__defaults__, forward.__closure__)
    net.forward = MethodType(own, net)


def digest_of(net: nn.Module) -> str:
    """Compute SHA-256 over names, types, shapes and bytes of a network's weights, where no file has one."""
    digest = hashlib.sha256()
    for name, value in sorted(net.state_dict().items()):
        digest.update(f"\0{name}\0{value.dtype}\0{tuple(value.shape)}\0".encode())
        digest.update(value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _written_anew(state: Mapping[str, Tensor]) -> io.BytesIO:
    """Save these tensors, and nothing else, to a file in memory."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    buffer.seek(0)
    return buffer


def _built(build: Callable[[], nn.Module], path: Path) -> nn.Module:
    try:
        return _frozen(build)
    except (RuntimeError, LookupError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(f"{path} does not fit torch-fidelity's network: {reason}") from error


def _frozen(build: Callable[[], nn.Module]) -> nn.Module:
    # The initial weights are overwritten, but drawing them must not move the caller's random state.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = build()
    # 1.5 times faster on a CPU, equal to 1e-6.
    module: nn.Module = net.to(memory_format=torch.channels_last)
    return module.requires_grad_(False).eval()


@contextlib.contextmanager
def _waiting(seconds: float) -> Iterator[None]:
    """Give up connections after some seconds; silence downloads, which print beside an error's line."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    silence = io.StringIO()
    try:
        with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
            yield
    finally:
        socket.setdefaulttimeout(before)


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def register_extractor(name: str, extractor: Extractor) -> None:
    """Make an extractor known to torch-fidelity: `calculate_metrics(feature_extractor=name, ...)`.

    Where torch-fidelity is not imported yet, that waits until it is; ganbench's own scores do without.

    Args:
        name: without slashes; registering a name again replaces what stood under it.
        extractor: gives the feature layer `features` and, where it classifies, `logits`.
    """
    if _LIBRARY in sys.modules:
        _register(name, extractor)
        return
    if not _waiting_extractors:
        sys.meta_path.insert(0, AfterImport(_LIBRARY, _register_waiting))
    _waiting_extractors[name] = extractor


def _register_waiting() -> None:
    while _waiting_extractors:
        _register(*_waiting_extractors.popitem())


def _register(name: str, extractor: Extractor) -> None:
    from torch_fidelity import FeatureExtractorBase, register_feature_extractor
    from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

    class Registered(FeatureExtractorBase):  # type: ignore[misc]
        def __init__(self, name: str, features_list: list[str], **_: Any) -> None:
            super().__init__(name, features_list)

        def forward(self, images: Tensor) -> tuple[Tensor | None, ...]:
            out = extractor(images)
            return tuple(getattr(out, layer) for layer in self.features_list)

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return "features", "logits"

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "logits" if metric == "isc" else "features"

        @staticmethod
        def can_be_compiled() -> bool:
            return False

    FEATURE_EXTRACTORS_REGISTRY.pop(name, None)
    register_feature_extractor(name, Registered)
