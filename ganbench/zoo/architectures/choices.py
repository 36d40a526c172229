"""What the options of the built-in architectures choose between; light, for the specs and the nets alike."""

from __future__ import annotations

from typing import Literal

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
