"""Tensors and JSON in one checksummed safetensors file; nothing is ever pickled."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganbench.errors import StoreError
from ganbench.files.atomic import read_bytes, write_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

# Far above any GAN of today; a file that claims more is damaged or hostile.
MAX_BYTES = 64 * 2**30
# As safetensors itself allows.
_MAX_HEADER_BYTES = 100_000_000


def serialise(tensors: Mapping[str, Tensor]) -> bytes:
    """Serialise a flat mapping of tensors as safetensors without metadata: equal tensors, equal bytes."""
    from safetensors.torch import save

    return save(_flat(tensors))


def write_state(path: Path, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
    """Write tensors and a JSON record, with a checksum over both.

    Raises:
        StoreError: the file system refuses.
    """
    from safetensors.torch import save

    flat = _flat(tensors)
    text = json.dumps(record, sort_keys=True, allow_nan=True)
    write_bytes(path, save(flat, metadata={"record": text, "sha256": _checksum(flat, text)}))


def read_state(path: Path, limit: int = MAX_BYTES) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_state` wrote.

    Args:
        path: the file.
        limit: bytes that it may have at most.

    Raises:
        StoreError: the file is absent, truncated, or not what was written.
    """
    # Read once: a file that changes meanwhile cannot be half checked.
    content = read_bytes(path, limit)
    tensors = _parse(path, content)
    try:
        # As safetensors has found already, the header is there and is JSON.
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        metadata = header.get("__metadata__") or {}
        text = metadata.get("record", "")
        if metadata.get("sha256") != _checksum(tensors, text):
            raise StoreError(f"{path}: damaged: its checksum does not match its content")
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: damaged: {error}") from error
    if not isinstance(record, dict):
        raise StoreError(f"{path}: damaged: its record is not a table")
    return tensors, record


def read_record(path: Path) -> dict[str, Any]:
    """Read the JSON record alone of what `write_state` wrote; its checksum is not verified.

    Raises:
        StoreError: the file is absent, or its beginning is not that of such a file.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > _MAX_HEADER_BYTES:
                raise StoreError(f"{path}: damaged: its header would have {length} bytes")
            record = json.loads(json.loads(file.read(length))["__metadata__"]["record"])
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise StoreError(f"{path}: damaged: {error}") from error
    if not isinstance(record, dict):
        raise StoreError(f"{path}: damaged: its record is not a table")
    return record


def read_tensors(path: Path, limit: int = MAX_BYTES) -> dict[str, Tensor]:
    """Read a plain safetensors file of at most `limit` bytes.

    Raises:
        StoreError: the file is absent or damaged.
    """
    return _parse(path, read_bytes(path, limit))


def read_only_tensor(array: NDArray[Any]) -> Tensor:
    """Make a tensor on the memory of an array to which nobody writes, as one that is mapped."""
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


def _parse(path: Path, content: bytes) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(content)
    except (SafetensorError, ValueError, RuntimeError, KeyError, TypeError, OverflowError) as error:
        raise StoreError(f"{path}: damaged: not a readable safetensors file: {error}") from error


def _flat(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy the tensors to the CPU, each with its own memory: safetensors refuses tied weights."""
    flat: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        own = tensor.detach().cpu().contiguous()
        if own.untyped_storage().data_ptr() in seen:
            own = own.clone()
        seen.add(own.untyped_storage().data_ptr())
        flat[name] = own
    return flat


def _checksum(tensors: Mapping[str, Tensor], text: str) -> str:
    """Compute SHA-256 over the record and over every tensor's name, type, shape and bytes."""
    import torch

    digest = hashlib.sha256(text.encode(errors="replace"))
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode(errors="replace"))
        if tensor.numel():
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
