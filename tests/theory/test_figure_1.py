from __future__ import annotations

from pathlib import Path

import pytest
import torch
from figure_1 import main
from PIL import Image


@pytest.mark.slow
def test_the_script_draws_every_data_set_at_every_moment(tmp_path: Path) -> None:
    few = ["--set", "train.steps=12", "--set", 'axes."train.freeze_generator_at"=[0, 5]']
    threads = torch.get_num_threads()
    try:
        main(["--out", str(tmp_path / "out"), *few])
    finally:
        torch.set_num_threads(threads)
    # A panel of 3.2 by 3 inches, at 100 dots an inch, for each.
    with Image.open(tmp_path / "out" / "figure_1.png") as picture:
        assert picture.size == (2 * 320, 2 * 300)
        assert len(picture.convert("RGB").getcolors(maxcolors=2**20)) > 100
