"""Compiled code: where it is kept, what it depends on, what is said of it, and the build that checks each access."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from fastmlp import array_kernels
from fastmlp.engine import team
from fastmlp.kernels import abi, code_cache, compile_notice, prebuilt, words
from fastmlp.kernels.codegen import compiler
from fastmlp.kernels.passes import threads as sync

pytestmark = pytest.mark.slow

SMALLEST = ("elements", "float64", None)


def run(code, **environment):
    """The output of a Python process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def relu_by(elements, values):
    x = layout_ready(values)
    elements(words.pack_words(abi.ElementsCall(x, x.size, abi.RELU, 0, 1)))
    return x


def layout_ready(values):
    return np.resize(np.asarray(values, float), 8)


def check(elements):
    np.testing.assert_array_equal(relu_by(elements, [-1.0, 2.0]), layout_ready([0.0, 2.0]))


@pytest.fixture(autouse=True)
def without_prebuilt_code(monkeypatch, tmp_path):
    """What is tested here is compiled, even where the package was built with kernels."""
    monkeypatch.setattr(prebuilt, "FOLDER", tmp_path / "none")
    monkeypatch.setattr(prebuilt, "level", lambda: None)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A cache folder that holds the smallest entry."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTMLP_CACHE", str(folder))
        patch.setattr(prebuilt, "level", lambda: None)
        made = code_cache._Entry(*SMALLEST)
        assert not made.from_cache
        check(made)
    return folder


@pytest.fixture
def cache(kept, tmp_path, monkeypatch):
    """A copy of that folder, in use."""
    folder = tmp_path / "cache"
    shutil.copytree(kept, folder)
    monkeypatch.setenv("FASTMLP_CACHE", str(folder))
    return folder


def the_file(folder):
    (path,) = folder.iterdir()
    return path


# --- the cache ----------------------------------------------------------------------------------


def test_entries_are_loaded_from_the_cache(cache):
    before = the_file(cache).stat().st_mtime_ns
    loaded = code_cache._Entry(*SMALLEST)
    assert loaded.from_cache
    check(loaded)
    assert the_file(cache).stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[:-1],
        lambda content: content[:1000] + bytes([content[1000] ^ 1]) + content[1001:],
        lambda content: bytes([content[0] ^ 1]) + content[1:],
        lambda content: content + b"more",
    ],
    ids=["empty", "hash cut", "cut", "bit in code", "bit in hash", "longer"],
)
def test_damaged_files_are_made_again(damage, cache):
    path = the_file(cache)
    sound = path.read_bytes()
    path.write_bytes(damage(sound))
    made = code_cache._Entry(*SMALLEST)
    assert not made.from_cache
    check(made)
    assert the_file(cache) == path  # and nothing else is left there
    assert code_cache._Entry(*SMALLEST).from_cache


def test_a_folder_that_is_a_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("mine")
    monkeypatch.setenv("FASTMLP_CACHE", str(path))
    assert not code_cache.is_writable()
    made = code_cache._Entry(*SMALLEST)
    assert not made.from_cache
    check(made)
    assert path.read_text() == "mine"


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    folder = tmp_path / "locked"
    folder.mkdir()
    monkeypatch.setenv("FASTMLP_CACHE", str(folder / "deeper"))

    def refuse(*args, **kwargs):  # the superuser may write anywhere, whatever the mode
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(Path, "write_bytes", refuse)
    assert not code_cache.is_writable()
    made = code_cache._Entry(*SMALLEST)
    assert not made.from_cache
    check(made)
    assert list(folder.iterdir()) == []


