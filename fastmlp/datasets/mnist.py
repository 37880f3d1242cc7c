"""MNIST and Fashion-MNIST as arrays, from wherever they already lie on this machine.

Both come as Keras's single ``.npz`` file or as the four IDX files they were published in. Whatever
the place, the arrays are the same to the last bit: each is checked by the sha256 of its raw bytes.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from ..system.cache_folder import user_cache
from .array_files import read_idx, read_npz
from .download import fetch

__all__ = ["load_fashion_mnist", "load_mnist"]

Split = tuple[np.ndarray, np.ndarray]

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
SHAPES = ((60000, 28, 28), (60000,), (10000, 28, 28), (10000,))
IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)

KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


class Source(NamedTuple):
    """An address on the network and the files that make up the set there, with their hashes."""

    address: str
    hashes: dict[str, str]


class Dataset(NamedTuple):
    """What tells one set from the other: names, hashes, and where each is published."""

    title: str
    name: str  # of the npz file and of the folder of IDX files
    torch_folder: str
    sha256: tuple[str, ...]  # of the raw bytes, in the order of ARRAYS
    sources: tuple["Source", ...]
    system_folders: tuple[str, ...] = ()  # where operating systems put it


def _gzipped(*md5: str) -> dict[str, str]:
    """The four IDX files as everybody publishes them, with the hashes that their makers give."""
    return {f"{name}.gz": f"md5:{h}" for name, h in zip(IDX_FILES, md5, strict=True)}


MNIST = Dataset(
    title="MNIST",
    name="mnist",
    torch_folder="MNIST",
    sha256=(
        "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    ),
    sources=(
        Source(
            KERAS,
            {
                "mnist.npz": "sha256:"
                "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
            },
        ),
        Source(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            _gzipped(
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "d53e105ee54ea40749a09fcbcd1e9432",
                "9fb629c4189551a2d022fa330f9573f3",
                "ec29112dd5afa0611ce80d1b7f02629c",
            ),
        ),
    ),
)

FASHION_MNIST = Dataset(
    title="Fashion-MNIST",
    name="fashion-mnist",
    torch_folder="FashionMNIST",
    sha256=(
        "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    ),
    sources=tuple(
        Source(
            address,
            _gzipped(
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "25c81989df183df01b3e8a0aad5dffbe",
                "bef4ecab320f06d8554ea6380940ec79",
                "bb300cfdad3c16e7a12a480ee83cd310",
            ),
        )
        for address in (KERAS, "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/")
    ),
    system_folders=("/usr/share/datasets/fashion-mnist",),
)


def load_mnist(
    path: str | os.PathLike | None = None,
    *,
    flatten: bool = True,
    dtype: DTypeLike = "float32",
    download: bool = True,
) -> tuple[Split, Split]:
    """Load MNIST, handwritten digits: 60,000 images to train on and 10,000 to test with.

    The places, in the order in which they are tried without a `path`:

    1. the environment variable ``FASTMLP_DATA``;
    2. the repository's ``data`` folder, when run from a checkout;
    3. Keras's cache;
    4. torchvision's ``MNIST/raw``, in the working folder's ``data``, the working folder, or ``~/data``;
    5. fastmlp's own cache;
    6. the network: Keras's file (12 MB), then torchvision's mirror. A download is checked by its hash and
       kept in fastmlp's cache.

    A place without the files is passed over. A place with a wrong or damaged file is an error.

    Parameters
    ----------
    path : str or path-like, optional
        Keras's ``mnist.npz``, or a folder with that file or with the four IDX files, gzipped
        or not.
    flatten : bool, default=True
        One row of 784 pixels per image; otherwise 28 rows of 28.
    dtype : dtype, default="float32"
        A floating type gives values in [0, 1]; ``"uint8"`` gives the raw values 0 to 255.
    download : bool, default=True
        Whether the network is tried at all.

    Returns
    -------
    (X_train, y_train), (X_test, y_test) : tuples of ndarray
        Images and labels; the labels are ``uint8``, 0 to 9.

    Raises
    ------
    ValueError
        A file is truncated, or holds something else; the message names it.
    FileNotFoundError
        There is no MNIST at `path`; or, without one, anywhere: the message lists every place tried.
    """
    return _load(MNIST, path, flatten, dtype, download)


def load_fashion_mnist(
    path: str | os.PathLike | None = None,
    *,
    flatten: bool = True,
    dtype: DTypeLike = "float32",
    download: bool = True,
) -> tuple[Split, Split]:
    """Load Fashion-MNIST, pictures of clothes in MNIST's shapes and number of classes.

    Parameters, result, errors and places are those of `load_mnist`, with ``fashion-mnist`` for
    ``mnist`` in names of files and folders. The folder of Debian's package
    ``dataset-fashion-mnist`` is tried before fastmlp's own cache.
    """
    return _load(FASHION_MNIST, path, flatten, dtype, download)


def is_there(path: str | os.PathLike) -> bool:
    """Whether MNIST's files lie at a path; whether they are valid is not looked at."""
    return _find(MNIST, Path(path).expanduser()) is not None


