"""What the network says of scikit-learn's two photographs, and what it says where it is fed wrongly.

Run it as `python -m ganbench_efficientnet.photographs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ganbench_efficientnet.extractor import load_network, resized, scaled
from ganbench_efficientnet.network import SIDE, Network

PHOTOGRAPHS = ("china.jpg", "flower.jpg")
TOP = 5
# Of ImageNet's colours, in units of 1: what most networks of PyTorch take, and this one does not.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def photographs() -> Tensor:
    """The two photographs, cut and resized as the network's own code does it: (2, 3, 224, 224), 0 to 255.

    Cut is the square in the middle, 224/256 of the shorter side.
    """
    from sklearn.datasets import load_sample_image

    cut = []
    for name in PHOTOGRAPHS:
        image = torch.tensor(load_sample_image(name)).permute(2, 0, 1)
        height, width = image.shape[1:]
        side = SIDE * min(height, width) // (SIDE + 32)
        top, left = (height - side + 1) // 2, (width - side + 1) // 2
        cut.append(resized(image[None, :, top : top + side, left : left + side]))
    return torch.cat(cut)


def scaled_by_colour(pixels: Tensor) -> Tensor:
    """Scale values of 0 to 255 by the mean and the deviation of each colour over ImageNet."""
    mean, deviation = (torch.tensor(each)[:, None, None] for each in (_MEAN, _DEVIATION))
    return (pixels / 255 - mean) / deviation


def variants() -> Iterator[tuple[str, Network, Callable[[Tensor], Tensor]]]:
    """Name each way of feeding the network, the right one first, with the network and the scaling."""
    right = load_network()
    yield "right: (x - 127) / 128, padded as TensorFlow does", right, scaled
    yield "wrong: mean and deviation of ImageNet's colours", right, scaled_by_colour
    yield "wrong: padded by kernel // 2 on all sides", load_network(symmetric=True), scaled


@torch.no_grad()
def main() -> None:
    """Print, for each variant and photograph, the five likeliest classes and the margin of the first."""
    from torchvision.models import EfficientNet_B0_Weights

    names = EfficientNet_B0_Weights.DEFAULT.meta["categories"]  # no weights are fetched
    pixels = photographs()
    for title, network, scaling in variants():
        print(title)
        _, logits = network(scaling(pixels))
        for photograph, row in zip(PHOTOGRAPHS, logits, strict=True):
            shares, best = row.softmax(0), row.topk(TOP)
            told = ", ".join(f"{names[index]} {shares[index]:.1%}" for index in best.indices.tolist())
            print(f"  {photograph:<10}  margin {best.values[0] - best.values[1]:.2f}  {told}")


if __name__ == "__main__":
    main()
