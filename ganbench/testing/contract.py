"""What every contract has: the thing that it checks, its stage, its findings, and the check of options."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch

from ganbench.api.specs import Spec
from ganbench.catalog import Catalog, Kind, load_catalog
from ganbench.catalog.contracts import build_part
from ganbench.catalog.faults import Part
from ganbench.errors import GanbenchError
from ganbench.scoring import seeded
from ganbench.testing.findings import (
    ContractFailure,
    ContractFinding,
    NotApplicable,
    contract_check,
    place_of,
)
from ganbench.testing.stage import CPU, Stage, entry_of_spec

_TEST = "test_"
_SEEDS = (11, 12)
_LIBRARIES = ("builtins", "torch", "typing", "abc", "collections")


class Contract:
    """What a thing of one kind must hold to, as tests that pytest collects from a subclass.

    ```python
    class TestMyLoss(LossContract):
        name = "my_loss"
    ```

    Without pytest, `TestMyLoss.findings()` runs the same checks.

    Attributes:
        kind: what the thing is.
        name: under which it is registered.
        spec: in the place of a name, for a thing that is not registered.
        options: that it is built with, as a grid gives them; the defaults unless given.
        axes: what it is played with, as the axes of a grid with one value each: `{"dataset": "digits"}`.
            Without them, small data and networks are tried until it fits.
        plugins: files or modules that the catalog has besides, as `ganbench.run` takes them.
        like: names of registered things that it may be numerically the same as.
    """

    kind: ClassVar[Kind]
    name: ClassVar[str] = ""
    spec: ClassVar[Spec | None] = None
    options: ClassVar[Mapping[str, Any]] = {}
    axes: ClassVar[Mapping[str, Any]] = {}
    plugins: ClassVar[Sequence[Any]] = ()
    like: ClassVar[Sequence[str]] = ()

    @classmethod
    def stage(cls) -> Stage:
        """Set the stage of this contract, once.

        Raises:
            TypeError: the class has neither or both of `name` and `spec`.
            CatalogError: nothing is registered under the name.
        """
        if "_stage" not in vars(cls):
            if bool(cls.name) == (cls.spec is not None):
                raise TypeError(f"{cls.__name__} must have either a name or a spec of a {cls.kind}")
            catalog: Catalog = load_catalog(plugins=cls.plugins)
            entry = (
                catalog.entry(cls.kind, cls.name) if cls.spec is None else entry_of_spec(cls.kind, cls.spec)
            )
            cls._stage = Stage.of(catalog, entry, cls.options, cls.axes)
        return cls._stage

    _stage: ClassVar[Stage]

    @property
    def part(self) -> Part:
        """The thing, as messages name it."""
        return self.stage().part

    @classmethod
    def checks(cls) -> tuple[str, ...]:
        """List the names of the checks, those of all kinds first."""
        names: dict[str, None] = {}
        for base in reversed(cls.__mro__):
            names |= dict.fromkeys(name for name in vars(base) if name.startswith(_TEST))
        return tuple(name.removeprefix(_TEST) for name in names)

    @classmethod
    def findings(cls) -> Iterator[ContractFinding]:
        """Run the checks one after another, and tell how each ended."""
        who = cls.stage().part.who
        for check in cls.checks():
            try:
                getattr(cls(), _TEST + check)()
            except NotApplicable as reason:
                yield ContractFinding(who=who, check=check, status="not applicable", error=str(reason))
            except ContractFailure as failure:
                for error, where in failure.problems:
                    yield ContractFinding(
                        who=who, check=check, status="failed", error=error, where=where, advice=failure.advice
                    )
            else:
                yield ContractFinding(who=who, check=check, status="passed")

    @contract_check("Give each parameter of `build` an annotation and a default, and say what it means.")
    def test_options_are_typed_and_documented(self) -> None:
        """Require an annotation of each option, and a docstring or `Annotated` that says what it means."""
        entry, build = self.part.entry, self.part.function
        assert entry is not None
        assert build is not None
        parameters = _annotations(entry.spec.build)
        told = _told_by(entry.spec.build)
        problems = []
        for name in entry.options:
            annotation = parameters[name].annotation
            if annotation is inspect.Parameter.empty:
                problems.append(f"option {name!r} has no annotation, as {name}: float = 1.0")
            noted = any(isinstance(note, str) for note in getattr(annotation, "__metadata__", ()))
            if not noted and not re.search(rf"\b{re.escape(name)}\b", told):
                problems.append(f"option {name!r} is in no docstring, as in `Args:` {name}: ...")
        self.fail_if(problems, "build")

    @contract_check(
        "Make what `build` draws depend on torch's global generator alone, and seed nothing in it."
    )
    def test_build_seeds_nothing(self) -> None:
        """Require that what is drawn after `build` still depends on the seed of before."""
        left = []
        for seed in _SEEDS:
            with seeded(seed, CPU):
                try:
                    self._build()
                except GanbenchError:
                    raise NotApplicable("it cannot be built, which another check tells") from None
                left.append((torch.get_rng_state(), str(np.random.get_state())))
        (torchs, numpys), (torchs_then, numpys_then) = left
        names = ["torch's"] if torch.equal(torchs, torchs_then) else []
        names += ["numpy's"] if numpys == numpys_then else []
        self.fail_if(
            [f"build seeds {' and '.join(names)} global generator: every seed begins alike"] if names else [],
            "build",
            "Leave the seed to ganbench: take torch.manual_seed and numpy.random.seed out of `build`.",
        )

    def _build(self) -> Any:
        """Build the thing outside of any game."""
        stage = self.stage()
        return build_part(stage.part, stage.options, stage.catalog)

    def fail_if(self, problems: Sequence[str], hook: str = "", advice: str = "") -> None:
        """Fail where there is a problem.

        Args:
            problems: what is wrong, each in a few words.
            hook: of which of the thing's methods.
            advice: what to do; that of the check where it is empty.

        Raises:
            ContractFailure: with all problems.
        """
        if problems:
            __tracebackhide__ = True
            where = place_of(self.part, hook)
            raise ContractFailure(self.part.who, tuple((problem, where) for problem in problems), advice)

    def same_as(self, alike: Callable[[str], bool]) -> str:
        """Find a registered thing of this kind that is numerically the same, and that nothing admits to.

        Its summary or docstring admits it by the name.

        Args:
            alike: whether the thing of a name is the same; what raises is not.

        Returns:
            The name; empty where there is none.
        """
        stage = self.stage()
        assert stage.part.entry is not None
        told = f"{stage.part.entry.spec.summary} {_told_by(stage.part.entry.spec.build)}"
        for entry in stage.catalog.entries(stage.kind):
            name = entry.name
            if name in (stage.part.name, *self.like) or re.search(rf"\b{re.escape(name)}\b", told):
                continue
            if any(option.required for option in entry.options.values()):
                continue
            try:
                if alike(name):
                    return name
            except Exception:  # whatever another thing does with networks and data that are not for it
                continue
        return ""


def _told_by(build: Callable[..., Any]) -> str:
    """Join the docstrings of a class, its own bases and their `__init__`, or that of a function."""
    while isinstance(build, partial) or hasattr(build, "__wrapped__"):
        build = build.func if isinstance(build, partial) else build.__wrapped__
    if not isinstance(build, type):
        return build.__doc__ or ""
    bases = [base for base in build.__mro__ if base.__module__.partition(".")[0] not in _LIBRARIES]
    documented = [*bases, *(vars(base).get("__init__") for base in bases)]
    return "\n".join(getattr(one, "__doc__", None) or "" for one in documented)


def _annotations(build: Callable[..., Any]) -> Mapping[str, Any]:
    """Give the parameters of `build`, with their annotations as objects where they can be resolved."""
    try:
        return inspect.signature(build, eval_str=True).parameters
    except Exception:  # names that only type checkers import
        return inspect.signature(build).parameters
