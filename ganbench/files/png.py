"""PNG files: equal pixels give equal bytes, and words about the picture are kept in it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image
from PIL.PngImagePlugin import PngInfo

# Of one picture; what claims more was not written by ganbench.
MAX_ROWS = 64
MAX_HEADS = 8
MAX_CHARACTERS = 200
_MAX_ENCODED_BYTES = 2**17
_KEYWORD = "ganbench"
# The PNG specification's own name for a text about the picture.
_DESCRIPTION = "Description"


@dataclass(frozen=True, kw_only=True)
class PictureWords:
    """What the images of a picture are.

    Attributes:
        heads: of its columns, from the left.
        rows: number and caption of its rows, or of groups of them, from the top.
    """

    heads: Sequence[str] = ()
    rows: Sequence[tuple[str, str]] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to say."""
        return bool(self.heads or self.rows)


def encode_png(picture: Image.Image, words: PictureWords | None = None, description: str = "") -> bytes:
    """Encode a picture as a PNG: equal pixels and equal words give equal bytes.

    Args:
        picture: any.
        words: what its images are, for the report's page.
        description: of the whole picture, for people.
    """
    text = PngInfo()
    if words:
        told = {"heads": list(words.heads), "rows": [list(row) for row in words.rows]}
        text.add_itxt(_KEYWORD, json.dumps(told))
    if description:
        text.add_itxt(_DESCRIPTION, description)
    stream = io.BytesIO()
    picture.save(stream, format="png", pnginfo=text)
    return stream.getvalue()


def read_words(picture: Image.Image) -> PictureWords:
    """Read what the images of a PNG are; nothing where it does not say so, or not as `encode_png` does.

    Args:
        picture: decoded, from any source.
    """
    text = getattr(picture, "text", {}).get(_KEYWORD, "")
    try:
        # Nesting is bounded by the length.
        told = json.loads(text[:_MAX_ENCODED_BYTES]) if text else {}
        heads = [_short(head) for head in told.get("heads", [])[:MAX_HEADS]]
        rows = [(_short(number), _short(caption)) for number, caption in told.get("rows", [])[:MAX_ROWS]]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return PictureWords()
    return PictureWords(heads=tuple(heads), rows=tuple(rows))


def _short(text: object) -> str:
    """Take a text of a file.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(text, str):
        raise TypeError(f"given {type(text).__name__}")
    return "".join(character if character.isprintable() else " " for character in text[:MAX_CHARACTERS])
