"""A generator in a file that runs without ganbench: a torch.export archive, or an ONNX model."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
import os
import re
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ganbench.errors import GanbenchError, StoreError
from ganbench.files.atomic import write_bytes
from ganbench.runner.cell_generator import CellGenerator
from ganbench.runner.generator_card import CARD_FILE, INPUTS, OUTPUT, generator_card
from ganbench.runner.sampling import draw_noise
from ganbench.training.batches import of_type

Format = Literal["torch", "onnx"]
TOLERANCE = 1e-5
# Traced with another number of samples than any size that a net is likely to have.
_TRACED_SAMPLES = 5
_COMPARED_BATCHES = (1, 2, 250)
# A protocol buffer cannot be larger; weights beside the model would be a second file.
_MAX_ONNX_BYTES = 2**31 - 1
_ONLY_ERRORS = 3

_TORCH_FOLDER = os.path.dirname(torch.__file__)
_CODE = re.compile(r'File "([^"]+)", line (\d+), in \w+(?:, code: |\n\s+)([^\n]*)')
_OPERATION = re.compile(r"op='([\w.]+)'|target=torch\.ops\.([\w.]+)|implementation for (\w+)")

Run = Callable[[list[Tensor]], Tensor]


def export_generator(generator: CellGenerator, out: Path, form: Format) -> dict[str, Any]:
    """Write a generator as a network of its own, which gives the samples of `ganbench sample`.

    It takes float32 noise (n, size), and labels or conditions where the generator does, for any n, and gives
    float32 samples; a card in the file and beside it, `OUT.json`, says of what shapes and distributions.

    Args:
        generator: on the CPU.
        out: a new file in a folder that is there.
        form: of the file.

    Returns:
        The card.

    Raises:
        GanbenchError: packages are missing, or the network cannot be exported; nothing is written.
        StoreError: the file or its card is there already, or cannot be written.
    """
    card_path = require_new(out)
    if form == "onnx":
        _require_onnx()
    network = _SingleNetwork(generator.module, in_float32=form == "onnx").eval().requires_grad_(False)
    inputs = _inputs(generator, max(_COMPARED_BATCHES))
    who = f"cell {generator.cell}: architecture {generator.parts.cell.architecture.label!r}"
    program = _traced(network, [tensor[:_TRACED_SAMPLES] for tensor in inputs], who)
    model, run = (None, _runner(program)) if form == "torch" else _converted(program, network, inputs, who)
    difference = _largest_difference(generator, inputs, run, who)
    card = generator_card(generator, inputs, form, difference)
    text = json.dumps(card, indent=1, allow_nan=False) + "\n"
    content = _archive(program, text) if model is None else _model_bytes(model, text, who)
    write_bytes(card_path, text.encode())
    try:
        write_bytes(out, content)
    except BaseException:
        card_path.unlink(missing_ok=True)
        raise
    return card


def require_new(out: Path) -> Path:
    """Refuse to replace a file, or its card, and to make a folder.

    Returns:
        The card's path.

    Raises:
        StoreError: one of them is there, or the folder is not.
    """
    card = out.with_name(f"{out.name}.json")
    for path in (out, card):
        if os.path.lexists(path):
            raise StoreError(f"{path}: is there already; give another name with --out")
    if not out.parent.is_dir():
        raise StoreError(f"{out}: its folder {out.parent} is not there")
    return card


class _SingleNetwork(nn.Module):
    """A generator that takes and gives float32, in whatever precision it was trained."""

    def __init__(self, generator: nn.Module, *, in_float32: bool) -> None:
        super().__init__()
        # A copy: the caller's keeps its gradients and its precision.
        self.generator = copy.deepcopy(generator)
        if in_float32:
            # The CPU's operators of onnxruntime are mostly of float32 alone.
            self.generator.float()
        self._dtype = next((tensor.dtype for tensor in self.generator.parameters()), torch.float32)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Generate float32 samples."""
        if self._dtype == torch.float32 and (condition is None or not condition.is_floating_point()):
            samples: Tensor = self.generator(noise) if condition is None else self.generator(noise, condition)
            return samples
        taken = () if condition is None else (of_type(condition, self._dtype),)
        samples = self.generator(noise.to(self._dtype), *taken)
        return samples.float()


def _inputs(generator: CellGenerator, count: int) -> list[Tensor]:
    """Give noise whose samples were scored, and labels or conditions where the generator takes them."""
    parts = generator.parts
    noise = draw_noise(parts.players, torch.Generator().manual_seed(generator.scored_seed))[:count]
    if generator.classes is not None:
        return [noise, torch.arange(count) % generator.classes]
    if generator.condition is not None:
        pool = parts.reference.condition
        assert pool is not None
        return [noise, pool[torch.arange(count) % len(pool)].clone()]
    return [noise]


def _traced(network: nn.Module, inputs: list[Tensor], who: str) -> torch.export.ExportedProgram:
    """Trace a network for any number of samples.

    Raises:
        GanbenchError: it cannot be traced.
    """
    batch = torch.export.Dim("batch", min=1)
    shapes = tuple({0: batch} for _ in inputs)
    failures: list[Exception] = []
    # The second reads the Python code, and with it `len(noise)`; the first runs it.
    for strict in (False, True):
        try:
            with _quiet():
                return torch.export.export(network, tuple(inputs), dynamic_shapes=shapes, strict=strict)
        except Exception as error:
            failures.append(error)
    raise GanbenchError(f"{who} cannot be exported: {_reason(failures)}") from failures[-1]


def _runner(program: torch.export.ExportedProgram) -> Run:
    network = program.module()
    return lambda given: network(*given)


