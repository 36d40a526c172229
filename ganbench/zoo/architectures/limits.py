"""What the options of the built-in architectures must lie between, refused by the option's name."""

from __future__ import annotations

from collections.abc import Sequence

MOST_UNITS = 16_384
MOST_LAYERS = 64
MOST_PIECES = 64
MOST_PACKED = 1024
MOST_WEIGHTS = 2**28
# Beyond this a float32 net has long overflowed.
LARGEST = 1e6


def check_whole(option: str, given: int | Sequence[int], *, lowest: int = 1, highest: int) -> None:
    """Hold a whole number, or each of several, against its bounds.

    Raises:
        ValueError: one is outside.
    """
    values = (given,) if isinstance(given, int) else tuple(given)
    shown = ", ".join(map(str, values))
    if any(value < lowest for value in values):
        raise ValueError(f"{option} must be at least {lowest}, given {shown}")
    if any(value > highest for value in values):
        raise ValueError(f"{option} must be at most {highest}, given {shown}")


def check_widths(option: str, widths: Sequence[int]) -> None:
    """Hold the widths of hidden layers against their bounds; no hidden layer at all is a linear map.

    Raises:
        ValueError: a width is outside, or there are too many.
    """
    if len(widths) > MOST_LAYERS:
        raise ValueError(f"{option} must be at most {MOST_LAYERS} layers, given {len(widths)}")
    check_whole(option, widths, highest=MOST_UNITS)


def check_noise(noise: int) -> None:
    """Hold the size of a noise vector against its bounds.

    Raises:
        ValueError: it is outside.
    """
    check_whole("noise", noise, highest=MOST_UNITS)


def check_layer(inputs: int, outputs: int, options: str) -> None:
    """Hold the weights of a fully connected layer against what a machine can be expected to hold.

    Args:
        inputs: units.
        outputs: units.
        options: whose values decide these, as the message names them.

    Raises:
        ValueError: there are more than 2^28.
    """
    if inputs * outputs > MOST_WEIGHTS:
        raise ValueError(
            f"a layer from {inputs} to {outputs} units has more than {MOST_WEIGHTS} weights; "
            f"{options} must be smaller"
        )


def check_rate(option: str, given: float) -> None:
    """Hold a rate, as of dropout or of decay, against its bounds.

    Raises:
        ValueError: it is outside.
    """
    if not 0 <= given < 1:
        raise ValueError(f"{option} must be at least 0 and below 1, given {given:g}")


def check_scale(option: str, given: float) -> None:
    """Hold a factor or a spread against its bounds.

    Raises:
        ValueError: it is outside.
    """
    if not 0 < given <= LARGEST:
        raise ValueError(f"{option} must be above 0 and at most {LARGEST:g}, given {given:g}")
