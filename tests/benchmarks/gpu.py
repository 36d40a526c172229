"""The engines on a GPU: first that they are right, then how fast each is; five minutes at most.

`python tests/benchmarks/gpu.py [--out results/training-speed] [--minutes 5]`

Runs the tests that need a GPU; holds every engine against the eager one, 50 rounds in float64; then times
each engine on three pairs of networks, groups of seeds, and scoring. The page is written anew after each
line, so that what was measured stays where time runs out. Where there is no GPU it says so, and ends with
code 2.
"""

from __future__ import annotations

import argparse
import functools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from training_grid import run_grid
from training_overheads import FIRST_STEPS, MAX_STEPS
from training_workloads import ON_GPU, WORKLOADS, Workload

from ganbench.engines import ENGINES
from ganbench.errors import GanbenchError
from ganbench.grid.environment import device_model
from ganbench.runner import build_trainer
from ganbench.runner.sampling import generate_samples
from ganbench.training import Trainer

TESTS = Path(__file__).parents[1]
EQUAL_ROUNDS = 50
# Of a value after these rounds, in float64: other kernels add in another order.
TOLERANCE = 1e-6
SCORED = 10_000
# Seeds in a group.
GROUPS = (4, 16, 64)
REFUSALS = (GanbenchError, RuntimeError, ValueError)


class Page:
    """What is known so far, printed and written line by line."""

    def __init__(self, out: Path | None, until: float) -> None:
        self._out = out
        self._until = until
        self._lines: list[str] = []

    def add(self, *lines: str) -> None:
        self._lines += lines
        print(*lines, sep="\n", flush=True)
        if self._out is not None:
            self._out.mkdir(parents=True, exist_ok=True)
            (self._out / "gpu.md").write_text("\n".join(self._lines) + "\n", encoding="utf-8")

    def row(self, *cells: object) -> None:
        self.add("| " + " | ".join(map(str, cells)) + " |")

    @property
    def seconds_left(self) -> float:
        return self._until - time.monotonic()


def run_tests(page: Page) -> bool:
    """Run the tests with the marker `gpu`; tell whether they passed."""
    files = [str(path) for path in sorted(TESTS.rglob("test_*.py")) if "mark.gpu" in path.read_text()]
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "-m", "gpu", *files]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=page.seconds_left / 2)
    except subprocess.TimeoutExpired:
        page.add("Tests on the GPU: not done in half of the time.")
        return False
    lines = done.stdout.strip().splitlines() or ["no output"]
    page.add(f"Tests on the GPU: {lines[-1]}", *(lines[:-1] if done.returncode else []))
    return done.returncode == 0


def distance(workload: Workload, folder: Path, device: str, engine: str, penalty: str) -> float:
    """Train by an engine and by eager; return the largest relative difference of any weight."""
    ends = []
    for name in ("eager", engine):
        parts = workload.parts(
            folder, device, penalty=penalty, steps=EQUAL_ROUNDS, precision="float64", engine=name
        )
        trainer = build_trainer(parts, name)
        trainer.advance(EQUAL_ROUNDS)
        ends.append([each.detach().cpu() for each in trainer.players.generator.parameters()])
    return max(
        float((one - other).abs().max() / one.abs().max().clamp_min(1e-12))
        for one, other in zip(*ends, strict=True)
    )


def hold_equal(page: Page, folder: Path, device: str, chosen: list[str]) -> bool:
    """Hold every engine, with one seed, against eager; tell whether all are within the tolerance."""
    page.add("", f"After {EQUAL_ROUNDS} rounds in float64, furthest from eager:", "")
    page.add("| workload | penalty | engine | largest relative difference |", "|---|---|---|---|")
    right = True
    for workload in (ON_GPU[name] for name in chosen if name != "resnet-32"):
        for penalty in ("none", "r1"):
            # Eager against itself too: two runs of one engine are the same bits.
            for engine in ENGINES:
                try:
                    far = distance(workload, folder, device, engine, penalty)
                except REFUSALS as refusal:
                    page.row(workload.name, penalty, engine, str(refusal).splitlines()[0])
                    continue
                wrong = not far <= (0.0 if engine == "eager" else TOLERANCE)
                right = right and not wrong
                page.row(workload.name, penalty, engine, f"{far:.1e}{' TOO FAR' if wrong else ''}")
    return right


def rates(
    page: Page, folder: Path, device: str, chosen: list[str], seconds: float
) -> Iterator[tuple[str, str, float]]:
    """Time each engine on each pair, alone; yield workload, engine and steps per second."""
    page.add("", "Steps per second, batch 64:", "")
    page.add("| workload | engine | steps/s | times eager |", "|---|---|---|---|")
    for workload in (ON_GPU[name] for name in chosen):
        eager = 0.0
        for name, engine in ENGINES.items():
            if engine.width > 1:
                continue
            try:
                trainer = build_trainer(workload.parts(folder, device, steps=MAX_STEPS, engine=name), name)
                play = timer(functools.partial(advance, trainer), device)
                # Compiled and captured in the first rounds; the next ones tell how many fit.
                play(FIRST_STEPS)
                rate = FIRST_STEPS / play(FIRST_STEPS)
                steps = max(FIRST_STEPS, round(rate * seconds))
                rate = steps / play(steps)
            except REFUSALS as refusal:
                page.row(workload.name, name, str(refusal).splitlines()[0], "")
                continue
            eager = rate if name == "eager" else eager
            page.row(workload.name, name, f"{rate:.1f}", f"{rate / eager:.2f}" if eager else "")
            yield workload.name, name, rate