def _reason(failures: list[Exception]) -> str:
    """Say which operation of a network cannot be traced."""
    texts = [str(error) for error in failures]
    if any("to be a constant" in text for text in texts):
        what = "it takes batches of one size only"
    else:
        what = texts[-1].strip().split("\n")[0].strip() or type(failures[-1]).__name__
    places = [
        *(place for text in texts for place in _CODE.findall(text)),
        *(
            (frame.filename, str(frame.lineno), frame.line or "")
            for error in failures
            for frame in traceback.extract_tb(error.__traceback__)
        ),
    ]
    own = [place for place in places if not place[0].startswith((_TORCH_FOLDER, __file__))]
    if not own:
        return what
    file, line, code = own[0] if _CODE.search("\n".join(texts)) else own[-1]
    return f"{what.rstrip('.')}; at {os.path.basename(file)}:{line}: {code.strip()}"


def _require_onnx() -> None:
    """Refuse ONNX where its packages are missing.

    Raises:
        GanbenchError: which of them, and the command that installs them.
    """
    from importlib.util import find_spec

    missing = [name for name in ("onnx", "onnxruntime", "onnxscript") if find_spec(name) is None]
    if missing:
        raise GanbenchError(f'--format onnx: needs {" and ".join(missing)}; pip install "ganbench[onnx]"')


def _converted(
    program: torch.export.ExportedProgram, network: nn.Module, inputs: list[Tensor], who: str
) -> tuple[Any, Run]:
    """Convert a traced network to ONNX, and give onnxruntime's function of it.

    Raises:
        GanbenchError: an operation has no counterpart.
    """
    import onnxruntime

    names = list(INPUTS[: len(inputs)])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ONLY_ERRORS
    try:
        with _quiet():
            try:
                model = _by_program(program, names)
            except Exception as error:
                # torch 2.6 fails at batch normalisation in the first way, and not in its older one.
                try:
                    model = _by_script(network, inputs, names)
                except Exception:
                    raise error from error.__cause__
            session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
    except Exception as error:
        raise GanbenchError(f"{who} cannot be exported as ONNX: {_missing_operation(error)}") from error

    def run(given: list[Tensor]) -> Tensor:
        arrays = {name: tensor.numpy() for name, tensor in zip(names, given, strict=True)}
        return torch.from_numpy(session.run([OUTPUT], arrays)[0])

    return model, run


def _by_program(program: torch.export.ExportedProgram, names: list[str]) -> Any:
    converted = torch.onnx.export(
        program, (), input_names=names, output_names=[OUTPUT], dynamo=True, verbose=False
    )
    assert converted is not None
    return converted.model_proto


def _by_script(network: nn.Module, inputs: list[Tensor], names: list[str]) -> Any:
    import onnx

    stream: Any = io.BytesIO()
    torch.onnx.export(
        network,
        tuple(tensor[:_TRACED_SAMPLES] for tensor in inputs),
        stream,
        input_names=names,
        output_names=[OUTPUT],
        dynamic_axes={name: {0: "batch"} for name in (*names, OUTPUT)},
        dynamo=False,
        verbose=False,
    )
    return onnx.load_from_string(stream.getvalue())


def _missing_operation(error: Exception) -> str:
    """Name the operation that a conversion failed at."""
    reasons: list[BaseException] = [error]
    while (cause := reasons[-1].__cause__) is not None:
        reasons.append(cause)
    for reason in reversed(reasons):
        if found := _OPERATION.search(str(reason)):
            return f"there is no counterpart of the operation {next(filter(None, found.groups()))}"
    return str(reasons[-1]).strip().split("\n")[0] or type(reasons[-1]).__name__


def _largest_difference(generator: CellGenerator, inputs: list[Tensor], run: Run, who: str) -> float:
    """Compare what was exported with the generator, for several numbers of samples.

    Raises:
        GanbenchError: samples differ by more than the tolerance, or are not finite.
    """
    largest = 0.0
    own = _SingleNetwork(generator.module, in_float32=False).eval()
    for count in _COMPARED_BATCHES:
        given = [tensor[:count] for tensor in inputs]
        with torch.no_grad():
            wanted = own(*given)
            try:
                made = run(given)
            except Exception as error:
                reason = str(error).strip().split("\n")[0]
                raise GanbenchError(
                    f"{who} cannot be exported: what was traced fails for {count} samples: {reason}"
                ) from error
        if not torch.isfinite(wanted).all():
            raise GanbenchError(f"{who} cannot be exported: a generated sample is not finite")
        if made.shape != wanted.shape or not torch.allclose(made, wanted, rtol=TOLERANCE, atol=TOLERANCE):
            raise GanbenchError(
                f"{who} cannot be exported: of {count} samples, what was traced gives others than the "
                "generator; it may draw random numbers, or depend on values in Python"
            )
        largest = max(largest, float((made - wanted).abs().max()))
    return largest


def _archive(program: torch.export.ExportedProgram, card: str) -> bytes:
    stream = io.BytesIO()
    torch.export.save(program, stream, extra_files={CARD_FILE: card})
    return stream.getvalue()


def _model_bytes(model: Any, card: str, who: str) -> bytes:
    """Write an ONNX model with its card.

    Raises:
        GanbenchError: it is too large for a file of its kind.
    """
    entry = model.metadata_props.add()
    entry.key, entry.value = CARD_FILE, card
    if model.ByteSize() > _MAX_ONNX_BYTES:
        raise GanbenchError(f"{who} is too large for one ONNX file, {model.ByteSize()} bytes; --format torch")
    content: bytes = model.SerializeToString()
    return content


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's words on what it does, and cannot do, from the terminal: errors say it in a line."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    nowhere = io.StringIO()
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
