"""Tensors and JSON in one checksummed safetensors file; nothing is ever pickled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganbench.errors import StoreError
from ganbench.store.atomic import read_bytes, write_bytes

if TYPE_CHECKING:
    from torch import Tensor

# Far above any GAN of today; a file that claims more is damaged or hostile.
LARGEST = 64 * 2**30


def serialise(tensors: Mapping[str, Tensor]) -> bytes:
    """The safetensors bytes of a flat mapping of tensors, without metadata: equal tensors, equal bytes."""
    from safetensors.torch import save

    return save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def write_state(path: Path, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
    """Write tensors and a JSON record, with a checksum over both.

    Raises:
        StoreError: the file system refuses.
    """
    from safetensors.torch import save

    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(record, sort_keys=True, allow_nan=True)
    write_bytes(path, save(flat, metadata={"record": text, "sha256": _checksum(flat, text)}))


def read_state(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_state` wrote.

    Raises:
        StoreError: the file is absent, truncated, or not what was written.
    """
    from safetensors import SafetensorError, safe_open

    # The bytes are read first so that a file that is swapped or grows meanwhile cannot be half checked.
    try:
        with safe_open(path, framework="pt", device="cpu") as archive:
            metadata = archive.metadata() or {}
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118 - not a mapping
    except (OSError, SafetensorError, ValueError, RuntimeError, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: cannot be read: {error}") from error
    text = metadata.get("record", "")
    if metadata.get("sha256") != _checksum(tensors, text):
        raise StoreError(f"{path}: damaged: its checksum does not match its content")
    return tensors, json.loads(text)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a plain safetensors file.

    Raises:
        StoreError: the file is absent or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(read_bytes(path, LARGEST))
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise StoreError(f"{path}: not a readable safetensors file: {error}") from error


def _checksum(tensors: Mapping[str, Tensor], text: str) -> str:
    """SHA-256 over the record and over every tensor's name, type, shape and bytes."""
    import torch

    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        if tensor.numel():
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
