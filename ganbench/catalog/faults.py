"""Which plugin an exception comes from, and the line that says so."""

from __future__ import annotations

import functools
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from types import FrameType
from typing import TYPE_CHECKING, Any

from ganbench.catalog.distributions import GROUP
from ganbench.catalog.kinds import Kind
from ganbench.catalog.record import Entry
from ganbench.errors import CatalogError, GanbenchError, PluginError, PluginFault, said

if TYPE_CHECKING:
    from ganbench.catalog.catalog import Catalog

# Functions of each kind that ganbench calls; a frame of one of them tells which of a plugin's things ran.
_HOOKS: dict[Kind, frozenset[str]] = {
    "loss": frozenset({"discriminator_loss", "generator_loss", "logit", "after_discriminator_step"}),
    "penalty": frozenset({"__call__"}),
    "augmentation": frozenset({"__call__"}),
    "architecture": frozenset({"forward"}),
    "dataset": frozenset({"load", "density", "describe", "signature", "fingerprint"}),
    "metric": frozenset({"__call__", "check"}),
    "extractor": frozenset({"__call__"}),
    "optimizer": frozenset({"step"}),
    "update": frozenset({"play"}),
}
# Functions of ganbench that run a network, and which.
_NETWORKS = {
    ("ganbench.training.cell_game", "score"): "the discriminator",
    # Within the former, and none.
    ("ganbench.training.cell_game", "augmented"): "",
    ("ganbench.training.cell_game", "generate"): "the generator",
    ("ganbench.runner.sampling", "generate_samples"): "the generator",
}
_OWN = ("ganbench",)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One named thing that takes part in a cell.

    Attributes:
        kind: what it is.
        name: as the catalog has it.
        label: its name with options, as messages show it.
        entry: the catalog's; None where nothing of this name is registered.
    """

    kind: Kind
    name: str
    label: str
    entry: Entry | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, catalog: Catalog, kind: Kind, name: str, label: str) -> Part:
        """Look a thing up in a catalog."""
        found = [entry for entry in catalog.find(name) if entry.kind == kind]
        return cls(kind=kind, name=name, label=label, entry=found[0] if found else None)

    @property
    def foreign(self) -> bool:
        """Whether a distribution other than ganbench provides it."""
        entry = self.entry
        return entry is not None and not entry.plugin.builtin

    @property
    def who(self) -> str:
        """`loss 'x' (plugin my-dist 0.1)`; without the plugin where ganbench itself provides it."""
        entry = self.entry
        if entry is None or entry.plugin.builtin:
            return f"{self.kind} {self.label!r}"
        plugin = " ".join(filter(None, ("plugin", entry.plugin.distribution, entry.plugin.version)))
        return f"{self.kind} {self.label!r} ({plugin})"

    @property
    def home(self) -> str:
        """File and line where `build` is defined; empty where its source cannot be found."""
        entry = self.entry
        return "" if entry is None else _definition(entry.spec.build)

    @property
    def function(self) -> Callable[..., Any] | None:
        """The class or function behind `build`; None where nothing of this name is registered."""
        return None if self.entry is None else _function(self.entry.spec.build)

    def place(self, hook: str) -> str:
        """File and line of one of its methods where `build` is a class that has it, else of `build`."""
        method = getattr(self.function, hook, None)
        return (_definition(method) if callable(method) else "") or self.home

    def fault(self, error: str, hook: str = "") -> PluginFault:
        """Make the fault of an object that breaks its contract."""
        return PluginFault(who=self.who, error=error, hook=hook, place=self.home)


@contextmanager
def calling(part: Part, hook: str, company: Sequence[Part] = ()) -> Iterator[None]:
    """Name the plugin whose code raises while this lasts.

    Errors of ganbench's own, those of the device, exhausted memory and KeyboardInterrupt pass unchanged. So
    does an exception in which no plugin has a part: that is a bug of ganbench.

    Args:
        part: what is called.
        hook: which of its functions.
        company: what else the part may call, as a loss calls the networks.

    Raises:
        PluginError: a plugin's code raised anything else, SystemExit included.
    """
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        if isinstance(error, CatalogError) and isinstance(error.__cause__, ValueError) and part.foreign:
            # An option that `build` refuses: the message has the option already.
            place = _innermost(error.__cause__, _modules_of(part)) or part.home
            text = str(error).removeprefix(f"{part.kind} {part.name!r}: ")
            refusal = PluginFault(
                who=part.who, error=text, hook=hook, place=place, traceback=_text(error.__cause__)
            )
            raise PluginError(refusal) from error
        if _of_ganbench(error) or of_device(error) or out_of_memory(error):
            raise
        fault = blame(error, company, asked=part, hook=hook)
        if fault is None:
            raise
        raise PluginError(fault) from error


@contextmanager
def device_errors_pass() -> Iterator[None]:
    """End quietly at an error of the device or of memory: a cell may or may not meet it where it runs."""
    try:
        yield
    except BaseException as error:
        if not (of_device(error) or out_of_memory(error)):
            raise


def blame(
    error: BaseException, parts: Sequence[Part], *, asked: Part | None = None, hook: str = ""
) -> PluginFault | None:
    """Say which of several plugins' things raised an exception.

    The one that was called, where a plugin provides it; else the one whose source has the innermost frame;
    else the architecture, where one of its networks was running.

    Args:
        error: the exception, with its traceback.
        parts: what took part.
        asked: what was called, where that is known.
        hook: which of its functions.

    Returns:
        The fault, or None where no plugin had a part in it.
    """
    everything = [*parts, *([asked] if asked is not None else [])]
    if asked is not None and asked.foreign:
        place = _innermost(error, _modules_of(asked)) or asked.home
        return PluginFault(who=asked.who, error=said(error), hook=hook, place=place, traceback=_text(error))
    found = _culprit(error, [part for part in everything if part.foreign])
    if found is None:
        return None
    part, function = found
    place = _innermost(error, _modules_of(part)) or part.home
    return PluginFault(who=part.who, error=said(error), hook=function, place=place, traceback=_text(error))


def of_device(error: BaseException) -> bool:
    """Tell whether an exception comes from the device: out of its memory, a failed kernel, a lost driver."""
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    kinds = tuple(
        kind
        for name in ("OutOfMemoryError", "AcceleratorError")
        if isinstance(kind := getattr(torch, name, None), type)
    )
    if isinstance(error, (*kinds, torch.cuda.OutOfMemoryError, torch.cuda.DeferredCudaCallError)):
        return True
    marks = ("CUDA error", "CUDA driver", "NVIDIA driver", "cuDNN error", "CUBLAS_STATUS", "CUDNN_STATUS")
    return isinstance(error, RuntimeError) and any(mark in str(error) for mark in marks)


def out_of_memory(error: BaseException) -> bool:
    """Tell whether the computer's own memory was too small."""
    # torch's allocator for the CPU has no exception of its own.
    return isinstance(error, MemoryError) or "DefaultCPUAllocator" in str(error)


