"""Captions with their vectors, and the way back from a vector to the caption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganbench_text_to_image.encoders import Encoder, embed

if TYPE_CHECKING:
    from torch import Tensor

_MAX_CHARACTERS = 200
"""Of a caption on the report's page."""


class Captions:
    """The captions of a data set.

    Args:
        encoder: which one.
        numbers: of a vector.
    """

    def __init__(self, encoder: Encoder, numbers: int) -> None:
        self._encoder: Encoder = encoder
        self._numbers = numbers
        self._by_vector: dict[bytes, str] = {}

    def embed(self, texts: Sequence[str]) -> Tensor:
        """Turn captions into vectors, and remember them.

        Args:
            texts: at least one.

        Returns:
            float32 (N, numbers).
        """
        place = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        vectors = embed(list(place), self._encoder, self._numbers)
        self._by_vector |= dict(zip((vector.tobytes() for vector in vectors.numpy()), place, strict=True))
        return vectors[[place[text] for text in texts]]

    def of(self, condition: Tensor) -> str:
        """Give the caption of a vector, on one line; of a vector that is no caption's, say so."""
        text = self._by_vector.get(
            condition.float().contiguous().numpy().tobytes(), "(no caption of the data)"
        )
        line = "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))
        return line if len(line) <= _MAX_CHARACTERS else line[: _MAX_CHARACTERS - 1] + "…"
