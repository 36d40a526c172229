from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fabricated_results import Folder

from ganbench.report import write_page, write_tables
from ganbench.report.page_parts import objectives_text_table
from ganbench.report.results import load
from ganbench.store import Store

MINIMAX = {"discriminator": "-E[log D(x)]", "generator": "E[log(1 - D(G(z)))]", "reference": "2014, eq. 1"}

# What is looked at are words.
pytestmark = pytest.mark.usefixtures("undrawn")

R1 = {"discriminator": "weight/2 · E[|∇ s(x)|²]"}


@pytest.mark.slow
def test_each_objective_is_there_once_with_what_both_players_minimise(make_folder: Callable[..., Folder]):
    folder = make_folder()
    for seed in (0, 1):
        folder.add(loss="minimax", seed=seed, penalty="r1", formulas={"loss": MINIMAX, "penalty": R1})
        folder.add(loss="own_loss", seed=seed, formulas={"loss": {}, "penalty": {}})
    store = Store(folder.path)
    sheet = objectives_text_table(store, write_tables(store).cells)
    assert list(sheet.rows) == [
        ("minimax", "-E[log D(x)]", "E[log(1 - D(G(z)))]", "2014, eq. 1"),
        ("r1", "D's loss + weight/2 · E[|∇ s(x)|²]", "unchanged", "-"),
    ]
    page = write_page(store, load(folder.path)).read_text()
    # Typeset: each sign in an element of its own, and a minus instead of a hyphen.
    words = re.sub(r"<[^>]*>|\s", "", page)
    assert "E[log(1−D(G(z)))]" in words
    assert "2014, eq. 1" in page


@pytest.mark.slow
@pytest.mark.parametrize("formulas", [None, 3, {"loss": "text"}, {"loss": {"generator": ["x"]}}, {}])
def test_records_without_formulas_or_with_odd_ones_do_no_harm(make_folder: Callable[..., Folder], formulas):
    folder = make_folder()
    folder.add(loss="minimax", formulas=formulas)
    store = Store(folder.path)
    write_page(store, write_tables(store))


@pytest.mark.slow
def test_a_formula_that_is_a_script_is_shown_as_text(make_folder: Callable[..., Folder]):
    folder = make_folder()
    folder.add(formulas={"loss": {"generator": "<script>alert(1)</script>"}})
    store = Store(folder.path)
    page = write_page(store, write_tables(store)).read_text()
    # Its own script, and no other.
    assert page.count("<script") == 1
    assert "alert(1)" not in page.replace(" ", "")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in re.sub(r"<[^>]*>|\s", "", page)
