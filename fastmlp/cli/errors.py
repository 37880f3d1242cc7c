"""Errors as the command tells them."""

import errno

WORDS = {
    errno.ENOENT: "there is no file {}",
    errno.EACCES: "{} may not be opened: permission denied",
    errno.EPERM: "{} may not be opened: permission denied",
    errno.EISDIR: "{} is a folder",
    errno.ENOTDIR: "{} is not in a folder",
    errno.EEXIST: "{} is there already",
    errno.ENOSPC: "{} cannot be written: the disk is full",
}


def in_words(error: BaseException) -> str:
    """An error in a sentence, without the system's number where it comes from the system."""
    if not isinstance(error, OSError) or error.errno is None:
        return str(error)
    name = "a file" if error.filename is None else repr(str(error.filename))
    words = WORDS.get(error.errno, f"{{}}: {(error.strerror or str(error)).lower()}")
    return words.format(name)