def advance(trainer: Trainer, steps: int) -> None:
    """Play further rounds."""
    trainer.advance(trainer.step + steps)


def timer(play: Callable[[int], object], device: str) -> Callable[[int], float]:
    """Make what plays a number of steps and returns the seconds until the device has done them."""

    def timed(steps: int) -> float:
        begun = time.perf_counter()
        play(steps)
        if device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter() - begun

    return timed


def groups(page: Page, folder: Path, device: str, single: float, seconds: float) -> None:
    """Time each engine that trains several seeds at once, on a grid of one full group.

    Args:
        page: takes the lines.
        folder: of the data.
        device: where.
        single: steps per second of one eager seed, by which the steps are chosen.
        seconds: that a group is to take if it is as fast as one seed.
    """
    page.add("", "Groups of seeds of mlp-28, a grid of one group in one worker:", "")
    page.add(
        "| engine | seeds | steps/s of all seeds | time over that of one eager seed |", "|---|---|---|---|"
    )
    steps = max(FIRST_STEPS, round(single * seconds))
    kinds = [name for name, engine in ENGINES.items() if engine.width > 1]
    for name, seeds in [("eager", 1), *((f"{kind}-{seeds}", seeds) for seeds in GROUPS for kind in kinds)]:
        if page.seconds_left < 0:
            continue
        try:
            found = run_grid(
                WORKLOADS["mlp-28"],
                folder,
                {"engine": name},
                steps,
                seeds=seeds,
                jobs=1,
                device=device,
            )
        except REFUSALS as refusal:
            page.row(name, seeds, str(refusal).splitlines()[0], "")
            continue
        rate = found["steps"] / found["seconds"]
        page.row(name, seeds, f"{rate:.1f}", f"{found['seconds'] * single / steps:.2f}")


def scoring(page: Page, folder: Path, device: str, samples: int, eager: float | None) -> None:
    """Time samples of a DCGAN-28 generated and scored by `fashion_cnn`, the real side being known."""
    score = {"metrics": ["fid"], "extractor": "fashion_cnn", "samples": samples}
    parts = WORKLOADS["dcgan-28"].parts(folder, device, score)
    trainer = build_trainer(parts)
    scorer = parts.scorer
    assert scorer is not None

    def score_once(seed: int) -> None:
        made = generate_samples(
            trainer.scored_generator,
            parts.players,
            parts.dataset.signature,
            parts.reference,
            samples,
            seed,
            torch.device(device),
        )
        scorer.score(made, seed=seed)

    play = timer(score_once, device)
    play(0)
    seconds = play(1)
    rounds = "" if eager is None else f", the time of {seconds * eager:.0f} eager rounds of dcgan-32"
    page.add("", f"{samples} samples generated and scored by fashion_cnn: {seconds:.2f} s{rounds}.")


def main() -> int:
    begun = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, help="folder for gpu.md")
    parser.add_argument("--minutes", type=float, default=5.0, help="nothing new is begun after these")
    parser.add_argument("--seconds", type=float, default=3.0, help="of training, per engine and workload")
    parser.add_argument("--samples", type=int, default=SCORED, help="that are scored")
    parser.add_argument("--only", nargs="+", choices=list(ON_GPU), default=list(ON_GPU))
    parser.add_argument("--device", default="cuda", help="cpu tries the script itself, without the tests")
    arguments = parser.parse_args()
    device = arguments.device
    if device != "cpu" and not torch.cuda.is_available():
        print("gpu.py: there is no CUDA device here", file=sys.stderr)
        return 2
    page = Page(arguments.out, begun + 60 * arguments.minutes)
    page.add("# Engines on a GPU", "", f"{device_model(device)}; torch {torch.__version__}, "
             f"CUDA {torch.version.cuda}; {time.strftime('%Y-%m-%d')}.", "")  # fmt: skip
    right = device == "cpu" or run_tests(page)
    with tempfile.TemporaryDirectory() as place, mock.patch.dict(os.environ, GANBENCH_CACHE=f"{place}/cache"):
        folder = Path(place)
        right = hold_equal(page, folder, device, arguments.only) and right
        eager: dict[str, Any] = {}
        for workload, engine, rate in rates(page, folder, device, arguments.only, arguments.seconds):
            if engine == "eager":
                eager[workload] = rate
            if page.seconds_left < 0:
                page.add("", "The rest was left out: the time was up.")
                return 1 - right
        if "mlp-28" in eager:
            groups(page, folder, device, eager["mlp-28"], arguments.seconds)
        scoring(page, folder, device, arguments.samples, eager.get("dcgan-32"))
    return 1 - right


if __name__ == "__main__":
    sys.exit(main())
