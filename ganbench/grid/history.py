"""The environments in which one cell was trained, one after another; most cells have one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ganbench.files.canonical import sha256_of
from ganbench.grid.environment import Environment

_HASH_DIGITS = 10
_LIST = "environments"


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A part of a training.

    Attributes:
        environment: where it was done.
        from_step: generator updates that had been done when it began.
    """

    environment: Environment
    from_step: int = 0


@dataclass(frozen=True)
class History:
    """All stretches of a training, in their order; at least one.

    A training that went on in another environment gives bits that no run can repeat.
    """

    stretches: tuple[Stretch, ...]

    @classmethod
    def of(cls, environment: Environment) -> History:
        """Begin in one environment."""
        return cls((Stretch(environment=environment),))

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> History:
        """Read it from cell.json, whatever version wrote that.

        Raises:
            ValueError: the record does not say.
        """
        listed = record.get(_LIST)
        if listed is None:
            return cls.of(Environment.from_json(record["environment"]))
        return cls._from_list(listed)

    @classmethod
    def from_checkpoint(cls, checkpoint: Mapping[str, Any], record: Mapping[str, Any], data: str) -> History:
        """Read it from the record of a checkpoint.

        Checkpoints of ganbench 0.1.0 have the hash alone, and the fingerprint of the data; the facts are
        those that cell.json has under that hash.

        Args:
            checkpoint: its record.
            record: that of its cell.
            data: the label of the cell's data set.

        Raises:
            ValueError: it does not say.
        """
        if _LIST in checkpoint:
            return cls._from_list(checkpoint[_LIST])
        recorded, fingerprint = checkpoint.get("environment"), checkpoint.get("data")
        if not isinstance(recorded, str) or not isinstance(fingerprint, str):
            raise ValueError("it does not say in which environment it was made")
        found = Environment(device="", engine="", threads=None, versions={}, recorded=recorded)
        try:
            known = cls.from_record(record).stretches
        except (ValueError, KeyError):
            known = ()
        for stretch in known:
            if recorded in (stretch.environment.core_hash, _recorded_hash(record)):
                found = stretch.environment
        return cls.of(replace(found, data={data: fingerprint}))

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> History:
        """Read it from a row of cells.csv; a table older than its column `provenance` knows less."""
        try:
            return cls._from_list(json.loads(str(row.get("provenance") or "")))
        except (ValueError, RecursionError):
            pass
        plugins = (text.partition(" ") for text in str(row["plugins"]).split("; ") if text)
        versions = {name: str(row[name]) for name in ("ganbench", "torch", "torch-fidelity")}
        return cls.of(
            Environment(
                device=str(row["device"]),
                engine=str(row["engine"]),
                threads=None,
                versions=versions,
                numerics=1,
                plugins={name: {"version": version, "digest": ""} for name, _, version in plugins},
                recorded=str(row["environment"]),
            )
        )

    @property
    def last(self) -> Environment:
        """The environment of the latest stretch."""
        return self.stretches[-1].environment

    @property
    def mixed(self) -> bool:
        """Whether it was trained in more than one environment."""
        return len(self.stretches) > 1

    @property
    def hash(self) -> str:
        """Ten hexadecimal digits: those of the one environment, or over the whole list."""
        if not self.mixed:
            return self.last.hash
        listed = [[stretch.environment.hash, stretch.from_step] for stretch in self.stretches]
        return sha256_of(listed)[:_HASH_DIGITS]

    def as_list(self) -> list[dict[str, Any]]:
        """Give each stretch as JSON holds it: `from_step`, and the environment's facts with its hash."""
        return [
            {"from_step": stretch.from_step, **stretch.environment.as_json()} for stretch in self.stretches
        ]

    def as_record(self) -> dict[str, Any]:
        """Give what cell.json holds: `environment`, the latest one under the hash of all of them.

        Where there are several, `environments` lists them.
        """
        record: dict[str, Any] = {"environment": {**self.last.as_json(), "hash": self.hash}}
        return record | ({_LIST: self.as_list()} if self.mixed else {})

    def differences(self, now: Environment) -> list[str]:
        """Name what changes from any of its environments to another; empty where it is that one alone."""
        found = [change for stretch in self.stretches for change in stretch.environment.differences(now)]
        return list(dict.fromkeys(found)) or (["trained in several environments"] if self.mixed else [])

    def on_machine_of(self, now: Environment) -> History:
        """Take the machine of another environment for its own."""
        return History(
            tuple(
                replace(stretch, environment=stretch.environment.on_machine_of(now))
                for stretch in self.stretches
            )
        )

    def conflicts(self, other: History) -> list[str]:
        """Name how the environments of two cells differ in what both use; more than one each is named too."""
        found = [
            change
            for one in self.stretches
            for two in other.stretches
            for change in one.environment.conflicts(two.environment)
        ]
        mixed = self.mixed or other.mixed
        return list(dict.fromkeys(found)) or (["trained in several environments"] if mixed else [])

    def continued(self, now: Environment, step: int) -> History:
        """Go on in an environment from a step.

        A stretch without a step of its own is left out, but for the first: it drew the initial weights.
        """
        kept = [
            stretch for index, stretch in enumerate(self.stretches) if index == 0 or stretch.from_step < step
        ]
        if kept[-1].environment.differences(now):
            return History((*kept, Stretch(environment=now, from_step=step)))
        # The same one, of which more may be known today.
        return History((*kept[:-1], replace(kept[-1], environment=now)))

    @classmethod
    def _from_list(cls, listed: Iterable[Mapping[str, Any]]) -> History:
        try:
            stretches = tuple(
                Stretch(environment=Environment.from_json(item), from_step=int(item["from_step"]))
                for item in listed
            )
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise ValueError(f"not a list of environments: {type(error).__name__}: {error}") from None
        if not stretches:
            raise ValueError("not a list of environments: it is empty")
        return cls(stretches)


def _recorded_hash(record: Mapping[str, Any]) -> object:
    environment = record.get("environment")
    return environment.get("hash") if isinstance(environment, Mapping) else None
