"""Do pictures show what their captions say? Three metrics of pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Interval

if TYPE_CHECKING:
    from torch import Tensor

    from ganbench import Dataset, Samples

GROUPS = ("colour", "shape", "place")
_MAX_PAIRS = 1000


class CaptionMatch:
    """The share of what captions say that pictures show, as a classifier of attributes reads them.

    The classifier is trained on the train split; `caption_match_real` is its share on the real pictures, the
    best that a generator can be expected to reach.
    """

    needs = "pairs"
    minimum = 1

    def check(self, dataset: Dataset) -> None:
        """Require data that tell what their captions say.

        Raises:
            ValueError: they do not.
        """
        if not hasattr(dataset, "attributes") or not set(GROUPS) <= set(
            getattr(dataset, "attribute_names", ())
        ):
            raise ValueError(f"needs data whose captions tell {', '.join(GROUPS)}, as captioned_shapes")

    def __call__(self, generated: Samples, reference: Samples, dataset: Any) -> Mapping[str, float]:
        """Read the pictures."""
        from ganbench_text_to_image.reader import Keyed, attribute_reader

        reader = attribute_reader(Keyed(dataset))
        said = dataset.attributes(generated.condition)
        real = self._shares(reader.right(reference.x, said), said, dataset.attribute_names)
        found = self._shares(reader.right(generated.x, said), said, dataset.attribute_names)
        mean = sum(found.values()) / len(found)
        return {
            "caption_match": mean,
            **{f"caption_match_{name}": share for name, share in found.items()},
            "caption_match_real": sum(real.values()) / len(real),
        }

    def _shares(self, right: Tensor, said: Tensor, names: tuple[str, ...]) -> dict[str, float]:
        shares = {}
        for name in dict.fromkeys(names):
            columns = [at for at, other in enumerate(names) if other == name]
            there = said[:, columns] >= 0
            if bool(there.any()):
                shares[name] = float(right[:, columns][there].double().mean())
        return shares


class CaptionRecall:
    """How often a picture's own caption is the nearest to it among several (recall at 1).

    Pictures and captions are compared by a network that is trained on the train split's pairs, from which the
    other captions are taken; none says the same as the right one.

    Args:
        candidates: captions among which the right one is.
    """

    needs = "pairs"
    minimum = 1

    def __init__(self, candidates: Annotated[int, Interval(ge=2, le=10_000)] = 100) -> None:
        self.candidates = candidates

    def check(self, dataset: Dataset) -> None:
        """Require images with vectors as conditions, and enough captions.

        Raises:
            ValueError: there are none, or too few.
        """
        condition = dataset.signature.condition
        if dataset.signature.kind != "image" or condition is None or len(condition) != 1:
            raise ValueError("needs images with embedded captions")
        distinct = len(_distinct(dataset)[0])
        # The largest group of captions that say the same is small against the rest.
        if distinct < self.candidates:
            raise ValueError(f"needs {self.candidates} different captions, the train split has {distinct}")

    def __call__(self, generated: Samples, reference: Samples, dataset: Any) -> Mapping[str, float]:
        """Compare each picture with its caption and the others."""
        from ganbench_text_to_image.reader import Keyed, matcher

        net = matcher(Keyed(dataset))
        return {
            "caption_recall": self._recall(net.scores, generated.x, generated.condition, dataset),
            "caption_recall_real": self._recall(net.scores, reference.x, generated.condition, dataset),
        }

    def _recall(self, scores: Callable[[Tensor, Tensor], Tensor], x: Tensor, own: Any, dataset: Any) -> float:
        import torch

        texts, meanings = _distinct(dataset)
        _, said = torch.cat([_meanings(dataset, own), meanings]).unique(dim=0, return_inverse=True)
        same = said[: len(own), None] == said[None, len(own) :]
        order = torch.rand(same.shape, generator=torch.Generator().manual_seed(0)).masked_fill(same, 2.0)
        others = order.topk(self.candidates - 1, largest=False).indices
        rivals = scores(x, texts).masked_fill(same, -2.0).gather(1, others)
        rows, place = own.unique(dim=0, return_inverse=True)
        right = scores(x, rows).gather(1, place[:, None])
        return float((right > rivals).all(1).double().mean())


class CaptionMargin:
    """D's mean logit of real pictures with their captions minus that with the captions of other pictures.

    `caption_margin_share` is how often the right caption is scored above the wrong one: it has no scale.
    """

    needs = "samples"
    minimum = 1

    def check(self, dataset: Dataset) -> None:
        """Require conditions.

        Raises:
            ValueError: there are none.
        """
        if dataset.signature.condition is None:
            raise ValueError("needs captions")

    def __call__(
        self,
        generated: Samples,
        reference: Samples,
        dataset: Dataset,
        discriminator: Callable[[Tensor, Tensor], Tensor],
    ) -> Mapping[str, float]:
        """Ask D."""
        x, right = reference.x[:_MAX_PAIRS], reference.condition
        assert right is not None
        right = right[:_MAX_PAIRS]
        wrong = right.roll(1, 0)
        differ = (right != wrong).flatten(1).any(1)
        margin = (discriminator(x, right) - discriminator(x, wrong))[differ].double()
        return {
            "caption_margin": float(margin.mean()) if len(margin) else 0.0,
            "caption_margin_share": float((margin > 0).double().mean()) if len(margin) else 0.0,
        }


def _distinct(dataset: Any) -> tuple[Tensor, Tensor]:
    """List the different captions of the train split, and what each says."""
    texts = dataset.load("train").condition.unique(dim=0)
    return texts, _meanings(dataset, texts)


def _meanings(dataset: Any, texts: Tensor) -> Tensor:
    """Tell what captions say, (N, k): by attributes where the data have them, else by their own vectors."""
    return dataset.attributes(texts) if hasattr(dataset, "attributes") else texts
