"""How long scoring takes, beside torch-fidelity's own calls on the same images.

`python tests/benchmarks/scoring_speed.py [--out results/scoring-speed]`

FID, IS and KID of a few cells of images against one real side, through Inception (random weights serve) and
through `fashion_cnn`. Ours: an empty cache, one extractor, the real side once. Theirs: a call of
`torch_fidelity.calculate_metrics` a cell; once as it is, once with a name under which it caches the real
side, its cache empty at the start. The ways take turns; medians are compared, and so are the numbers.
"""

from __future__ import annotations

import argparse
import csv
import gc
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch_fidelity import calculate_metrics

from ganbench.api import Samples, Signature
from ganbench.catalog import load_catalog
from ganbench.grid.environment import device_model
from ganbench.scoring import Scorer
from ganbench.scoring.extraction import extract

sys.path.insert(0, str(Path(__file__).parents[1]))
from random_inception import write_random_weights  # a piece of the tests

NAMES = {
    "fid": "frechet_inception_distance",
    "is": "inception_score_mean",
    "kid": "kernel_inception_distance_mean",
}
TARGETS = {
    ("inception_v3", "plain calls"): 2.8,
    ("inception_v3", "calls with a cache name"): 1.4,
    ("fashion_cnn", "plain calls"): 3.0,
}
# Of the first a round takes minutes, of the second a few seconds.
ROUNDS = {"inception_v3": 3, "fashion_cnn": 15}
PACKAGES = ("ganbench", "torch", "torch-fidelity", "numpy")
Values = list[dict[str, float]]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What all ways score.

    Attributes:
        extractor: ganbench's name of it.
        registered: torch-fidelity's.
        weights: the file that torch-fidelity is given, where it takes one.
        cells: uint8 images (N, C, H, W) of each cell.
        real: those of the real side.
        subset: of KID.
    """

    extractor: str
    registered: str
    weights: Path | None
    cells: Sequence[Tensor]
    real: Tensor
    subset: int


class Images(torch.utils.data.Dataset[Tensor]):
    """What torch-fidelity reads: images in memory, grey ones tiled."""

    def __init__(self, images: Tensor) -> None:
        self._images = images.expand(-1, 3, -1, -1)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Tensor:
        return self._images[index]


class RealSide:
    """The real images as a data set of ganbench; each is new to the caches."""

    def __init__(self, images: Tensor) -> None:
        self.signature = Signature(shape=tuple(images.shape[1:]), kind="image")
        self.fingerprint = os.urandom(16).hex()
        self._images = images

    def load(self, split: str) -> Samples:
        return Samples(x=self._images)


def ours(work: Workload, folder: Path, precision: str = "float32") -> Values:
    """ganbench: one scorer for all cells."""
    os.environ["GANBENCH_CACHE"] = str(folder)
    catalog = load_catalog()
    options: Mapping[str, Mapping[str, Any]] = {"kid": {"subset_size": work.subset}}
    scorer = Scorer(
        dataset=RealSide(work.real),
        reference_split="train",
        metrics=[
            (name, catalog.build("metric", name, options.get(name, {})), options.get(name, {}))
            for name in NAMES
        ],
        extractor=catalog.build("extractor", work.extractor, {}),
        extractor_label=work.extractor,
        samples=len(work.cells[0]),
        precision=precision,
    )
    rows = [scorer.score(Samples(x=cell)) for cell in work.cells]
    return [{row.metric: row.value for row in cell if row.metric in NAMES} for cell in rows]


def theirs(work: Workload, folder: Path, cache_name: str | None = None) -> Values:
    """torch-fidelity: a call for each cell."""
    values = []
    for cell in work.cells:
        found = calculate_metrics(
            input1=Images(cell),
            input2=Images(work.real),
            input2_cache_name=cache_name,
            cache_root=str(folder),
            fid=True,
            isc=True,
            kid=True,
            kid_subset_size=work.subset,
            # Set, since one of its metrics has another for a default.
            feature_extractor=work.registered,
            feature_extractor_weights_path=None if work.weights is None else str(work.weights),
            cuda=False,
            verbose=False,
        )
        values.append({ours: found[theirs] for ours, theirs in NAMES.items()})
    return values


WAYS: Mapping[str, Callable[[Workload, Path], Values]] = {
    "ganbench": ours,
    "plain calls": theirs,
    "calls with a cache name": lambda work, folder: theirs(work, folder, "real"),
    "ganbench, bfloat16": lambda work, folder: ours(work, folder, "bfloat16"),
}


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One way, once."""

    extractor: str
    way: str
    round: int
    seconds: float
    values: Values


def measure(work: Workload, rounds: int) -> list[Timing]:
    """Every way in every round, each beginning in another place."""
    timings = []
    names = list(WAYS)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            gc.collect()
            with tempfile.TemporaryDirectory() as folder:
                begun = time.perf_counter()
                values = WAYS[name](work, Path(folder))
                seconds = time.perf_counter() - begun
            timings.append(
                Timing(extractor=work.extractor, way=name, round=turn, seconds=seconds, values=values)
            )
            print(f"{work.extractor}, round {turn}, {name}: {seconds:.3f} s", flush=True)
    return timings


