"""Formulas typeset by the browser itself: plain text to MathML, nothing fetched.

Losses and penalties state formulas as plain text, for terminals too; libraries that write MathML take LaTeX.
"""

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
_BRACKETS = ("(", "[", "{")
_CLOSING = {")": "(", "]": "[", "}": "{", "|": "|"}
# Behind these a sign is a number's own, and a stroke opens an absolute value.
_BEFORE_PREFIX = ("(", "[", "{", ",", ";", "=", "*", "·", "/", "+", "-")
_POWERS = {"²": "2", "³": "3"}
_TOKEN = re.compile(r"\s+|\d+(?:\.\d+)?|[A-Za-z]+(?:_[A-Za-z]+)*|<-|<=|>=|\|\||.", re.DOTALL)
_SIGNS = {"-": "−", "<-": "←", "<=": "≤", ">=": "≥", "||": "∥", "*": "·"}


def typeset(formula: str) -> Markup:
    """Typeset a formula as MathML, in pieces between which a line may break.

    Args:
        formula: as a loss or a penalty states it; what is not understood is shown as it is.
    """
    return Markup(" ").join(
        Markup("<math>{}</math>").format(Markup("").join(_elements(piece, first=index == 0)))
        for index, piece in enumerate(_pieces(formula))
    )


def _pieces(formula: str) -> Iterator[str]:
    """Split at spaces outside of all brackets: after a comma or a semicolon, before a sign."""
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


def _elements(piece: str, *, first: bool) -> list[Markup]:
    elements: list[Markup] = []
    # Where each bracket that is open began, so that a power belongs to all of what it closes.
    opened: list[tuple[str, int]] = []
    closed = 0
    tokens = _TOKEN.findall(piece)
    last = "" if first else "x"
    for before, token, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        if token.isspace():
            # Between words a space must stay; around signs the browser sets its own.
            if before[-1:].isalnum() and (after[:1].isalpha() or (_is_text(before) and after in _BRACKETS)):
                elements.append(Markup('<mspace width="0.25em"></mspace>'))
            continue
        if token in _POWERS and elements:
            start = closed if last in _CLOSING else len(elements) - 1
            base = Markup("<mrow>{}</mrow>").format(Markup("").join(elements[start:]))
            elements[start:] = [Markup("<msup>{}<mn>{}</mn></msup>").format(base, _POWERS[token])]
        elif token in "+-":
            form = "infix" if last and last not in _BEFORE_PREFIX else "prefix"
            elements.append(Markup('<mo form="{}">{}</mo>').format(form, _SIGNS.get(token, token)))
        else:
            if opened and _CLOSING.get(token) == opened[-1][0]:
                closed = opened.pop()[1]
                elements.append(Markup('<mo form="postfix" stretchy="false">{}</mo>').format(token))
            elif token in _BRACKETS or (token == "|" and (not last or last in _BEFORE_PREFIX)):
                opened.append((token, len(elements)))
                elements.append(Markup('<mo form="prefix" stretchy="false">{}</mo>').format(token))
            else:
                closed = len(elements)
                elements.append(_element(token))
        last = token
    return elements


def _is_text(token: str) -> bool:
    return len(token) > 1 and token.isalpha() and token not in _FUNCTIONS and token not in _GREEK


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
