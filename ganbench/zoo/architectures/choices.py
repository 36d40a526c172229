"""The choices and bounds of the built-in architectures' options."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Interval, MaxLen

MAX_UNITS = 16_384
MAX_LAYERS = 64
# Beyond this a float32 net has long overflowed.
MAX_SIZE = 1e6

Units = Annotated[int, Interval(ge=1, le=MAX_UNITS)]
"""Entries of a layer, or of a noise vector."""

Widths = Annotated[tuple[Units, ...], MaxLen(MAX_LAYERS)]
"""Units of hidden layers; no hidden layer at all makes a linear map."""

Pieces = Annotated[int, Interval(ge=2, le=64)]
"""Linear pieces of a maxout unit."""

Packed = Annotated[int, Interval(ge=1, le=1024)]
"""Samples that the discriminator judges together."""

Rate = Annotated[float, Interval(ge=0, lt=1)]
"""Of dropout, or of a decay."""

Factor = Annotated[float, Interval(gt=0, le=MAX_SIZE)]
"""A factor, or a spread."""

Coordinate = Annotated[float, Interval(ge=-MAX_SIZE, le=MAX_SIZE)]

Conditional = bool | Literal["generator", "discriminator"]
"""Which players take the labels: both, none, or one of them."""

Activation = Literal["relu", "leaky_relu", "elu", "tanh", "maxout"]
"""After a hidden layer; leaky_relu has slope 0.2, maxout takes the largest of several linear pieces."""

Normalization = Literal["none", "batch", "layer", "spectral"]
"""Of the discriminator's layers."""

Init = Literal["default", "uniform", "normal"]
"""Weights as torch draws them; or from U(-scale, scale) or N(0, scale²), with zero biases."""

OutputActivation = Literal["auto", "tanh", "sigmoid", "linear"]
"""After the generator's last layer; auto is tanh for images and linear for points."""

NoiseDistribution = Literal["normal", "uniform"]
"""N(0, 1) or U(-1, 1)."""

Upsampling = Literal["nearest", "bilinear"]
"""How a generator doubles the sides of its feature maps: each entry four times, or interpolated."""
