"""Matrix products of a recorded round, computed as is fastest on this processor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx

from ganbench.grid.environment import device_model

# Operations of a product below which calling oneDNN costs more than it gains.
_LEAST_OPERATIONS = 2**22
# Of a product's result, below which MKL is slow where the matrices are not transposed.
_FEW_COLUMNS = 8
_ATEN = torch.ops.aten

# The compiler must not lay matrices out anew; torch 2.6 has a weaker word for it.
_AS_THEY_LIE = getattr(torch.Tag, "needs_exact_strides", torch.Tag.needs_fixed_stride_order)
_LIBRARY = torch.library.Library("ganbench", "DEF")  # type: ignore[no-untyped-call]


def _operation(schema: str, compute: Callable[..., Tensor], like: Callable[..., Tensor]) -> Any:
    """Make an operation of torch, which its compiler calls as it is.

    It would take oneDNN's own for one with constant weights.

    Args:
        schema: name, arguments and result.
        compute: does it on a CPU.
        like: gives a tensor like its result.
    """
    name, _, _ = schema.partition("(")
    _LIBRARY.define(schema, tags=(_AS_THEY_LIE,))  # type: ignore[no-untyped-call]
    _LIBRARY.impl(name, compute, "CPU")  # type: ignore[no-untyped-call]
    torch.library.register_fake(f"ganbench::{name}", like, lib=_LIBRARY)
    return getattr(torch.ops.ganbench, name).default


def _product(a: Tensor, b: Tensor, bias: Tensor | None) -> Tensor:
    """Compute a @ b + bias by oneDNN, of float32 (n, m) and (m, k) on a CPU; bias is (k,)."""
    made: Tensor = torch.ops.mkldnn._linear_pointwise.default(a, b.t(), bias, "none", [], "")
    return made


def _products(a: Tensor, b: Tensor) -> Tensor:
    """Compute the products of (s, n, m) and (s, m, k) likewise, each alone: none depends on the others."""
    return torch.stack([_product(left, right, None) for left, right in zip(a, b, strict=True)])


_PRODUCT = _operation(
    "product(Tensor a, Tensor b, Tensor? bias) -> Tensor",
    _product,
    lambda a, b, bias: a.new_empty(a.shape[0], b.shape[1]),
)
_PRODUCTS = _operation(
    "products(Tensor a, Tensor b) -> Tensor",
    _products,
    lambda a, b: a.new_empty(*a.shape[:2], b.shape[2]),
)


def onednn_is_faster() -> bool:
    """Tell whether oneDNN computes products faster than MKL, which torch calls, on this processor.

    MKL uses AVX-512 on Intel's processors alone; oneDNN uses it wherever it is there, at up to twice the
    rate. The answer depends on nothing but the model of the device, a part of a cell's environment.
    """
    model = device_model("cpu")
    there: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return there and model.startswith("AMD") and "AVX512" in model


# By what computes it otherwise.
_KINDS = {_ATEN.mm.default: _PRODUCT, _ATEN.addmm.default: _PRODUCT, _ATEN.bmm.default: _PRODUCTS}


def use_faster_products(graph: fx.GraphModule, inputs: Sequence[Tensor]) -> int:
    """Change the products of float32 matrices, or of stacks of them, that MKL computes slowly on a CPU.

    oneDNN computes the large ones. Those of a few columns, as the gradient of a net that takes points of the
    plane, are computed from the transposed matrices.

    Args:
        graph: of operations of torch; changed in place.
        inputs: what it takes.

    Returns:
        The number of products that were changed.
    """
    # Not at the top: workers that compile nothing import this module too.
    from torch.fx.passes.fake_tensor_prop import FakeTensorProp

    FakeTensorProp(graph).propagate(*inputs)
    changed = 0
    for node in list(graph.graph.nodes):
        if node.target not in _KINDS or node.kwargs:
            continue
        *bias, a, b = node.args
        left, right = a.meta["val"], b.meta["val"]
        if left.device.type != "cpu" or left.dtype != torch.float32:
            continue
        rows, columns = left.shape[-2], right.shape[-1]
        fits = not bias or bias[0].meta["val"].shape == (columns,)
        if fits and 2 * rows * left.shape[-1] * columns >= _LEAST_OPERATIONS:
            node.target = _KINDS[node.target]
            node.args = (a, b) if node.target == _PRODUCTS else (a, b, bias[0] if bias else None)
            changed += 1
        elif not bias and 1 < columns < _FEW_COLUMNS <= rows:
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
        b, a = (graph.call_function(_ATEN.transpose.int, (each, -2, -1)) for each in reversed(node.args))
        assert callable(node.target)
        product = graph.call_function(node.target, (b, a))
        back = graph.call_function(_ATEN.transpose.int, (product, -2, -1))
    node.target, node.args = _ATEN.clone.default, (back,)
    node.kwargs = {"memory_format": torch.contiguous_format}
