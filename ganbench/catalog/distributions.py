"""The installed distributions that declare entry points of the group `ganbench`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

GROUP = "ganbench"
# What the packages beside ganbench register, so that an error can say which one has a name.
_BESIDE: dict[str, dict[str, tuple[str, ...]]] = {
    "ganbench-efficientnet": {"extractor": ("efficientnet_lite0",)},
    "ganbench-r3gan": {"loss": ("r3gan",), "penalty": ("r3gan_r1_r2",), "architecture": ("r3gan_resnet",)},
    "ganbench-relativistic": {"loss": ("relativistic",)},
    "ganbench-super-resolution": {
        "architecture": ("sr_resnet", "sr_bicubic"),
        "loss": ("sr_pixel", "srgan"),
        "dataset": ("sr_pairs", "sr_photographs", "sr_crops"),
        "metric": ("sr_sharpness",),
    },
    "ganbench-text-to-image": {
        "architecture": ("text_gan_nets",),
        "loss": ("text_gan", "text_gan_cls", "text_gan_int", "text_gan_int_cls"),
        "dataset": ("captioned_shapes", "captioned_folder"),
        "metric": ("caption_match", "caption_margin", "caption_recall"),
    },
}
PACKAGES = {
    (kind, name): package
    for package, kinds in _BESIDE.items()
    for kind, names in kinds.items()
    for name in names
}
"""The package beside ganbench that registers a name, by kind and name."""
_HEADING = re.compile(rf"^\s*\[\s*{GROUP}\s*\]\s*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """One installed package with plugins.

    Attributes:
        name: as its metadata spells it.
        version: its version; empty where the metadata has none.
        requires: its requirements, one string each.
        entry_points: those of the group, sorted by name.
        problem: why the entry points cannot be read; empty where they can.
    """

    name: str
    version: str
    requires: tuple[str, ...]
    entry_points: tuple[metadata.EntryPoint, ...]
    problem: str = ""


def ganbench_version() -> str:
    """Read the installed version; `0+unknown` where ganbench runs from a checkout that is not installed."""
    try:
        return metadata.version("ganbench")
    except metadata.PackageNotFoundError:
        return "0+unknown"


def normalized(name: str) -> str:
    """Normalise a distribution's name, so that two spellings of it are equal."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed() -> Iterator[Distribution]:
    """List the distributions with entry points of the group, sorted by name.

    A distribution that is on the path twice counts once: the first one found is the one that is imported.
    """
    names: dict[str, str] = {}
    for found in metadata.distributions():
        # Reading one small file each is many times cheaper than parsing every package's metadata.
        try:
            declares = _HEADING.search(found.read_text("entry_points.txt") or "")
        except (OSError, UnicodeError):
            continue
        if declares and (name := found.metadata["Name"]):
            names.setdefault(normalized(name), name)
    for _, name in sorted(names.items()):
        distribution = _read(metadata.distribution(name))
        if distribution.entry_points or distribution.problem:
            yield distribution


def _read(found: metadata.Distribution) -> Distribution:
    problem = ""
    entry_points: tuple[metadata.EntryPoint, ...] = ()
    try:
        entry_points = tuple(sorted(found.entry_points.select(group=GROUP), key=lambda point: point.name))
    except Exception as error:
        problem = f"its entry_points.txt cannot be read: {error}"
    return Distribution(
        name=found.metadata["Name"],
        version=found.metadata["Version"] or "",
        requires=tuple(found.requires or ()),
        entry_points=entry_points,
        problem=problem,
    )
