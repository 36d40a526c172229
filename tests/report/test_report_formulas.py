from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from ganbench.report.formulas import typeset


def _text(formula: str) -> str:
    return re.sub(r"\s", "", "".join(ET.fromstring(f"<p>{typeset(formula)}</p>").itertext()))


def _tree(formula: str) -> ET.Element:
    return ET.fromstring(f"<p>{typeset(formula)}</p>")


@pytest.mark.parametrize(
    ("formula", "base", "power"),
    [
        ("-E[s(x)²]", "(x)", "2"),
        ("E[(s(x) - a)²]", "(s(x)−a)", "2"),
        ("E[|x - G(z)|²]/2", "|x−G(z)|", "2"),
        ("(|∇s(u·x)| - 1)²", "(|∇s(u·x)|−1)", "2"),
        ("a + b³", "b", "3"),
        ("x)²", ")", "2"),  # closes nothing
    ],
)
def test_a_power_belongs_to_all_that_its_brackets_hold(formula: str, base: str, power: str) -> None:
    (found,) = _tree(formula).iter("msup")
    assert ["".join(part.itertext()) for part in found] == [base, power]


def test_a_sign_is_a_numbers_own_or_stands_between_two() -> None:
    signs = [(sign.text, sign.get("form")) for sign in _tree("-a - [-b, -c] - d").iter("mo")]
    assert [sign for sign in signs if sign[0] == "−"] == [
        ("−", "prefix"),
        ("−", "infix"),
        ("−", "prefix"),
        ("−", "prefix"),
        ("−", "infix"),
    ]


def test_a_line_may_break_outside_of_brackets_only() -> None:
    assert typeset("E[a + b] + E[c], d").count("<math>") == 3


def test_words_stay_apart() -> None:
    space = '<mspace width="0.25em"></mspace>'
    assert f"<mi>log</mi>{space}<mi>D</mi>" in typeset("-E[log D(x)]")
    assert f"<mtext>every</mtext>{space}<mtext>weight</mtext>" in typeset("then every weight")
    assert f"<mtext>to</mtext>{space}<mo" in typeset("clipped to [-c, c]")
    assert space not in typeset("a + b")


def test_an_index_and_a_greek_letter() -> None:
    assert "<msub><mi>λ</mi><mi>k</mi></msub>" in typeset("lambda_k·x")


@pytest.mark.parametrize(
    "formula",
    [
        "k <- clamp(k + lambda_k·(gamma·L(x) - L(G(z))), 0, 1)",
        "½ E[(s(x) - real_target)²], u ~ U(0, 1)",
        "the same, on the same batch",
        "KL(q(z|x) || N(0, I)",
        "²)]",
        "",
    ],
)
def test_nothing_is_lost(formula: str) -> None:
    same = {"<-": "←", "||": "∥", "lambda_k": "λk", "gamma": "γ", "½": "12", "²": "2", "-": "−", " ": ""}
    for plain, set_ in same.items():
        formula = formula.replace(plain, set_)
    assert _text(formula) == formula.replace("½", "12")


def test_hostile_text_is_text() -> None:
    assert "<script" not in typeset("<script>alert(1)</script>")
    assert _text("<img src=x>") == "<imgsrc=x>"
