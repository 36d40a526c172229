"""EfficientNet-Lite0: names as in the file of weights, padding as TensorFlow's `SAME`."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils.fusion import fuse_conv_bn_eval

SIDE = 224
"""Height and width of the images that the network was trained on, in pixels."""

# Repeats, kernel, stride of the first, expansion, channels out. No squeeze and excitation: that is Lite.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM, _FEATURES, _CLASSES = 32, 1280, 1000
_EPSILON = 1e-3  # TensorFlow's, of batch normalisation


class SamePadded(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow does it.

    Where a stride of 2 meets an even side, an odd number of zeros is missing, and the odd one goes to the
    right and to the bottom. `padding=kernel // 2` would read the image one pixel elsewhere.

    Args:
        inputs: channels.
        outputs: channels.
        kernel: side of the kernel, odd.
        stride: 1, or 2 on images whose sides are even.
        groups: as in torch.
        symmetric: pad as torch's users would; the weights were not trained for it.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        symmetric: bool = False,
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, groups=groups, bias=False)
        missing = kernel - stride
        before, after = missing // 2, missing - missing // 2
        if symmetric:
            before = after = kernel // 2
        self.sides = (before, after, before, after)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        return super().forward(pad(x, self.sides) if any(self.sides) else x)


class Block(nn.Module):
    """An inverted residual block: widen, convolve each channel by itself, narrow."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int, symmetric: bool
    ) -> None:
        super().__init__()
        wide = inputs * expansion
        if expansion > 1:
            self._expand_conv = SamePadded(inputs, wide)
            self._bn0 = nn.BatchNorm2d(wide, eps=_EPSILON)
        self._depthwise_conv = SamePadded(wide, wide, kernel, stride=stride, groups=wide, symmetric=symmetric)
        self._bn1 = nn.BatchNorm2d(wide, eps=_EPSILON)
        self._project_conv = SamePadded(wide, outputs)
        self._bn2 = nn.BatchNorm2d(outputs, eps=_EPSILON)
        self._activation = nn.ReLU6()
        self.widens = expansion > 1
        self.skips = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y: Tensor = self._activation(self._bn0(self._expand_conv(x))) if self.widens else x
        y = self._activation(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.skips else y


class Network(nn.Module):
    """The whole network, for images of 224x224 pixels.

    Args:
        symmetric: pad where torch's users would, for showing what that costs.
    """

    def __init__(self, *, symmetric: bool = False) -> None:
        super().__init__()
        self._conv_stem = SamePadded(3, _STEM, 3, stride=2, symmetric=symmetric)
        self._bn0 = nn.BatchNorm2d(_STEM, eps=_EPSILON)
        blocks, inputs = [], _STEM
        for repeats, kernel, first, expansion, outputs in _STAGES:
            for stride in (first, *[1] * (repeats - 1)):
                blocks.append(Block(inputs, outputs, kernel, stride, expansion, symmetric))
                inputs = outputs
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = SamePadded(inputs, _FEATURES)
        self._bn1 = nn.BatchNorm2d(_FEATURES, eps=_EPSILON)
        self._fc = nn.Linear(_FEATURES, _CLASSES)
        self._activation = nn.ReLU6()

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Map pixels (N, 3, 224, 224), scaled, to features (N, 1280) and logits (N, 1000)."""
        x = self._activation(self._bn0(self._conv_stem(pixels)))
        x = self._activation(self._bn1(self._conv_head(self._blocks(x))))
        features = x.mean((2, 3))
        return features, self._fc(features)

    def fold(self) -> None:
        """Put the batch normalisations into the convolutions before them: for eval mode, and faster."""
        for module in (self, *self._blocks):
            names = list(module._modules)
            for before, name in pairwise(names):
                layer, convolution = module._modules[name], module._modules[before]
                if isinstance(layer, nn.BatchNorm2d) and isinstance(convolution, nn.Conv2d):
                    setattr(module, before, fuse_conv_bn_eval(convolution, layer))
                    setattr(module, name, nn.Identity())
