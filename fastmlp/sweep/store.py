"""Results on disk, one small file per fit, safe against a kill at any moment.

A file is written under another name, brought to the disk, and only then renamed: under its own
name it is there as a whole or not at all. Several processes may use one folder, since whoever
writes a result writes the same one. A checksum in the file finds out what a failing disk, a copy
that was cut short or an editor made of it; an invalid file counts as not there.
"""

import contextlib
import hashlib
import json
import time
from pathlib import Path

from ..system.atomic_files import PART, write_atomically

STALE = 24 * 3600.0  # seconds after which nobody is still writing one


class Store:
    """A folder of results, each found by its key.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._clear_parts()

    def get(self, key: dict) -> dict | None:
        """The result kept under the key, or None if there is no valid one."""
        try:
            body, checksum = self._path(key).read_bytes().splitlines()
            if hashlib.sha256(body).hexdigest().encode() != checksum:
                return None
            entry = json.loads(body)
        except (OSError, ValueError):
            return None
        return entry["result"] if entry["key"] == key else None

    def put(self, key: dict, result: dict) -> None:
        """Keep a result; it is on the disk when this returns."""
        body = json.dumps({"key": key, "result": result}).encode()
        checksum = hashlib.sha256(body).hexdigest().encode()
        write_atomically(self._path(key), lambda file: file.write(body + b"\n" + checksum + b"\n"))

    def _path(self, key):
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
        return self.folder / f"{name}.json"

    def _clear_parts(self):
        """Remove what writers left that were killed long ago."""
        for path in self.folder.glob(f"*{PART}"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < time.time() - STALE:
                    path.unlink()
