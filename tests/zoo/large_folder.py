"""Reads, batches and extracts a folder of pictures under a memory limit; run by a test, in a process.

Arguments: a folder of pictures; how many megabytes the process may take beyond what it has once it is warm.
Prints JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from pathlib import Path

import torch
from PIL import Image

from ganbench.api import Features
from ganbench.scoring.extraction import extract
from ganbench.training.batches import Batches
from ganbench.zoo.datasets.image_folder import ImageFolder

CPU = torch.device("cpu")


class Pooled:
    digest, channels, sizes = "0", (3,), None

    def __call__(self, images):
        return Features(features=torch.nn.functional.adaptive_avg_pool2d(images.float(), 2).flatten(1))


def use(path):
    """Everything that a run does with a data set; what came out of it."""
    data = ImageFolder(path=str(path))
    train = data.load("train")
    batches = Batches(train, 16, 0, CPU, torch.float32)
    total = sum(batches.next()[0].double().sum() for _ in range(2 * len(train) // 16))
    features = extract(Pooled(), train.x, CPU).features
    return {
        "bytes": train.x.nbytes + data.load("test").x.nbytes,
        "fingerprint": data.fingerprint,
        "batches": float(total),
        "features": features.double().sum().item(),
    }


def held():
    """Megabytes of private, writable memory."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmData")) // 1024


def main(folder, spare):
    with tempfile.TemporaryDirectory() as small:
        for index in range(128):
            Image.new("RGB", (64, 64)).save(Path(small) / f"{index}.png")
        use(small)
    limit = (held() + spare) * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    first = use(folder)
    again = use(folder)
    try:
        whole = torch.empty(first["bytes"], dtype=torch.uint8).nbytes
    except RuntimeError:
        whole = 0
    print(json.dumps({"first": first, "again": again, "whole": whole, "held": held(), "limit": limit >> 20}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
