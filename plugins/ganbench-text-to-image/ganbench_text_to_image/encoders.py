"""Texts as vectors: hashed words, which need nothing, or the embeddings of the package wordllama."""

from __future__ import annotations

import hashlib
import itertools
import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Interval

from ganbench import GanbenchError

if TYPE_CHECKING:
    from torch import Tensor

Encoder = Literal["hashing", "wordllama"]
Numbers = Annotated[int, Interval(ge=8, le=4096)]

COMMAND = "pip install ganbench-text-to-image[wordllama]"
_WORDLLAMA_NUMBERS = 256
_HASHING_READING = 1
"""To be raised where the same text comes to another vector."""


def encoder_label(encoder: Encoder, numbers: int) -> str:
    """Name an encoder with all that decides its vectors.

    Raises:
        GanbenchError: it is not installed.
        ValueError: it has no vectors of so many numbers.
    """
    if encoder == "hashing":
        return f"hashing {_HASHING_READING} {numbers}"
    if numbers > _WORDLLAMA_NUMBERS:
        raise ValueError(f"numbers must be at most {_WORDLLAMA_NUMBERS} with wordllama, given {numbers}")
    try:
        return f"wordllama {version('wordllama')} {numbers}"
    except PackageNotFoundError:
        raise GanbenchError(f"encoder 'wordllama' is not installed; get it with: {COMMAND}") from None


def embed(texts: Sequence[str], encoder: Encoder, numbers: int) -> Tensor:
    """Turn texts into vectors, each of length √numbers, so that an entry is about 1.

    Those of wordllama are kept in ganbench's cache by the content of the texts.

    Args:
        texts: at least one.
        encoder: which.
        numbers: of each vector.

    Returns:
        float32 (N, numbers), the same for the same text.

    Raises:
        GanbenchError: the encoder is not installed.
        ValueError: it has no vectors of so many numbers.
    """
    # Imported here, as all that imports torch: a list of names can do without.
    from ganbench import Cache

    label = encoder_label(encoder, numbers)
    if encoder == "hashing":
        return _scaled([_hashed(text, numbers) for text in texts])
    digest = hashlib.sha256("\n".join(f"{len(text)} {text}" for text in texts).encode()).hexdigest()
    key = {"encoder": label, "texts": digest}
    cache = Cache("text-embeddings")
    kept = cache.get(key)
    if kept is not None:
        return kept["vectors"]
    encode = _wordllama()
    vectors = _scaled([encode(text)[:numbers] for text in texts])
    cache.put(key, {"vectors": vectors})
    return vectors


def _scaled(rows: Sequence[Any]) -> Tensor:
    import torch

    vectors = torch.stack([torch.as_tensor(row, dtype=torch.float64) for row in rows])
    lengths = vectors.square().sum(1, keepdim=True).sqrt().clamp_min(1e-12)
    return (vectors / lengths * math.sqrt(vectors.shape[1])).float()


def _hashed(text: str, numbers: int) -> list[float]:
    """Add 1 or -1 for each word, and for each two and three in a row, at a place that their hash says.

    Two in a row do not tell "a red square left of a blue square" from the reverse.
    """
    words = re.findall(r"\w+|[^\w\s]", text.casefold())
    rows = (words, itertools.pairwise(words), zip(words, words[1:], words[2:], strict=False))
    vector = [0.0] * numbers
    for token in (" ".join(each) if isinstance(each, tuple) else each for row in rows for each in row):
        number = int.from_bytes(hashlib.sha256(token.encode()).digest()[:8], "big")
        vector[(number >> 1) % numbers] += 1.0 if number & 1 else -1.0
    return vector


@lru_cache(maxsize=1)
def _wordllama() -> Callable[[str], Any]:
    """Make a function from a text to the mean embedding of its tokens, with the files in the wheel.

    The package itself is not imported: version 0.4.0.post1 looks for its tokenizer in a folder of another
    name than the wheel has, and would download it.
    """
    import numpy as np
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    spec = find_spec("wordllama")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    tokenizer = Tokenizer.from_file(str(folder / "tokenizers" / "l2_supercat_tokenizer_config.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    (table,) = load_file(folder / "weights" / "l2_supercat_256.safetensors").values()

    def encode(text: str) -> Any:
        tokens = tokenizer.encode(text, add_special_tokens=False).ids
        return table[tokens].astype(np.float64).mean(0)

    return encode
