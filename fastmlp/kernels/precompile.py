"""Compile the kernels ahead of time: ``python -m fastmlp.kernels.precompile FOLDER``.

The build of a wheel with kernels runs this (see ``setup.py``). Nothing else imports it.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from . import prebuilt
from .code_cache import file_stem, write


def compile_levels(folder, only=(), levels=None):
    """Compile the entries into a folder, for each level in a process of its own, side by side.

    Numba reads the CPU to compile for when it is imported. `only` has the stems of the wanted entries' files; empty:
    all. `levels`: by default those of this architecture.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("NUMBA_") and name != "FASTMLP_CHECK"
    }
    running = []
    for level in prebuilt.levels() if levels is None else levels:
        arguments = [sys.executable, "-P", "-m", "fastmlp.kernels.precompile", str(folder)]
        arguments += ["--level", level.name, "--only", *only]
        cpu = {
            "NUMBA_CPU_NAME": level.cpu,
            "NUMBA_CPU_FEATURES": ",".join(f"+{feature}" for feature in level.features),
        }
        running.append(subprocess.Popen(arguments, env=environment | cpu))
    codes = [process.wait() for process in running]
    if any(codes):
        raise SystemExit(f"error: fastmlp's kernels were not compiled (exit codes {codes})")
    if not codes:
        raise SystemExit("error: there are no levels of this machine's CPUs to compile kernels for")


def compile_entries(folder, level_name, only):
    """Compile entries with the CPU that this process was given."""
    from .entries import compile_entry, every_entry

    n_files = n_bytes = 0
    for key in every_entry():
        stem = file_stem(*key)
        if only and stem not in only:
            continue
        symbol, code = compile_entry(*key)
        error = write(prebuilt.path_of(stem, level_name, folder), symbol, code)
        if error is not None:
            raise error
        n_files, n_bytes = n_files + 1, n_bytes + len(code)
    print(f"{level_name}: {n_files} entries, {n_bytes / 1e6:.1f} MB", flush=True)


def main():
    """Compile for one level, or for all of this architecture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--level")
    parser.add_argument("--only", nargs="*", default=())
    options = parser.parse_args()
    if options.level is None:
        compile_levels(options.folder, options.only)
    else:
        compile_entries(options.folder, options.level, options.only)


if __name__ == "__main__":
    main()
