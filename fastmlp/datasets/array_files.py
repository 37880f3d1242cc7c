"""Read arrays from the files that datasets come in; a corrupted one gives an error that names it."""

import gzip
import math
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def array_names(file: Path) -> list[str]:
    """Return the names of the arrays in an .npz file."""
    try:
        with zipfile.ZipFile(file) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file} is not a valid .npz file: {error}") from error


def read_npz(file: Path, names: Sequence[str]) -> list[np.ndarray]:
    """Read arrays by their names from NumPy's .npz; never unpickles anything."""
    try:
        # Opened here: of a damaged file NumPy would leave its own handle open.
        with open(file, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return [np.asarray(archive[name], order="C") for name in names]
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except KeyError as error:
        raise ValueError(f"{file} holds no array of that name: {error.args[0]}.") from error
    except (OSError, EOFError, ValueError, TypeError, AttributeError, zlib.error,
            zipfile.BadZipFile) as error:  # fmt: skip
        why = str(error)
        if "allow_pickle" in why:
            why = "an array holds Python objects, which can run code and are not loaded"
        raise ValueError(f"{file} is not a valid .npz file: {why}") from error


def read_idx(file: Path) -> np.ndarray:
    """Read an IDX file: two zeros, a type, the number of axes, each axis's length, the values."""
    try:
        content = file.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{file} cannot be read: {error}") from error
    n_axes = content[3] if len(content) > 3 else 0
    start = 4 + 4 * n_axes
    if content[:3] != b"\0\0\x08" or n_axes not in (1, 3) or len(content) < start:
        raise ValueError(f"{file} is not an IDX file of images or labels.")
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", n_axes, 4))
    values = np.frombuffer(content, np.uint8, offset=start)
    if values.size != math.prod(shape):
        raise ValueError(
            f"{file} is truncated or corrupted: {values.size} values where its header says {shape}."
        )
    return values.reshape(shape).copy()