def test_a_full_disk_leaves_no_part(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTMLP_CACHE", str(tmp_path))

    def write_half(path, content):
        with open(path, "wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_half)
    check(code_cache._Entry(*SMALLEST))
    assert list(tmp_path.iterdir()) == []


def test_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("FASTMLP_CACHE", str(tmp_path / "mine"))
    assert code_cache.folder() == tmp_path / "mine"
    assert code_cache.is_writable()
    monkeypatch.delenv("FASTMLP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform.startswith("linux"):
        assert code_cache.folder() == tmp_path / "fastmlp"


def test_a_second_process_does_without_numba():
    code = """
import sys
import numpy as np
from fastmlp.engine.engine import Engine
from fastmlp.kernels import code_cache
from fastmlp.kernels.abi import SGDRule
from fastmlp.engine.optimizers import SGD
engine = Engine((4, 3, 2), activation="relu", loss="softmax_cross_entropy", dtype="float64", n_threads=2)
engine.set_parameters([np.ones((4, 3)), np.ones((3, 2))], [np.zeros(3), np.zeros(2)])
data, labels = engine.open(np.eye(4)), np.array([[0], [1], [0], [1]], np.int32)
for _ in range(3):
    engine.train_epoch(
        data, labels, np.arange(4), batch_size=2, optimizer=SGD(0.9), learning_rate=0.1
    )
train = code_cache.entry("train", "float64", SGDRule)
bits = b"".join(a.tobytes() for a in sum(engine.get_parameters(), []))
print(bits.hex(), train.from_cache, "numba" in sys.modules)
"""
    # The first may have to compile, unless other tests have used the user's cache folder before.
    first, second = (run(code).split() for _ in range(2))
    assert first[1] != first[2]
    assert second == [first[0], "True", "False"]


def test_one_compilation_for_many_threads(monkeypatch):
    made = []

    class Entry:
        def __init__(self, *key):
            made.append(key)

        def warn(self):
            pass

    monkeypatch.setattr(code_cache, "_Entry", Entry)
    monkeypatch.setattr(code_cache, "_ENTRIES", {})
    start, found = threading.Barrier(8), []

    def ask():
        start.wait()
        found.append(code_cache.entry("train", np.float32))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [("train", "float32", None)]
    assert set(found) == {found[0]}


# --- what is said -------------------------------------------------------------------------------


def test_a_cache_that_cannot_be_written_gives_one_warning_per_process(tmp_path):
    (tmp_path / "file").write_text("mine")
    code = """
from fastmlp.kernels import code_cache, prebuilt
prebuilt.level = lambda: None
for dtype in ("float32", "float64"):
    assert not code_cache.entry("elements", dtype).from_cache
"""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code],
        env=os.environ | {"FASTMLP_CACHE": str(tmp_path / "file")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("RuntimeWarning") == 1
    for said in ("cannot be kept", str(tmp_path / "file"), "FASTMLP_CACHE", "fastmlp.warmup()"):
        assert said in done.stderr


def test_a_warning_that_is_an_error_does_not_cost_the_compilation(tmp_path, monkeypatch):
    monkeypatch.setattr(code_cache, "_ENTRIES", {})
    monkeypatch.setattr(compile_notice, "_warned", False)
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("FASTMLP_CACHE", str(tmp_path / "file"))
    with pytest.raises(RuntimeWarning, match="cannot be kept"):
        code_cache.entry("elements", "float64")
    monkeypatch.setattr(code_cache, "_compile", None)
    check(code_cache.entry("elements", "float64"))


@pytest.fixture
def quick(monkeypatch, kept, tmp_path):
    """No entry is there, and compiling one takes no time: it is the smallest, whatever was asked for."""
    (path,) = kept.iterdir()
    found = code_cache._read(path)
    monkeypatch.setenv("FASTMLP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(code_cache, "_ENTRIES", {})
    monkeypatch.setattr(code_cache, "_compile", lambda *key: found)


def test_a_fit_is_told_that_it_has_to_wait(quick, capfd):
    said = []
    with compile_notice.notices(said.append):
        code_cache.entry("train", "float32", abi.RMSpropRule)
        code_cache.entry("train", "float32", abi.RMSpropRule)
    (line,) = said
    assert line.startswith(
        "Compiling kernels for this CPU, once: about 8 s (train, float32, RMSprop;"
    )
    assert "built without compiled kernels" in line
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("terminal", [True, False])
def test_elsewhere_a_terminal_is_told_and_a_script_is_not(quick, terminal, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    monkeypatch.delattr(sys, "ps1", raising=False)
    code_cache.entry("predict", "float32")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("fastmlp: Compiling kernels for this CPU, once: about 2 s") == terminal
    assert err.count("\n") == terminal


def test_why_code_is_compiled(quick, monkeypatch, tmp_path):
    said = []

    def reason(dtype):
        with compile_notice.notices(said.append):
            code_cache.entry("layer", dtype)
        return said[-1]

    prebuilt.FOLDER.mkdir()
    assert "do not fit the CPU" in reason("float32")
    monkeypatch.setattr(prebuilt, "level", lambda: "of others")
    assert "not those of its sources" in reason("float64")
    monkeypatch.setattr(code_cache, "_ENTRIES", {})
    monkeypatch.setenv("FASTMLP_CACHE", str(tmp_path / "another"))
    monkeypatch.setenv("FASTMLP_NATIVE", "1")
    assert "is asked for" in reason("float32")
    monkeypatch.setattr(code_cache, "is_writable", lambda: False)
    assert "for this process only" in reason("float64")


def test_an_error_in_the_compiler_is_one_line(monkeypatch, tmp_path):
    def broken(*key):
        raise AttributeError("no attribute 'x'\nand a hundred lines more")

    from fastmlp.kernels import entries

    monkeypatch.setenv("FASTMLP_CACHE", str(tmp_path))
    monkeypatch.setattr(entries, "compile_entry", broken)
    with pytest.raises(
        RuntimeError, match=r"do not compile with numba .* no attribute 'x'"
    ) as seen:
        code_cache._Entry(*SMALLEST)
    assert "hundred lines" not in str(seen.value)
    assert seen.value.__suppress_context__
    monkeypatch.setenv("NUMBA_FULL_TRACEBACKS", "1")
    with pytest.raises(AttributeError):
        code_cache._Entry(*SMALLEST)


# --- Numba's own passes -------------------------------------------------------------------------

# Numba goes on working with each of these changes.
RENAMED = """
def __init__(self, *args, before=codegen.CPUCodeLibrary.__init__):
    before(self, *args)
    self.to_be_linked = self.__dict__.pop("_linking_libraries")
def add_linking_library(self, library):
    library._ensure_finalized()
    self.to_be_linked.append(library)
def finalize(self, before=codegen.CPUCodeLibrary.finalize):
    self._linking_libraries = self.to_be_linked
    before(self)
for function in (__init__, add_linking_library, finalize):
    setattr(codegen.CPUCodeLibrary, function.__name__, function)
"""
UNKNOWN = "99.0.0"
TAKEN_AWAY = {
    "nothing": "pass",
    "a class": "del codegen.JITCodeLibrary",
    "a pass": "del untyped_passes.FixupArgs",
    "an argument": "compiler_machinery.register_pass = lambda mutates: None",
    "a name": RENAMED,
    "a result": "codegen.JITCodeLibrary._get_compiled_object = lambda self: None",
}


@pytest.mark.parametrize("what", TAKEN_AWAY)
def test_without_numba_s_private_parts_the_bits_are_the_same(what, cache, tmp_path):
    code = f"""
import hashlib
import numpy as np
import numba
from numba.core import codegen, compiler, compiler_machinery, typed_passes, untyped_passes
numba.__version__ = "{UNKNOWN}"
{TAKEN_AWAY[what]}
from fastmlp import array_kernels
from fastmlp.kernels import code_cache, prebuilt
from fastmlp.kernels.codegen import compiler
prebuilt.level = lambda: None
x = np.linspace(-5, 5, 1001)
digest = hashlib.sha256()
for name in ("relu", "tanh", "logistic", "exp"):
    digest.update(getattr(array_kernels, name)(x).tobytes())
print(compiler.IS_LEAN, code_cache.entry("elements", "float64").from_cache, digest.hexdigest())
"""
    expected = run(code.replace(TAKEN_AWAY[what], "pass"), FASTMLP_CACHE=str(cache)).split()
    assert expected[:2] == ["True", "True"]
    empty = str(tmp_path / "empty")
    assert run(code, FASTMLP_CACHE=empty).split() == [
        str(what == "nothing"),
        "False",
        expected[2],
    ]


@pytest.mark.parametrize(
    ("version", "is_known"),
    [
        *((f"{minor}.{patch}", True) for minor in compiler.KNOWN_NUMBA for patch in ("0", "1rc1")),
        *((version, False) for version in (UNKNOWN, "0.6.1", "0.600.0", "0.59.1", "1.0.60")),
    ],
)
def test_only_an_unknown_numba_is_tried(version, is_known, monkeypatch):
    """A trial costs half a second of every first compilation."""
    tried = []
    monkeypatch.setattr(compiler.numba, "__version__", version)
    for works in (True, False):
        monkeypatch.setattr(compiler, "_works", lambda way, works=works: tried.append(way) or works)
        assert isinstance(compiler._choose(), compiler._Lean) == (is_known or works)
    assert len(tried) == (0 if is_known else 2)


def test_a_known_numba_without_private_parts_is_survived(monkeypatch):
    monkeypatch.setattr(compiler.numba, "__version__", f"{compiler.KNOWN_NUMBA[-1]}.0")
    monkeypatch.setattr(compiler, "_Lean", lambda: compiler.no_such_name)
    assert isinstance(compiler._choose(), compiler._Public)


def test_this_numba_compiles_both_ways():
    assert compiler._works(compiler._Lean())
    assert compiler._works(compiler._Public())


# --- what compiled code depends on ----------------------------------------------------------------


def test_fingerprint(tmp_path, monkeypatch):
    fingerprint = code_cache.fingerprint.__wrapped__
    monkeypatch.setattr(prebuilt, "sources_hash", prebuilt.sources_hash.__wrapped__)
    here = Path(code_cache.__file__).parent
    copied = tmp_path / "kernels"
    shutil.copytree(here, copied, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.delenv("FASTMLP_CHECK", raising=False)
    seen = {fingerprint()}
    monkeypatch.setattr(prebuilt, "__file__", str(copied / "library.py"))
    assert fingerprint() in seen  # wherever they lie
    for path in sorted(copied.rglob("*.py")):
        path.write_text(path.read_text() + "\n")
        assert fingerprint() not in seen, path.name
        seen.add(fingerprint())
    without = fingerprint()
    for value in ("", "0"):
        monkeypatch.setenv("FASTMLP_CHECK", value)
        assert fingerprint() == without
    for name, value in (("NUMBA_OPT", "1"), ("NUMBA_CPU_NAME", "generic"), ("FASTMLP_CHECK", "1")):
        monkeypatch.setenv(name, value)
        assert fingerprint() not in seen, name
        seen.add(fingerprint())
    for name, value in (
        ("version", lambda package: "0.0"),
        ("cpu", lambda: ("another", "")),
    ):
        monkeypatch.setattr(code_cache, name, value)
        assert fingerprint() not in seen, name
        seen.add(fingerprint())


def test_a_team_s_memory_is_what_the_barrier_uses():
    ours, theirs = ((m.STOP, m.SYNC_SIZE, m.SYNC_LINE) for m in (team, sync))
    assert ours == theirs
    counters = team.Team(3).sync
    assert counters.ctypes.data % 64 == 0
    assert counters.size == sync.SYNC_SIZE + 3 * sync.SYNC_LINE
    assert 2 * sync.LOOPS <= sync.SYNC_LINE
    assert len({sync.GENERATION // 8, sync.WAITING // 8, sync.STOP // 8}) == 3


@pytest.mark.parametrize("rule", [abi.RMSpropRule, abi.AdamRule, abi.SGDRule])
def test_a_block_takes_the_words_that_are_read(rule):
    values = rule(*np.arange(1.0, 1 + len(rule._fields)))
    x = np.zeros(5)
    packed = words.pack_words(values, abi.ElementsCall(x, 5, abi.EXP, 3, 4))
    assert len(packed) == words.slots(rule) + words.slots(abi.ElementsCall)
    np.testing.assert_array_equal(packed[: len(values)].view(float), values)
    assert packed[len(values) :].tolist() == [x.ctypes.data, 5, 5, abi.EXP, 3, 4]


# --- the checking build ----------------------------------------------------------------------------

CHECK = {"FASTMLP_CHECK": "1"}


def test_the_checking_build_catches_an_access_out_of_bounds():
    code = """
import numpy as np
from fastmlp.kernels import abi, code_cache, words
elements = code_cache.entry("elements", "float64")
x = np.ones(16)
for length, size in ((16, 16), (8, 16), (12, 16), (0, 8)):
    try:
        elements(words.pack_words(abi.ElementsCall(x[:length], size, abi.RELU, 0, 1)))
        print("fine")
    except IndexError as error:
        print(error)
"""
    refused = "kernel access out of bounds"
    assert run(code, **CHECK).splitlines() == ["fine", refused, refused, refused]


def test_the_checking_build_trains():
    """It finds nothing, and comes to the same bits."""
    code = """
import itertools
import numpy as np
from fastmlp.engine.engine import Engine
from fastmlp.engine.optimizers import RMSprop
rng = np.random.default_rng(0)
for hidden, output, n_threads, alpha, density in itertools.product(
    ((), (70, 9)), ("softmax", "logistic"), (1, 2), (0.0, 0.1), (0.2, 0.9)
):
    sizes = (37, *hidden, 3)
    engine = Engine(sizes, activation="relu", loss=f"{output}_cross_entropy", dtype="float32", n_threads=n_threads)
    engine.set_parameters(
        [rng.normal(size=s) for s in itertools.pairwise(sizes)], [np.zeros(s) for s in sizes[1:]]
    )
    X = rng.normal(size=(50, 37)) * (rng.random((50, 37)) < density)
    labels = rng.integers(2, size=(50, 1 if output == "softmax" else 3)).astype(np.int32)
    data, optimizer = engine.open(X), RMSprop(momentum=0.9)
    for _ in range(2):
        result = engine.train_epoch(
            data, labels, rng.permutation(50), batch_size=16, optimizer=optimizer,
            learning_rate=0.001, alpha=alpha, sample_weight=rng.uniform(0.5, 2, 50),
        )
    engine.predict(data)
    print(*result, *(a.tobytes().hex() for a in sum(engine.get_parameters(), [])))
"""
    assert run(code, **CHECK) == run(code, FASTMLP_CHECK="")


def test_arrays_are_a_module_of_functions():
    for name in ("matmul", "relu", "softmax_cross_entropy_backward", "adam_update"):
        assert getattr(sys.modules["fastmlp.kernels"], name) is getattr(array_kernels, name)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        sys.modules["fastmlp.kernels"].nonsense  # noqa: B018


FORK_WHILE_LOADING = """
import os
import threading
import time

from llvmlite.binding import ffi

from fastmlp.kernels import code_cache

original, inside = code_cache._engine, threading.Event()


def slow(code):
    with ffi.lib._lock:  # as LLVM's loader does
        inside.set()
        time.sleep(0.5)
        return original(code)


code_cache._engine = slow
loading = threading.Thread(target=code_cache.entry, args=("predict", "float32"))
loading.start()
inside.wait()
child = os.fork()
if child == 0:
    code_cache._engine = original
    code_cache.entry("predict", "float64")
    os._exit(0)
_, status = os.waitpid(child, 0)
loading.join()
raise SystemExit(status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_while_another_thread_loads():
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK_WHILE_LOADING]
    subprocess.run(command, check=True, timeout=120)


def test_the_number_of_threads_compiles_nothing_anew(monkeypatch):
    before = code_cache.fingerprint.__wrapped__()
    monkeypatch.setenv("NUMBA_NUM_THREADS", "7")  # as joblib does in its workers
    monkeypatch.setenv("NUMBA_CACHE_DIR", "elsewhere")  # of Numba's own cache
    assert code_cache.fingerprint.__wrapped__() == before


def test_kernels_are_compiled_even_where_numba_s_compiler_is_switched_off(tmp_path):
    code = """
import numpy as np
from fastmlp import array_kernels
def own(): pass
print(array_kernels.relu(np.array([[-1.0, 2.0]])), __import__("numba").njit(own) is own)
"""
    found = run(code, NUMBA_DISABLE_JIT="1", FASTMLP_CACHE=str(tmp_path), FASTMLP_NATIVE="1")
    assert found == "[[0. 2.]] True"