def _load(dataset, path, flatten, dtype, download) -> tuple[Split, Split]:
    dtype = np.dtype(dtype)
    if dtype != np.uint8 and dtype.kind != "f":
        raise ValueError(f"dtype must be a floating type or 'uint8', got {dtype.name!r}.")
    if path is None:
        source = _search(dataset, download)
    else:
        found = _find(dataset, Path(path).expanduser())
        if found is None:
            raise FileNotFoundError(
                f"{dataset.title} is not at {str(path)!r}: there is no such file, nor a folder with "
                f"{dataset.name}.npz or the four IDX files."
            )
        source = found
    x_train, y_train, x_test, y_test = _read(dataset, source)
    return (_images(x_train, flatten, dtype), y_train), (_images(x_test, flatten, dtype), y_test)


def _search(dataset: Dataset, download) -> Path | list[Path]:
    """Return the files of the first place that has them."""
    tried = []
    for label, place in _places(dataset):
        source = _find(dataset, place)
        if source is not None:
            return source
        tried.append(f"{label}: {place}")
    tried += _download(dataset) if download else ["the network: not asked, download=False"]
    source = _find(dataset, user_cache())
    if source is None:
        raise FileNotFoundError(
            f"{dataset.title} was not found. Tried, in this order:\n"
            + "\n".join(f"  {k}. {place}" for k, place in enumerate(tried, 1))
            + "\nGive its path, or set the environment variable FASTMLP_DATA to it."
        )
    return source


def _images(pixels, flatten, dtype):
    if dtype != np.uint8:
        pixels = pixels.astype(dtype)
        pixels /= 255
    return pixels.reshape(len(pixels), -1) if flatten else pixels


def _places(dataset: Dataset) -> Iterator[tuple[str, Path]]:
    """Yield what to call each place on this machine, and the file or folder it is."""
    if os.environ.get("FASTMLP_DATA"):
        yield "$FASTMLP_DATA", Path(os.environ["FASTMLP_DATA"]).expanduser()
    # The package may be imported from the checkout, or installed and run from inside one.
    for root in dict.fromkeys((Path(__file__).resolve().parents[2], Path.cwd())):
        if (root / "pyproject.toml").is_file() and (
            root / "fastmlp" / "datasets" / "mnist.py"
        ).is_file():
            yield "the checkout's data", root / "data"
    home = Path.home()
    keras = Path(os.environ.get("KERAS_HOME") or home / ".keras")
    yield "Keras's cache", keras / "datasets"
    for root in (Path.cwd() / "data", Path.cwd(), home / "data"):
        yield "torchvision's folder", root / dataset.torch_folder / "raw"
    for folder in dataset.system_folders:
        yield "the system's package", Path(folder)
    yield "fastmlp's cache", user_cache()


def _find(dataset: Dataset, place: Path) -> Path | list[Path] | None:
    """Return the npz file or the four IDX files at a place, if they are there."""
    if place.is_file():
        return place
    if (place / f"{dataset.name}.npz").is_file():
        return place / f"{dataset.name}.npz"
    for folder in (place, place / dataset.name, place / dataset.torch_folder / "raw"):
        forms = [(folder / name, folder / f"{name}.gz") for name in IDX_FILES]
        # A part of the four, as an interrupted download leaves it, is not the set.
        if all(any(file.is_file() for file in form) for form in forms):
            return [next(file for file in form if file.is_file()) for form in forms]
    return None


def _read(dataset: Dataset, source: Path | list[Path]) -> list[np.ndarray]:
    """Read the four arrays and check that they are this dataset's, bit for bit."""
    if isinstance(source, Path):
        arrays, names = read_npz(source, ARRAYS), [f"{source}, {name}," for name in ARRAYS]
    else:
        arrays, names = [read_idx(file) for file in source], [str(file) for file in source]
    for k, (array, name) in enumerate(zip(arrays, names, strict=True)):
        digest = hashlib.sha256(array.tobytes()).hexdigest()
        for other in (MNIST, FASHION_MNIST):
            if other is not dataset and digest == other.sha256[k]:
                raise ValueError(f"{name} is {other.title}'s, not {dataset.title}'s.")
        found = (array.dtype, array.shape, digest)
        if found != (np.uint8, SHAPES[k], dataset.sha256[k]):
            raise ValueError(
                f"{name} is not {dataset.title}'s: {found[0]} of shape {found[1]} with sha256 "
                f"{found[2]}, but uint8 of shape {SHAPES[k]} with sha256 {dataset.sha256[k]} "
                "is wanted."
            )
    return arrays


def _download(dataset: Dataset) -> list[str]:
    """Fetch the dataset into fastmlp's cache; return what was tried in vain."""
    failures = []
    for source in dataset.sources:
        folder = user_cache() if len(source.hashes) == 1 else user_cache() / dataset.name
        for name, known_hash in source.hashes.items():
            try:
                fetch(source.address + name, known_hash, folder / name)
            except (OSError, ValueError) as error:  # requests' errors are OSErrors
                failures.append(f"the network: {source.address}{name}: {error}")
                break
        else:
            break
    return failures
