from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

from fabricated_results import Folder

from ganbench.report import load
from ganbench.report.notebook import MAX_ITEMS


class _Html(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def _shown(folder: Folder) -> _Html:
    return _Html(load(folder.path)._repr_html_())


def test_verdicts_and_comparison(planted: Folder) -> None:
    html = _shown(planted)
    assert html.words.startswith("planted: 6 cells: 6 ok")
    assert "No difference shown non_saturating against minimax" in html.words
    assert "-3 [" in html.words
    assert "All rows: digits, mlp." in html.words
    assert (html.tags.count("tr"), html.tags.count("li")) == (3, 1)


def test_nothing_to_compare_shows_the_final_scores(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for seed in range(3):
        folder.add(seed=seed, scores={"fid": 1.0 + seed})
    html = _shown(folder)
    assert "Nothing to compare." in html.words
    assert "2 ± 1 (3)" in html.words


def test_nothing_at_all(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(status="unfinished", curves=False)
    html = _shown(folder)
    assert "1 cell: 1 unfinished" in html.words
    assert "table" not in html.tags


def test_markup_in_names_is_text(make_folder: Callable[..., Folder]) -> None:
    hostile = "<script>alert(1)</script>{0}"
    folder = make_folder("a&b", grid="name = 'x'")
    for loss in ("minimax", hostile):
        for dataset in (hostile, "digits"):
            folder.add(
                loss=loss, dataset=dataset, scores=[{"metric": hostile, "value": 1.0, "note": hostile}]
            )
    html = _shown(folder)
    assert "script" not in html.tags
    assert html.words.count(hostile) >= 5
    assert html.words.startswith("a&b: ")


def test_long_results_are_cut_with_a_word(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder(grid="name = 'x'")
    for number in range(MAX_ITEMS + 5):
        for loss in ("a", "b"):
            folder.add(loss=loss, dataset=f"data{number}", scores={"fid": 1.0}, curves=False, picture=False)
    html = _shown(folder)
    assert html.words.count("and 5 more") == 2
    assert html.tags.count("tr") == MAX_ITEMS + 2
