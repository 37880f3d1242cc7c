"""Compile the Cython data path; everything else is in ``pyproject.toml``.

``FASTMLP_CHECK=1`` in the environment builds with Cython's bounds checks on, ``FASTMLP_SANITIZE=1``
with gcc's sanitizers for addresses and undefined behaviour (see ``tests/fuzz``). ``FASTMLP_PREBUILT=1`` compiles
the kernels, too, for the levels in ``fastmlp/kernels/prebuilt.py``, and puts them into the wheel.
"""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec

from Cython.Build import cythonize
from setuptools import Command, Extension, setup
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext

SOURCES = ("fastmlp/data/_rows.pyx", "fastmlp/data/_batches.pyx")
CHECK = os.environ.get("FASTMLP_CHECK", "0") not in ("", "0")
PREBUILT = os.environ.get("FASTMLP_PREBUILT", "0") not in ("", "0")
WINDOWS = sys.platform == "win32"
# No -march=native: a wheel runs on every CPU. What depends on the CPU is Numba's.
# Debugging symbols would be most of the file.
UNIX_FLAGS = ["-O3"] if CHECK else ["-O3", "-g0"]
LINK_FLAGS = []
if os.environ.get("FASTMLP_SANITIZE", "0") not in ("", "0"):
    LINK_FLAGS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    # Without optimisation nothing undefined is optimised away, and it compiles in a quarter of the time.
    UNIX_FLAGS = ["-O0", "-g1", *LINK_FLAGS]

NO_COMPILER = (
    "fastmlp needs a C compiler to be built and none was found ({wanted}): install one "
    "(Debian, Ubuntu: apt install gcc libc6-dev; Fedora: dnf install gcc; macOS: "
    "xcode-select --install; Windows: Microsoft C++ Build Tools) or set CC to yours."
)


class BuildDataPath(build_ext):
    """Say plainly that there is no compiler; leave a copy of the module in the checkout."""

    def run(self):
        super().run()
        # `pip install .` followed by `python -m fastmlp` in the same folder imports the folder's
        # own fastmlp, not the installed one: it must find its compiled module there.
        if not self.inplace:
            self.copy_extensions_to_source()

    def build_extensions(self):
        if not WINDOWS:
            wanted = self.compiler.compiler_so[0]
            if shutil.which(wanted) is None:
                # Not an Exception: setuptools would print its traceback and advice around it.
                raise SystemExit("error: " + NO_COMPILER.format(wanted=wanted))
        super().build_extensions()


class BuildKernels(Command):
    """Compile the kernels into the build folder, from the sources that the wheel will hold."""

    description = "compile the kernels (with FASTMLP_PREBUILT=1)"
    user_options = ()
    editable_mode = False  # setuptools sets this: there is no wheel that kernels could be put into

    def initialize_options(self):
        self.build_lib = None

    def finalize_options(self):
        self.set_undefined_options("build", ("build_lib", "build_lib"))

    def run(self):
        if self.editable_mode:
            return
        root = os.path.abspath(self.build_lib)
        folder = os.path.join(root, "fastmlp", "kernels", "prebuilt_code")
        shutil.rmtree(folder, ignore_errors=True)  # of an earlier build
        if not PREBUILT:
            return
        if find_spec("numba") is None:
            raise SystemExit("error: FASTMLP_PREBUILT=1 needs numba to compile the kernels with")
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        command = [sys.executable, "-P", "-m", "fastmlp.kernels.precompile", folder]
        if subprocess.run(command, env=os.environ | {"PYTHONPATH": path}).returncode:
            raise SystemExit("error: the kernels were not compiled")


class Build(build):
    """All of setuptools' build, then the kernels."""

    sub_commands = (*build.sub_commands, ("build_kernels", None))


def extensions():
    """Return the extension modules."""
    modules = [
        Extension(
            source.removesuffix(".pyx").replace("/", "."),
            [source],
            extra_compile_args=["/O2"] if WINDOWS else UNIX_FLAGS,
            extra_link_args=LINK_FLAGS,
        )
        for source in SOURCES
    ]
    directives = {
        "language_level": 3,
        "boundscheck": CHECK,
        "wraparound": False,
        "initializedcheck": CHECK,
        "cdivision": True,
    }
    # force: Cython looks at the age of the source only, not at a change of FASTMLP_CHECK.
    return cythonize(modules, build_dir="build/cython", compiler_directives=directives, force=True)


setup(
    ext_modules=extensions(),
    cmdclass={"build": Build, "build_ext": BuildDataPath, "build_kernels": BuildKernels},
    options={"build_ext": {"force": True}},
)
