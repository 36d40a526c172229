"""Matrix products of a recorded round, computed as is fastest on this processor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, fx
from torch.fx.passes.fake_tensor_prop import FakeTensorProp

from ganbench.grid.environment import device_model

# Operations of a product below which calling oneDNN costs more than it gains.
_LEAST_OPERATIONS = 2**22
# Of a product's result, below which MKL is slow where the matrices are not transposed.
_FEW_COLUMNS = 8
_ATEN = torch.ops.aten

# Torch's compiler would take oneDNN's operation for one with constant weights; it calls this one as it is.
_LIBRARY = torch.library.Library("ganbench", "DEF")  # type: ignore[no-untyped-call]
_LIBRARY.define("product(Tensor a, Tensor b, Tensor? bias) -> Tensor", tags=(torch.Tag.needs_exact_strides,))  # type: ignore[no-untyped-call]


def _product(a: Tensor, b: Tensor, bias: Tensor | None) -> Tensor:
    """Compute a @ b + bias by oneDNN, of float32 (n, m) and (m, k) on a CPU; bias is (k,)."""
    made: Tensor = torch.ops.mkldnn._linear_pointwise.default(a, b.t(), bias, "none", [], "")
    return made


def _product_like(a: Tensor, b: Tensor, bias: Tensor | None) -> Tensor:
    return a.new_empty(a.shape[0], b.shape[1])


_LIBRARY.impl("product", _product, "CPU")  # type: ignore[no-untyped-call]
torch.library.register_fake("ganbench::product", _product_like, lib=_LIBRARY)
_PRODUCT = torch.ops.ganbench.product.default


def onednn_is_faster() -> bool:
    """Tell whether oneDNN computes products faster than MKL, which torch calls, on this processor.

    MKL uses AVX-512 on Intel's processors alone; oneDNN uses it wherever it is there, at up to twice the
    rate. The answer depends on nothing but the model of the device, a part of a cell's environment.
    """
    model = device_model("cpu")
    there: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return there and model.startswith("AMD") and "AVX512" in model


def use_faster_products(graph: fx.GraphModule, inputs: Sequence[Tensor]) -> int:
    """Change the products of two matrices of float32 in a graph for a CPU that MKL computes slowly there.

    oneDNN computes the large ones. Those of a few columns, as the gradient of a net that takes points of the
    plane, are computed from the transposed matrices.

    Args:
        graph: of operations of torch; changed in place.
        inputs: what it takes.

    Returns:
        The number of products that were changed.
    """
    FakeTensorProp(graph).propagate(*inputs)
    changed = 0
    for node in list(graph.graph.nodes):
        if node.target not in (_ATEN.mm.default, _ATEN.addmm.default) or node.kwargs:
            continue
        *bias, a, b = node.args
        left, right = a.meta["val"], b.meta["val"]
        if left.device.type != "cpu" or left.dtype != torch.float32:
            continue
        fits = not bias or bias[0].meta["val"].shape == right.shape[1:]
        if fits and 2 * left.numel() * right.shape[1] >= _LEAST_OPERATIONS:
            node.target, node.args = _PRODUCT, (a, b, bias[0] if bias else None)
            changed += 1
        elif not bias and 1 < right.shape[1] < _FEW_COLUMNS <= left.shape[0]:
            _transpose(graph.graph, node)
            changed += 1
    for node in graph.graph.nodes:
        # The compiler finds out for itself.
        node.meta.clear()
    graph.recompile()
    return changed


def _transpose(graph: fx.Graph, node: fx.Node) -> None:
    """Compute a @ b as (b.T @ a.T).T, laid out in memory as before."""
    with graph.inserting_before(node):
        b, a = (graph.call_function(_ATEN.t.default, (each,)) for each in reversed(node.args))
        product = graph.call_function(_ATEN.mm.default, (b, a))
        back = graph.call_function(_ATEN.t.default, (product,))
    node.target, node.args = _ATEN.clone.default, (back,)
    node.kwargs = {"memory_format": torch.contiguous_format}
