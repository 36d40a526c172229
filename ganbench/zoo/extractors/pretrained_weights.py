"""torch-fidelity's other pretrained networks and where their weights are; without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ganbench.zoo.extractors.weights_file import WeightsFile, hub_folder


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """One network.

    Attributes:
        name: ganbench's name of it.
        registered: torch-fidelity's.
        title: what it is, in a few words.
        size: pixels per side to which it resizes.
        features: how many it gives; no logits.
        reference: its paper.
        file: its weights; None where they come with code, through torch.hub.
        hub: the entry point in torch.hub's repository, where there is no file.
        published_with: which way to resize makes published numbers comparable.
    """

    name: str
    registered: str
    title: str
    size: int
    features: int
    reference: str
    file: WeightsFile | None = None
    hub: str = ""
    published_with: str = ""

    @property
    def summary(self) -> str:
        """One line for `ganbench list`."""
        return f"{self.title}; any size, {self.features:,} features, no logits."

    def details(self) -> Mapping[str, str]:
        """Describe the network for `ganbench show`."""
        return {
            "takes": f"uint8 images of any size, 1 or 3 channels, "
            f"resized to {self.size}x{self.size} as the option resize says",
            "gives": f"{self.features} features, no logits",
            **({} if not self.published_with else {"as published": self.published_with}),
            **self._weights(),
        }

    def _weights(self) -> Mapping[str, str]:
        if self.file is not None:
            digits = self.file.sha256
            known = f"SHA-256 {digits}" if len(digits) == 64 else f"SHA-256 begins with {digits}"
            return {"weights": f"{self.file.name}, {known}", "found": self.file.whereabouts()}
        code, weights = hub_folder() / HUB_FOLDER, hub_folder() / "checkpoints" / f"{self.hub}_pretrain.pth"
        here = f"{weights} with the code in {code}" if code.is_dir() and weights.is_file() else ""
        return {
            "weights": f"{weights.name}; no digest is published: that of what was loaded is in the protocol; "
            f"the code of github.com/{HUB_REPOSITORY} is run",
            "found": here or f"nowhere; from torch.hub.load({HUB_REPOSITORY!r}, {self.hub!r})",
        }


HUB_REPOSITORY = "facebookresearch/dinov2"
HUB_FOLDER = "facebookresearch_dinov2_main"


def _clip(published: str, size: int, features: int, sha256: str) -> Pretrained:
    registered = f"clip-{published.lower()}"
    name = registered.replace("-", "_")
    return Pretrained(
        name=name,
        registered=registered,
        title=f"CLIP's image tower {published}",
        size=size,
        features=features,
        reference="Radford et al., 2021, arXiv:2103.00020",
        file=WeightsFile(
            extractor=name,
            url=f"https://openaipublic.azureedge.net/clip/models/{sha256}/{published}.pt",
            name=f"{registered}-{sha256}.pt",
            sha256=sha256,
        ),
    )


def _dinov2(letter: str, title: str, features: int) -> Pretrained:
    return Pretrained(
        name=f"dinov2_vit_{letter}_14",
        registered=f"dinov2-vit-{letter}-14",
        title=f"DINOv2, {title}",
        size=224,
        features=features,
        reference="Oquab et al., 2023, arXiv:2304.07193",
        hub=f"dinov2_vit{letter}14",
        published_with="the FD of Stein et al. (2023, arXiv:2306.04675, with dgm-eval's default) is "
        "resize=bicubic, with its --clean_resize resize=clean; torch-fidelity's is resize=tf1",
    )


PRETRAINED: Mapping[str, Pretrained] = {
    network.name: network
    for network in (
        Pretrained(
            name="vgg16",
            registered="vgg16",
            title="VGG16 trained on ImageNet, its second hidden layer",
            size=224,
            features=4096,
            reference="Simonyan and Zisserman, 2015, arXiv:1409.1556; torchvision's IMAGENET1K_V1",
            file=WeightsFile(
                extractor="vgg16",
                url="https://download.pytorch.org/models/vgg16-397923af.pth",
                name="vgg16-397923af.pth",
                sha256="397923af",
            ),
        ),
        _clip("RN50", 224, 1024, "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762"),
        _clip("RN101", 224, 512, "8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599"),
        _clip("RN50x4", 288, 640, "7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd"),
        _clip("RN50x16", 384, 768, "52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa"),
        _clip("RN50x64", 448, 1024, "be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c"),
        _clip("ViT-B-32", 224, 512, "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"),
        _clip("ViT-B-16", 224, 512, "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f"),
        _clip("ViT-L-14", 224, 768, "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836"),
        _clip("ViT-L-14-336px", 336, 768, "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02"),
        _dinov2("s", "ViT-S/14", 384),
        _dinov2("b", "ViT-B/14", 768),
        _dinov2("l", "ViT-L/14", 1024),
        _dinov2("g", "ViT-g/14", 1536),
    )
}