def shares(work: Workload) -> dict[str, float]:
    """Seconds that ganbench cannot go below: to build the extractor, and to take every image through it."""
    begun = time.perf_counter()
    extractor = load_catalog().build("extractor", work.extractor, {})
    built = time.perf_counter()
    for part in (*work.cells, work.real):
        extract(extractor, part, torch.device("cpu"))
    return {"building the extractor": built - begun, "features": time.perf_counter() - built}


def random_inception(folder: Path) -> Path:
    """A file of seeded Inception weights, which ganbench is told of."""
    path = folder / "inception.pth"
    os.environ["GANBENCH_INCEPTION_SHA256"] = write_random_weights(path)
    os.environ["GANBENCH_INCEPTION_WEIGHTS"] = str(path)
    return path


def images(count: int, channels: int, size: int, seed: int, brightness: float) -> Tensor:
    """Seeded images, smooth as pictures are: noise of a quarter of the size, enlarged."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand((count, channels, size // 4, size // 4), generator=random)
    smooth = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bilinear")
    return (smooth * 255 * brightness).to(torch.uint8)


def workload(extractor: str, arguments: argparse.Namespace, folder: Path) -> Workload:
    channels, size = (3, 32) if extractor == "inception_v3" else (1, 28)
    return Workload(
        extractor=extractor,
        registered="inception-v3-compat" if extractor == "inception_v3" else "ganbench-fashion-cnn",
        weights=random_inception(folder) if extractor == "inception_v3" else None,
        cells=[
            images(arguments.generated, channels, size, seed, 0.5 + 0.3 * seed / arguments.cells)
            for seed in range(arguments.cells)
        ],
        real=images(arguments.real, channels, size, arguments.cells, 1.0),
        subset=arguments.generated // 2,
    )


def summary(
    timings: Sequence[Timing], parts: Mapping[str, Mapping[str, float]], arguments: argparse.Namespace
) -> str:
    """The table as Markdown.

    Args:
        timings: of all extractors.
        parts: what `shares` gave, by extractor.
        arguments: of the command line.
    """
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    lines = [
        "# Scoring speed",
        "",
        f"FID, IS and KID (subsets of {arguments.generated // 2}) of {arguments.cells} cells of "
        f"{arguments.generated} images against {arguments.real} real ones; medians of alternating rounds. "
        f"Made by `python tests/benchmarks/scoring_speed.py`, {time.strftime('%Y-%m-%d')}.",
        "",
        f"{device_model('cpu')}, threads: {torch.get_num_threads()}; Python {platform.python_version()}, "
        f"{versions}; load average {os.getloadavg()[0]:.1f} at the end.",
        "",
        "| extractor | way | rounds | seconds | times ganbench's | at least | furthest from plain calls |",
        "|---|---|---|---|---|---|---|",
    ]
    for extractor in parts:
        own = [timing for timing in timings if timing.extractor == extractor]
        values = {timing.way: timing.values for timing in own}
        seconds = {
            way: statistics.median(timing.seconds for timing in own if timing.way == way) for way in WAYS
        }
        for way in WAYS:
            target = TARGETS.get((extractor, way))
            distances = (f"{name} {far(values[way], values['plain calls'], name):.1e}" for name in NAMES)
            lines.append(
                f"| {extractor} | {way} | {len(own) // len(WAYS)} | {seconds[way]:.3f} | "
                f"{seconds[way] / seconds['ganbench']:.2f} | {target or ''} | {', '.join(distances)} |"
            )
    lines += ["", "What remains of ganbench's seconds, timed apart:", ""]
    for extractor, named in parts.items():
        lines.append(f"- {extractor}: " + ", ".join(f"{name} {value:.3f}" for name, value in named.items()))
    return "\n".join(lines) + "\n"


def far(values: Values, expected: Values, name: str) -> float:
    """The largest relative difference of a metric in any cell."""
    return max(abs(a[name] / b[name] - 1) for a, b in zip(values, expected, strict=True))


def write(timings: Sequence[Timing], text: str, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "README.md").write_text(text, encoding="utf-8")
    with (out / "seconds.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["extractor", "way", "round", "seconds", "cell", *NAMES])
        for timing in timings:
            for cell, values in enumerate(timing.values):
                numbers = [repr(values[name]) for name in NAMES]
                writer.writerow(
                    [timing.extractor, timing.way, timing.round, f"{timing.seconds:.4f}", cell, *numbers]
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, help="folder for README.md and seconds.csv")
    parser.add_argument("--extractors", nargs="+", choices=list(ROUNDS), default=list(ROUNDS))
    parser.add_argument("--rounds", type=int, help=f"of each extractor; unless given {ROUNDS}")
    parser.add_argument("--cells", type=int, default=3)
    parser.add_argument("--generated", type=int, default=200)
    parser.add_argument("--real", type=int, default=400)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    timings: list[Timing] = []
    parts: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for extractor in arguments.extractors:
            work = workload(extractor, arguments, folder)
            few = replace(work, cells=[work.cells[0][:20]], real=work.real[:20], subset=10)
            for way in WAYS.values():
                # Imports, and the first touch of everything, are nobody's.
                way(few, Path(stack.enter_context(tempfile.TemporaryDirectory())))
            timings += measure(work, arguments.rounds or ROUNDS[extractor])
            parts[extractor] = shares(work)
    text = summary(timings, parts, arguments)
    print(text)
    if arguments.out is not None:
        write(timings, text, arguments.out)


if __name__ == "__main__":
    main()
