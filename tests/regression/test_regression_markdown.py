"""A check as Markdown."""

from __future__ import annotations

import pytest

from ganbench.regression import check, markdown_of


@pytest.mark.slow
def test_a_table_with_a_row_for_each_score(outcome, tmp_path):
    text = markdown_of(outcome)
    assert text.startswith("### ganbench check: regression (2 regression, 1 inconclusive,")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(outcome.findings)
    # Escaped bars part no cells.
    assert {line.replace("\\|", "").count("|") for line in table} == {10}
    assert table[3].startswith(
        "| **regression** | digits, net\\[a\\|b=\\<1\\>\\] | fid (digits\\_cnn) | 20 ± 1.01 |"
    )
    assert (
        "worse by 4 (20%); 3.11 worse to 4.89 worse with 90% confidence | 6% = 1.2 | \\<0.001 | 8 against 8 |"
        in table[3]
    )
    assert table[2].endswith("| 6% | - | 1 (1 failed) against 2 |")
    assert "- 3 of 36 cells are bit-identical to the baseline's" in text
    assert "about 13 seeds against this baseline would settle it" in text
    assert text.endswith("One-sided tests at alpha 0.05; p adjusted by Holm's method over 4 tests.\n")


def test_identical_folders_need_no_table(tables):
    path = tables("a").add([1.0, 2.0]).write()
    text = markdown_of(check(path, path))
    assert "|" not in text
    assert "- all 2 cells are bit-identical to the baseline's" in text
    assert "alpha" not in text
