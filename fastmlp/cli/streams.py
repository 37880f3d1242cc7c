"""The command's standard output and error: closed, without a reader, or of an encoding that lacks characters."""

import contextlib
import os
from typing import Any, TextIO


class ReaderGone(Exception):
    """Whoever read the output, as ``head`` does, wants no more of it."""


class Output:
    """Stands before a stream, so that a command may write whatever the stream takes.

    What its encoding lacks is written as ``\\u...``.

    Parameters
    ----------
    stream : text stream or None
        None where the process was started without one.

    Attributes
    ----------
    goes_on : bool
        Whether the command is to go on, unheard, when the reader is gone: it has files to write. Otherwise `ReaderGone`
        is raised.
    """

    def __init__(self, stream: TextIO | None):
        self._stream, self.goes_on = stream, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def write(self, text: str) -> int:
        """Write, and return the number of characters."""
        if self._stream is None:
            return len(text)
        try:
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                encoding = self._stream.encoding
                self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        except BrokenPipeError:
            self._lose()
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except BrokenPipeError:
                self._lose()

    def _lose(self):
        # Python flushes the stream at its end, too: from here on it leads nowhere.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
        if not self.goes_on:
            raise ReaderGone
