"""The attributes of losses and penalties: networks, tensors that learn, values that change."""

from __future__ import annotations

import functools
import types
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ganbench.training.memory_format import lay_out
from ganbench.training.trained_networks import CONTAINERS_OF_PARAMETERS, learns_with

# Deeper or more than this is no loss's attributes but a data structure of somebody else's.
_MAX_OBJECTS = 10_000
_LARGE = 4096
# What torch itself keeps in every network.
_OF_MODULES = frozenset(vars(nn.Module()))
_CLOSED = (types.ModuleType, type, types.BuiltinFunctionType, torch.Generator, torch.device, torch.dtype)


def settle_networks(
    part: Any,
    device: torch.device,
    dtype: torch.dtype,
    memory_format: torch.memory_format = torch.contiguous_format,
) -> None:
    """Move the networks that a loss or a penalty holds to a device, frozen, in eval mode.

    Those in lists, mappings and objects that it holds are found too; so is the part itself where it is one.
    Of a loss that learns, the parameters that it has itself go on learning.

    Args:
        part: the loss or the penalty.
        device: where it will be called.
        dtype: of the networks' floating-point tensors.
        memory_format: of their weights of four dimensions.
    """
    if learns_with(part) is not None:
        part.to(device, dtype).train()
        lay_out(part, memory_format)
    for _, value in _walk(part):
        if isinstance(value, nn.Module) and not _learns(part, value):
            value.to(device, dtype).eval().requires_grad_(False)
            lay_out(value, memory_format)


def learning_tensors(part: Any) -> list[str]:
    """Name what nothing would train: attributes that are parameters or tensors that require a gradient.

    Parameters of a network that the part holds are left out: networks are frozen. Where the part is itself a
    network, its parameters count unless their author froze them, or it is a loss that learns. A loss that
    learns within another part counts: it would be frozen as a network.
    """
    found: list[str] = []
    if isinstance(part, nn.Module) and learns_with(part) is None:
        found += [name for name, parameter in part.named_parameters() if parameter.requires_grad]
    for path, value in _walk(part):
        if _learns(part, value):
            continue
        if path and learns_with(value) is not None:
            found.append(path)
        elif path and isinstance(value, CONTAINERS_OF_PARAMETERS):
            found += [path] if any(parameter.requires_grad for parameter in value.parameters()) else []
        elif isinstance(value, Tensor) and value.requires_grad:
            found.append(path)
    return list(dict.fromkeys(found))


def values_of(part: Any) -> dict[str, object]:
    """Take down what the attributes hold now, by path: equal where nothing has changed in between.

    What is trained and the buffers of a loss that learns are left out: checkpoints hold them.
    """
    values: dict[str, object] = {}
    buffers = () if learns_with(part) is None else part.named_buffers(recurse=False)
    kept = {name for name, _ in buffers}
    for path, value in _walk(part):
        if _learns(part, value) or path in kept:
            continue
        if isinstance(value, Tensor):
            values[path] = _mark(value)
        elif isinstance(value, nn.Module):
            values[path] = tuple(_mark(tensor) for tensor in (*value.parameters(), *value.buffers()))
        elif isinstance(value, bool | int | float | complex | str | bytes | None):
            values[path] = repr(value)
        elif isinstance(value, Mapping | list | tuple | set | frozenset):
            values[path] = len(value)
    return values


def _learns(part: Any, value: object) -> bool:
    """Tell whether a value is a loss that learns itself, or a container of its own parameters."""
    if learns_with(part) is None:
        return False
    own = isinstance(value, CONTAINERS_OF_PARAMETERS) and any(value is child for child in part.children())
    return value is part or own


def _mark(tensor: Tensor) -> object:
    """Fingerprint a tensor: by content where small, else by what changes on writing or replacing it."""
    if tensor.numel() > _LARGE:
        return id(tensor), tensor._version
    return tuple(tensor.shape), str(tensor.dtype), repr(tensor.detach().cpu().reshape(-1).tolist())


def _walk(part: Any) -> Iterator[tuple[str, Any]]:
    """Walk everything that can be reached from a part, with its path; a network is not entered."""
    seen: set[int] = set()
    waiting: deque[tuple[str, Any]] = deque([("", part)])
    while waiting and len(seen) < _MAX_OBJECTS:
        path, value = waiting.popleft()
        if id(value) in seen and not isinstance(value, bool | int | float | str | None):
            continue
        seen.add(id(value))
        yield path, value
        own = path == ""
        if isinstance(value, Tensor) or (isinstance(value, nn.Module) and not own):
            continue
        waiting += [(_join(path, name), inner) for name, inner in _inside(value)]
        if own:
            mine = getattr(value, "__dict__", {})
            waiting += [(name, inner) for name, inner in _of_class(type(value)) if name not in mine]


def _inside(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, (*_CLOSED, str, bytes)):
        return
    if isinstance(value, nn.Module):
        yield from ((f".{name}", inner) for name, inner in value.named_children())
        yield from ((f".{name}", inner) for name, inner in value.named_buffers(recurse=False))
        own = {name: inner for name, inner in vars(value).items() if name not in _OF_MODULES}
        yield from ((f".{name}", inner) for name, inner in own.items())
        return
    if isinstance(value, Mapping):
        yield from ((f"[{key!r}]", inner) for key, inner in list(value.items()))
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((f"[{index}]", inner) for index, inner in enumerate(value))
    if isinstance(value, functools.partial):
        yield from ((".args", value.args), (".keywords", value.keywords))
    if isinstance(value, types.MethodType):
        yield from ((".__self__", value.__self__), (".__func__", value.__func__))
        return
    if isinstance(value, types.FunctionType):
        names = value.__code__.co_freevars
        for name, cell in zip(names, value.__closure__ or (), strict=False):
            try:
                yield f".{name}", cell.cell_contents
            except ValueError:  # a name that is not bound yet
                continue
        return
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict):
        yield from ((f".{name}", inner) for name, inner in list(attributes.items()))
    for name in _slots(type(value)):
        if hasattr(value, name):
            yield f".{name}", getattr(value, name)


def _slots(kind: type) -> list[str]:
    if kind.__module__ in ("builtins", "torch", "numpy"):
        return []
    slots = [vars(base).get("__slots__", ()) for base in kind.__mro__]
    names = [name for group in slots for name in ((group,) if isinstance(group, str) else group)]
    return [name for name in names if not name.startswith("__")]


def _of_class(kind: type) -> Iterator[tuple[str, Any]]:
    """List a class's attributes that instances share, without its functions and those of libraries."""
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] in ("builtins", "torch", "abc", "typing", "collections"):
            continue
        for name, value in vars(base).items():
            hidden = isinstance(value, types.FunctionType | property | staticmethod | classmethod)
            if not name.startswith("__") and not hidden:
                yield name, value


def _join(path: str, name: str) -> str:
    return (path + name).removeprefix(".")
