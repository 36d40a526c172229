"""Where the files of the published data sets lie below the data folder: as torchvision puts them.

And what `ganbench show` says of the image sets beyond their specs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The files of one data set.

    Attributes:
        name: the data set's.
        files: relative to the data folder; the data are there where all of these are.
        source: how a person gets them.
    """

    name: str
    files: tuple[str, ...]
    source: str

    @property
    def folder(self) -> str:
        """That of the first file, relative to the data folder."""
        return str(PurePosixPath(self.files[0]).parent)

    def details(self) -> Mapping[str, str]:
        """Describe the layout in the words of `ganbench show`."""
        return {
            "files": ", ".join(f"FOLDER/{file}" for file in self.files),
            "found by": "--data FOLDER, or GANBENCH_DATA; downloaded by torchvision where they are absent",
            "source": self.source,
            **option_details(),
        }


def option_details() -> Mapping[str, str]:
    """Describe the options that several image sets have."""
    return {
        "size": "Pillow's bilinear filter, averaging; 4 to 1024",
        "flip": "the train split doubled, each image followed by its mirror image; as a real side too",
        "limit": "the first ones of the train split, after classes, before flip; the test split stays whole",
    }


def folder_details() -> Mapping[str, str]:
    """Describe how a folder of pictures becomes a data set."""
    return {
        "archives": "a .zip or .tar (.gz, .bz2, .xz) is read as the folder that was packed; one that is "
        "encrypted, has links or names that lead out of it, or unpacks to 500 times its size is refused",
        "splits": "folders train (or training) and test (or testing; else val, valid, validation, dev, eval, "
        "evaluation or holdout), in any case, where it has both; else one in test_every, by name, is test",
        "held out": "a folder with one of these names that is neither is refused, never trained on",
        "labels": "the folders directly in it, or in those of the splits, are classes: in the order of their "
        "values where all are whole numbers, else of their names; without labels, folders mean nothing; "
        "or a file gives them: a table of file names and labels, or StyleGAN's dataset.json",
        "passed over": "the hidden, Thumbs.db, desktop.ini, @eaDir, __MACOSX, lost+found and their like",
        "turned": "as the EXIF orientation of each says",
        "16 bits": "of each channel the upper 8 are taken, as libpng and Pillow do",
        "broken": "all named at once and refused; with on_error = skip left out, counted, in the fingerprint",
        "crop": "a square from the centre, before size; with size alone, the largest",
        **option_details(),
        "kept": "as one array below GANBENCH_CACHE, made anew where a file's name, size or time changes",
        "fingerprint": "of the pixels and labels, whatever the files' names, times and formats",
    }


def array_details() -> Mapping[str, str]:
    """Describe how arrays become a data set."""
    return {
        "files": "a .npy, an .npz, or a folder of .npy files; a .npy is mapped, nothing is ever unpickled",
        "samples": "the array x (or images, data, arr_0, or the only one): images (N, H, W), (N, C, H, W) or "
        "(N, H, W, C) with C 1, 3 or 4, or points (N, d), of integers, floats or bool",
        "transparent": "a fourth channel says how opaque a pixel is, in the same range; dropped where all "
        "is opaque, else the image is laid over the background",
        "beside them": "labels (or y, arr_1): whole numbers or texts, one per sample, or one-hot rows; "
        "condition: numbers",
        "splits": "x_train and x_test (or train_images, train, ...) with y_train, condition_train and so on; "
        "else one row in test_every is test",
        "range": "[black, white], for images that are not uint8; rounded to 256 values",
        "classes": "the labels that occur, in the order of their values",
        **option_details(),
    }


def table_details() -> Mapping[str, str]:
    """Describe how a table becomes a data set."""
    return {
        "files": ".csv (commas or semicolons), .tsv, .txt (blanks), .parquet; the first line names "
        "the columns, unless it has nothing but numbers: then they are 0, 1, ...",
        "columns": "the coordinates, in this order; all columns of numbers that are not label or condition",
        "label": "the column of the classes: whole numbers, in the order of their values, or texts",
        "condition": "columns of numbers that are each point's condition",
        "standardise": "each coordinate to mean 0 and deviation 1 over the train split",
        "splits": "the table test, where one is given; else one row in test_every is test",
        "limit": "the first rows of the train split",
    }


IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def _idx(name: str, folder: str, source: str) -> Layout:
    return Layout(name=name, files=tuple(f"{folder}/raw/{file}" for file in IDX_FILES), source=source)


_LAYOUTS = (
    _idx("mnist", "MNIST", "https://ossci-datasets.s3.amazonaws.com/mnist/ (.gz, which need no unpacking)"),
    _idx("kmnist", "KMNIST", "http://codh.rois.ac.jp/kmnist/ (.gz, which need no unpacking)"),
    _idx("fashion_mnist", "FashionMNIST", "apt-get install dataset-fashion-mnist, which is found by itself"),
    Layout(
        name="cifar10",
        files=tuple(
            f"cifar-10-batches-py/{file}"
            for file in (*(f"data_batch_{index}" for index in range(1, 6)), "test_batch", "batches.meta")
        ),
        source="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz, unpacked",
    ),
    Layout(
        name="cifar100",
        files=tuple(f"cifar-100-python/{file}" for file in ("train", "test", "meta")),
        source="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz, unpacked",
    ),
    Layout(
        name="svhn",
        files=("train_32x32.mat", "test_32x32.mat"),
        source="http://ufldl.stanford.edu/housenumbers/ (format 2)",
    ),
    Layout(
        name="stl10",
        files=tuple(
            f"stl10_binary/{file}.bin" for file in ("train_X", "train_y", "test_X", "test_y", "unlabeled_X")
        ),
        source="http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz, unpacked",
    ),
    Layout(
        name="celeba",
        files=(
            "celeba/list_eval_partition.txt",
            "celeba/list_attr_celeba.txt",
            "celeba/identity_CelebA.txt",
            "celeba/list_bbox_celeba.txt",
            "celeba/list_landmarks_align_celeba.txt",
            "celeba/img_align_celeba",
        ),
        source="http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (aligned and cropped), unpacked; "
        "torchvision's download needs: pip install gdown",
    ),
)
LAYOUTS: Mapping[str, Layout] = {layout.name: layout for layout in _LAYOUTS}
