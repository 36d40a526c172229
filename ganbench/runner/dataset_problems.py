"""What a data set must keep to before anything is trained on it: its signature, and samples that fit it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ganbench.api import Dataset, Samples, Signature

# Values looked at together: a mask of all of them could take a quarter of the memory that the data do.
_BLOCK = 2**24
MAX_CAPTION_CHARACTERS = 200
MAX_BASELINES = 4
_MAX_NAME_CHARACTERS = 40
_HEADS = (INPUT, OUTPUT, TARGET) = ("input", "output", "target")


def dataset_problems(dataset: object) -> list[str]:
    """List what a data set lacks before its samples are asked for; empty where nothing is wrong.

    Args:
        dataset: what the `build` of a data set's spec gave.
    """
    if dataset is None:
        return ["its build gives None in place of a data set"]
    problems = []
    signature = getattr(dataset, "signature", None)
    if not isinstance(signature, Signature):
        problems.append(f"`signature` must be a ganbench.Signature, given {_given(signature)}")
    else:
        problems += _signature_problems(signature)
    fingerprint = getattr(dataset, "fingerprint", None)
    if not isinstance(fingerprint, str) or not fingerprint:
        problems.append(f"`fingerprint` must be text that changes with the content, given {fingerprint!r}")
    if not callable(getattr(dataset, "load", None)):
        problems.append("`load(split)` is missing")
    for name in ("describe", "baselines"):
        method = getattr(dataset, name, None)
        if method is not None and not callable(method):
            problems.append(f"`{name}` must be a method or None, given {_given(method)}")
    names = getattr(dataset, "class_names", None)
    if names is not None and not problems:
        problems += _class_name_problems(names, signature)
    return problems


def samples_problems(samples: object, dataset: Dataset) -> list[str]:
    """List in what the samples of a split differ from what the signature announces.

    Args:
        samples: what the data set's `load` gave.
        dataset: one without `dataset_problems`.
    """
    if not isinstance(samples, Samples):
        return [f"`load` must give ganbench.Samples, given {_given(samples)}"]
    signature = dataset.signature
    problems = _x_problems(samples.x, signature)
    problems += _label_problems(samples.labels, signature.classes)
    problems += _condition_problems(samples.condition, signature.condition)
    return problems


def caption_problem(caption: object) -> str:
    """Say what is wrong with the description of a condition; empty where nothing is.

    Args:
        caption: what the data set's `describe` gave.
    """
    if not isinstance(caption, str):
        return f"`describe` must give text, given {_given(caption)}"
    if not caption.strip() or len(caption) > MAX_CAPTION_CHARACTERS or not caption.isprintable():
        size = f" of {len(caption)} characters" if len(caption) > MAX_CAPTION_CHARACTERS else ""
        return (
            f"`describe` must give one printable line of 1 to {MAX_CAPTION_CHARACTERS} characters, "
            f"given {_short(caption)}{size}"
        )
    return ""


def baseline_problems(baselines: object, count: int, signature: Signature) -> list[str]:
    """List what is wrong with what simple methods made of conditions; empty where nothing is.

    Args:
        baselines: what the data set's `baselines` gave.
        count: of the conditions.
        signature: of the data.
    """
    if not isinstance(baselines, Mapping):
        return [f"`baselines` must give images by name, given {_given(baselines)}"]
    if len(baselines) > MAX_BASELINES:
        return [f"`baselines` must give at most {MAX_BASELINES} methods' images, given {len(baselines)}"]
    problems = []
    wanted = (count, *signature.shape)
    for name, images in baselines.items():
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            problems.append(f"`baselines` must name each method in words, given {_short(name)}")
        elif name in _HEADS:
            problems.append(f"`baselines` must name no method {name!r}, as other columns are headed")
        elif len(name) > _MAX_NAME_CHARACTERS:
            most = _MAX_NAME_CHARACTERS
            problems.append(f"`baselines` must give names of at most {most} characters, given {_short(name)}")
        elif not isinstance(images, Tensor) or images.dtype != torch.uint8 or tuple(images.shape) != wanted:
            given = (
                f"{_name(images.dtype)} {tuple(images.shape)}"
                if isinstance(images, Tensor)
                else _given(images)
            )
            problems.append(f"`baselines` must give uint8 images {wanted} of {name!r}, given {given}")
    return problems


def _signature_problems(signature: Signature) -> list[str]:
    problems = []
    ranks = {"image": 3, "points": 1}
    if signature.kind not in ranks:
        problems.append(f"signature.kind must be 'image' or 'points', given {signature.kind!r}")
    elif not _is_shape(signature.shape, ranks[signature.kind]):
        wanted = "(channels, height, width)" if signature.kind == "image" else "(d,)"
        problems.append(
            f"signature.shape must be {wanted} where kind is {signature.kind!r}, given {signature.shape!r}"
        )
    if signature.classes is not None and not _is_count(signature.classes):
        problems.append(f"signature.classes must be a number of classes or None, given {signature.classes!r}")
    if signature.condition is not None and not _is_shape(signature.condition):
        problems.append(
            f"signature.condition must be the shape of one condition or None, given {signature.condition!r}"
        )
    return problems


def _class_name_problems(names: object, signature: object) -> list[str]:
    classes = signature.classes if isinstance(signature, Signature) else None
    right = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
    if right and isinstance(names, list | tuple) and len(names) == classes:
        return []
    return [f"`class_names` must be a name for each of the {classes or 0} classes, given {_short(names)}"]


def _x_problems(x: Tensor, signature: Signature) -> list[str]:
    dtype, layout = (torch.uint8, "(N, C, H, W)") if signature.kind == "image" else (torch.float32, "(N, d)")
    problems = []
    if x.dtype != dtype:
        scale = ", black 0 and white 255," if signature.kind == "image" else ""
        wanted = f"{_name(dtype)} {layout}{scale}"
        problems.append(f"x must be {wanted} where kind is {signature.kind!r}, given {_name(x.dtype)}")
    if tuple(x.shape[1:]) != tuple(signature.shape):
        problems.append(
            f"x has samples of shape {tuple(x.shape[1:])}, and signature.shape is {tuple(signature.shape)}"
        )
    if x.device.type != "cpu":
        problems.append(f"x must be in the CPU's memory, given {x.device}")
    if len(x) == 0:
        problems.append("x holds no samples")
    if not problems and x.is_floating_point():
        problems += _finite_problems("x", x)
    return problems


def _label_problems(labels: Tensor | None, classes: int | None) -> list[str]:
    if labels is None:
        return [] if classes is None else [f"labels are missing, and signature.classes is {classes}"]
    if classes is None:
        return ["labels are there, and signature.classes is None: give the number of classes, or no labels"]
    if not len(labels):
        return []
    lowest, highest = (int(value) for value in torch.aminmax(labels))
    if lowest >= 0 and highest < classes:
        return []
    wrong = lowest if lowest < 0 else highest
    return [
        f"labels must be from 0 to {classes - 1}, as signature.classes is {classes}, given {wrong} "
        f"(sample {int((labels == wrong).nonzero()[0])})"
    ]


def _condition_problems(condition: Tensor | None, shape: tuple[int, ...] | None) -> list[str]:
    if condition is None:
        return [] if shape is None else [f"condition is missing, and signature.condition is {tuple(shape)}"]
    found = tuple(condition.shape[1:])
    if shape is None:
        return [f"condition is there, and signature.condition is None: give its shape, {found}"]
    if found != tuple(shape):
        return [f"condition has rows of shape {found}, and signature.condition is {tuple(shape)}"]
    return _finite_problems("condition", condition) if condition.is_floating_point() else []


def _finite_problems(name: str, tensor: Tensor) -> list[str]:
    rows = max(1, _BLOCK // max(1, tensor[:1].numel()))
    for start, block in enumerate(torch.split(tensor, rows)):
        finite = torch.isfinite(block).reshape(len(block), -1).all(dim=1)
        if not finite.all():
            return [f"{name} has NaN or infinity in sample {start * rows + int((~finite).nonzero()[0])}"]
    return []


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_shape(value: object, rank: int | None = None) -> bool:
    if not isinstance(value, tuple | list) or not all(_is_count(length) for length in value):
        return False
    return rank is None or len(value) == rank


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _given(value: object) -> str:
    return "None" if value is None else type(value).__name__


def _short(value: object, length: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= length else f"{text[:length]}..."
