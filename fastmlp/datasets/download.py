"""Download a file that is known by its hash, with pooch where it is installed, else with the standard library."""

import hashlib
import sys
from pathlib import Path
from typing import BinaryIO

from ..system.atomic_files import write_atomically

PIECE = 1 << 16  # bytes read at a time
PATIENCE = 30  # seconds that a server may stay silent


def fetch(address: str, known_hash: str, file: Path) -> None:
    """Download `address` to `file`, which is there as a whole, with the right hash, or not at all.

    Parameters
    ----------
    address : str
    known_hash : str
        The algorithm of `hashlib` and the digest: ``"sha256:731c..."``.
    file : Path
        Its folder is made if there is none.

    Raises
    ------
    OSError
        The address cannot be reached, or the file cannot be written.
    ValueError
        What was downloaded has another hash.
    """
    try:
        import pooch
    except ImportError:
        _fetch(address, known_hash, file)
    else:
        pooch.retrieve(address, known_hash, fname=file.name, path=file.parent)


def _fetch(address: str, known_hash: str, file: Path) -> None:
    from http.client import HTTPException
    from urllib.request import urlopen

    algorithm, _, wanted = known_hash.partition(":")
    try:
        with urlopen(address, timeout=PATIENCE) as answer:
            file.parent.mkdir(parents=True, exist_ok=True)
            progress = Progress(file.name, int(answer.headers.get("Content-Length") or 0))

            def copy(target: BinaryIO) -> None:
                digest = hashlib.new(algorithm, usedforsecurity=False)
                while piece := answer.read(PIECE):
                    digest.update(piece)
                    target.write(piece)
                    progress.advance(len(piece))
                if digest.hexdigest() != wanted:
                    raise ValueError(
                        f"{algorithm} of the download is {digest.hexdigest()}, not {wanted}"
                    )

            try:
                write_atomically(file, copy)
            finally:
                progress.close()
    except HTTPException as error:  # a connection that broke; the only error that is no OSError
        raise OSError(f"{type(error).__name__}: {error}") from error
    except OSError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise OSError(
                f"{error}. This Python has no certificates: "
                "python -m pip install 'fastmlp[data]' brings some"
            ) from error
        raise


class Progress:
    """What a download shows on the standard error: its share done on a terminal, else one line."""

    def __init__(self, name: str, total: int) -> None:
        self._name, self._total = name, total
        self._done, self._shown = 0, -1
        self._terminal = sys.stderr.isatty()
        size = f" ({total / 1e6:.1f} MB)" if total else ""
        self._say(f"Downloading {name}{size}", end="" if self._terminal else "\n")

    def advance(self, n_bytes: int) -> None:
        """Count bytes that have arrived."""
        self._done += n_bytes
        percent = 100 * self._done // self._total if self._total else 0
        if self._terminal and percent != self._shown:
            self._shown = percent
            size = f"{percent}%" if self._total else f"{self._done / 1e6:.1f} MB"
            self._say(f"\rDownloading {self._name}: {size}", end="")

    def close(self) -> None:
        """End the line."""
        if self._terminal:
            self._say("", end="\n")

    @staticmethod
    def _say(text: str, end: str) -> None:
        print(text, end=end, file=sys.stderr, flush=True)
