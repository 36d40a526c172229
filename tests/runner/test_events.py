from __future__ import annotations

from ganbench.runner.events import CellNote, CellProgress, CellScored


def test_a_listener_reads_the_keys_that_it_always_did() -> None:
    at = {"cell": "c0123456789a", "step": 5}
    losses = {**at, "loss_d": 1.5, "loss_g": 0.5}
    assert CellProgress(cell="c0123456789a", step=5, loss_d=1.5, loss_g=0.5).as_mapping() == losses
    scored = CellScored(cell="c0123456789a", step=5, loss_d=1.5, loss_g=0.5)
    assert scored.as_mapping() == {**losses, "scored": True}
    before = CellProgress(cell="c0123456789a", step=5).as_mapping()
    assert before == {**at, "loss_d": None, "loss_g": None}
    assert CellNote(cell="c", note="odd").as_mapping() == {"cell": "c", "note": "odd"}
