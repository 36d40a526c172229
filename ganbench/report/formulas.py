"""Formulas typeset by the browser itself: plain text to MathML, nothing fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup, escape

# Names that are set upright, as operators are; other words of several letters are text.
_FUNCTIONS = ("log", "exp", "max", "min", "softmax", "softplus", "clamp", "sign", "sum", "mean", "KL")
_GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "epsilon": "ε",
    "lambda": "λ",
    "sigma": "σ",
    "theta": "θ",
}
_POWERS = {"²": "2", "³": "3"}
_TOKEN = re.compile(r"\s+|\d+(?:\.\d+)?|[A-Za-z]+(?:_[A-Za-z]+)*|<-|<=|>=|\|\||.", re.DOTALL)
_SIGNS = {"-": "−", "<-": "←", "<=": "≤", ">=": "≥", "||": "∥", "*": "·"}


def typeset(formula: str) -> Markup:
    """A formula as MathML, in pieces between which a line may break.

    Args:
        formula: as a loss or a penalty states it; what is not understood is shown as it is.
    """
    return Markup(" ").join(
        Markup("<math>{}</math>").format(Markup("").join(_elements(piece))) for piece in _pieces(formula)
    )


def _pieces(formula: str) -> Iterator[str]:
    """Parts that end at a space outside of all brackets, behind a comma, a semicolon or before a sign."""
    depth, piece = 0, ""
    for index, letter in enumerate(formula):
        depth += (letter in "([{") - (letter in ")]}")
        following = formula[index + 1 : index + 3]
        if letter == " " and depth <= 0 and piece and (piece[-1] in ",;:" or following in ("+ ", "- ")):
            yield piece
            piece = ""
        else:
            piece += letter
    if piece:
        yield piece


def _elements(piece: str) -> list[Markup]:
    elements: list[Markup] = []
    tokens = _TOKEN.findall(piece)
    for before, token, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        if token.isspace():
            # Between words a space must stay; around signs the browser sets its own.
            if before[-1:].isalnum() and after[:1].isalpha():
                elements.append(Markup('<mspace width="0.25em"></mspace>'))
        elif token in _POWERS and elements:
            elements.append(Markup("<msup>{}<mn>{}</mn></msup>").format(elements.pop(), _POWERS[token]))
        else:
            elements.append(_element(token))
    return elements


def _element(token: str) -> Markup:
    if token[0].isdigit():
        return Markup("<mn>{}</mn>").format(token)
    if token == "½":
        return Markup("<mfrac><mn>1</mn><mn>2</mn></mfrac>")
    head, _, index = token.partition("_")
    if token[0].isalpha() and len(index) == 1:
        return Markup("<msub>{}<mi>{}</mi></msub>").format(_element(head), index)
    if token in _GREEK:
        return Markup("<mi>{}</mi>").format(_GREEK[token])
    if (len(token) == 1 and token.isalpha()) or token in _FUNCTIONS:
        return Markup("<mi>{}</mi>").format(token)
    if token[0].isalpha():
        return Markup("<mtext>{}</mtext>").format(token)
    return Markup("<mo>{}</mo>").format(escape(_SIGNS.get(token, token)))
