"""Files that are there as a whole or not at all, whatever happens to the process that writes them."""

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

PART = ".part"  # the ending of files that are not finished


def write_atomically(path: Path, write: Callable[[BinaryIO], object], part: str = PART) -> None:
    """Let ``write(file)`` make the file `path`: it is replaced as a whole, or left as it was.

    What a killed process leaves has the ending `part`.
    """
    name = path.with_name(f"{path.name}.{secrets.token_hex(8)}{part}")
    try:
        with open(name, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Bring a rename to the disk, where the system lets a folder be opened for that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