def _culprit(error: BaseException, foreign: Sequence[Part]) -> tuple[Part, str] | None:
    frames = list(_frames(error))
    modules = {part: _modules_of(part) for part in foreign}
    running = ""
    for frame in frames:
        running = _NETWORKS.get((_module(frame), frame.f_code.co_name), running)
    for frame in reversed(frames):
        mine = [part for part in foreign if _module(frame).partition(".")[0] in modules[part]]
        if not mine:
            continue
        for inner in reversed(frames[: frames.index(frame) + 1]):
            for part in mine:
                named = inner.f_code.co_name
                if named in _HOOKS[part.kind] and _module(inner).partition(".")[0] in modules[part]:
                    return part, _hook(part, named, running)
        return mine[0], _hook(mine[0], frame.f_code.co_name, running)
    if running:
        for part in foreign:
            if part.kind == "architecture":
                return part, _hook(part, "forward", running)
    return None


def _hook(part: Part, function: str, running: str) -> str:
    return f"forward of {running}" if part.kind == "architecture" and running else function


def _innermost(error: BaseException, modules: frozenset[str]) -> str:
    """File and line of the innermost frame in these modules; empty where there is none."""
    place = ""
    walked = error.__traceback__
    while walked is not None:
        name = _module(walked.tb_frame)
        if name.partition(".")[0] in modules:
            place = f"{_path(walked.tb_frame.f_code.co_filename, name)}:{walked.tb_lineno}"
        walked = walked.tb_next
    return place


def _frames(error: BaseException) -> Iterator[FrameType]:
    walked = error.__traceback__
    while walked is not None:
        yield walked.tb_frame
        walked = walked.tb_next


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _path(filename: str, module: str) -> str:
    """Shorten a file's path to begin at the top of its package."""
    depth = module.count(".") + 1 + filename.endswith("__init__.py")
    return "/".join(filename.replace("\\", "/").split("/")[-depth:])


def _modules_of(part: Part) -> frozenset[str]:
    """List the top-level modules of a part's plugin."""
    entry = part.entry
    return frozenset() if entry is None else _modules(entry)


def _plugin_modules(distribution: str) -> frozenset[str]:
    try:
        points = metadata.distribution(distribution).entry_points
    except metadata.PackageNotFoundError:
        return frozenset()
    return frozenset(point.module.partition(".")[0] for point in points if point.group == GROUP)


def _modules(entry: Entry) -> frozenset[str]:
    built = getattr(_function(entry.spec.build), "__module__", None) or ""
    own = {str(built).partition(".")[0]} - {"", "builtins", "functools", "torch", *_OWN}
    return _plugin_modules(entry.plugin.distribution) - {*_OWN} | own


def _function(build: Callable[..., Any]) -> Callable[..., Any]:
    try:
        while isinstance(build, functools.partial) or hasattr(build, "__wrapped__"):
            build = build.func if isinstance(build, functools.partial) else inspect.unwrap(build)
    except Exception:  # a lazy one whose module cannot be imported
        return build
    return build


def _definition(build: Callable[..., Any]) -> str:
    function = _function(build)
    try:
        filename = inspect.getsourcefile(function)
        _, line = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return ""
    return f"{_path(filename, str(function.__module__))}:{max(line, 1)}" if filename else ""


def _of_ganbench(error: BaseException) -> bool:
    return isinstance(error, GanbenchError) or type(error).__module__.partition(".")[0] in _OWN


def _text(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
