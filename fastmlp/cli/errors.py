"""Errors and warnings as the command tells them."""

import errno
import sys
import tempfile
from pathlib import Path

WORDS = {
    errno.ENOENT: "there is no file {}",
    errno.EACCES: "{} may not be opened: permission denied",
    errno.EPERM: "{} may not be opened: permission denied",
    errno.EISDIR: "{} is a folder",
    errno.ENOTDIR: "{} is not in a folder",
    errno.EEXIST: "{} is there already",
    errno.ENOSPC: "{} cannot be written: the disk is full",
}


def program() -> str:
    """Return what the user typed to get here: the console command, or Python with ``-m``."""
    return "fastmlp" if Path(sys.argv[0]).stem == "fastmlp" else "python -m fastmlp"


def in_words(error: BaseException) -> str:
    """An error in a sentence, without the system's number where it comes from the system."""
    if isinstance(error, MemoryError):
        return f"there is not enough memory: {error or 'a smaller network or less data may fit'}"
    if not isinstance(error, OSError) or error.errno is None:
        return str(error)
    name = "a file" if error.filename is None else repr(str(error.filename))
    words = WORDS.get(error.errno, f"{{}}: {(error.strerror or str(error)).lower()}")
    return words.format(name)


def check_writable(option: str, file: Path) -> None:
    """Raise an OSError that names the option if the file cannot be written. Nothing is changed.

    The file is to be written as a whole beside its place and renamed, so its folder has to take one.
    """
    if file.is_dir():
        raise IsADirectoryError(f"{option}: {str(file)!r} is a folder; a file is needed")
    if file.exists() and not file.is_file():
        raise OSError(f"{option}: {str(file)!r} is no file that can be replaced")
    folder = file.absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{option}: there is no folder {str(file.parent)!r} to write {file.name}"
        )
    check_folder(option, folder)


def check_folder(option: str, folder: Path) -> None:
    """Raise an OSError that names the option if no file can be made in a folder, which need not be there yet."""
    folder = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not folder.is_dir():
        raise NotADirectoryError(f"{option}: {str(folder)!r} is a file; a folder is needed")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise OSError(f"{option}: nothing can be written in {str(folder)!r}: {why}") from error
