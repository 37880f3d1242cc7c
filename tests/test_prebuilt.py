"""Kernels compiled ahead: the same bits from every level, the best level taken, never kernels of other sources."""

import importlib.util
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from llvmlite import binding

import fastmlp
from fastmlp import MLPClassifier, array_kernels
from fastmlp.engine.optimizers import SOLVERS
from fastmlp.kernels import code_cache, prebuilt
from fastmlp.kernels.abi import RMSpropRule
from fastmlp.kernels.codegen.compiler import compiles_for_avx512
from fastmlp.kernels.precompile import compile_levels
from fastmlp.system.cpu import cpu_features

ROOT = Path(__file__).resolve().parents[1]
HERE = cpu_features()
FITTING = [level for level in prebuilt.levels() if HERE.issuperset(level.needed)]
TRAIN = ("train", "float32", RMSpropRule)
PREDICT = ("predict", "float32", None)
ELEMENTS = ("elements", "float64", None)
KEYS = (TRAIN, PREDICT, ("evaluate", "float32", None), ("layer", "float32", None), ELEMENTS)

pytestmark = pytest.mark.skipif(
    code_cache.is_checking(), reason="a checking build uses no prebuilt code"
)


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    """A folder with some entries for each level that this CPU has."""
    assert FITTING, "this CPU has no level of kernels"
    folder = tmp_path_factory.mktemp("code")
    compile_levels(folder, [code_cache.file_stem(*key) for key in KEYS], FITTING)
    return folder


@pytest.fixture(scope="module")
def code_of_elements(tmp_path_factory):
    """The same with the smallest entry alone, which takes a second to compile."""
    assert FITTING, "this CPU has no level of kernels"
    folder = tmp_path_factory.mktemp("elements")
    compile_levels(folder, [code_cache.file_stem(*ELEMENTS)], FITTING)
    return folder


def as_if_built_with(code, tmp_path, monkeypatch):
    """The package as if it had been built with that code, in a process that has loaded nothing, with an empty cache."""
    for name in ("FASTMLP_NATIVE", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FASTMLP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(code_cache, "_ENTRIES", {})
    monkeypatch.setattr(prebuilt, "FOLDER", code)
    monkeypatch.setattr(prebuilt, "level", prebuilt.level.__wrapped__)
    return code


@pytest.fixture
def package(code, tmp_path, monkeypatch):
    return as_if_built_with(code, tmp_path, monkeypatch)


@pytest.fixture
def small_package(code_of_elements, tmp_path, monkeypatch):
    return as_if_built_with(code_of_elements, tmp_path, monkeypatch)


def results():
    """The bytes of all that a few fits and predictions give, by kernels of any source."""
    found = []
    rng = np.random.default_rng(0)
    for density, hidden, n_threads in ((0.2, (70, 9), 1), (0.95, (40,), 2)):
        X = rng.normal(size=(150, 37)) * (rng.random((150, 37)) < density)
        y = rng.integers(3, size=150)
        model = MLPClassifier(
            hidden, momentum=0.9, alpha=0.1, batch_size=16, max_iter=2, random_state=0,
            n_threads=n_threads,
        )  # fmt: skip
        model.fit(X, y, X_val=X[:50], y_val=y[:50])
        found += model.coefs_ + model.intercepts_
        found += [model.predict_proba(X), model.predict_proba(X[:2])]
        found += [np.array(model.history_["loss"] + model.history_["val_loss"])]
    x = np.linspace(-8, 8, 999)
    found += [getattr(array_kernels, name)(x) for name in ("tanh", "logistic", "exp", "relu")]
    return b"".join(array.tobytes() for array in found)


def sources():
    return {entry.source for entry in code_cache._ENTRIES.values()}


# --- the bits -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def native_results(tmp_path_factory):
    """What code for this very CPU gives."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTMLP_NATIVE", "1")
        patch.setattr(code_cache, "_ENTRIES", {})
        found = results()
        assert sources() <= {code_cache.CACHE, code_cache.COMPILED}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("level", [level.name for level in prebuilt.levels()])
def test_every_level_gives_the_bits_of_native_code(level, package, native_results, monkeypatch):
    if level not in [one.name for one in FITTING]:
        pytest.skip(f"this CPU cannot run {level}")
    monkeypatch.setattr(prebuilt, "level", lambda: level)
    assert results() == native_results
    assert sources() == {level}


@pytest.mark.slow
def test_levels_are_different_code(package):
    """Or the comparison above would compare nothing."""
    stem = code_cache.file_stem(*TRAIN)
    codes = [prebuilt.path_of(stem, level.name).read_bytes() for level in FITTING]
    assert len(set(codes)) == len(codes)


# --- which code is taken ------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [*range(len(FITTING)), None])
def test_the_best_level_that_the_cpu_has(small_package, wanted, monkeypatch):
    if wanted is None:
        features, expected = {"sse2": True, "avx2": False}, None
        monkeypatch.setattr(prebuilt, "levels", lambda: prebuilt.LEVELS["x86_64"])
    else:
        features = dict.fromkeys(FITTING[wanted].needed, True) | {"sse2": True, "avx10": False}
        expected = FITTING[wanted].name
    monkeypatch.setattr(binding, "get_host_cpu_features", lambda: features)
    assert prebuilt.level() == expected


def test_a_cpu_that_llvm_knows_nothing_of_has_no_features(monkeypatch):
    def unknown():
        raise RuntimeError("failed to get host cpu features.")

    monkeypatch.setattr(binding, "get_host_cpu_features", unknown)
    assert cpu_features() == frozenset()
    assert not compiles_for_avx512()


@pytest.mark.slow
def test_a_level_that_the_package_has_no_code_for_is_passed_over(
    small_package, tmp_path, monkeypatch
):
    monkeypatch.setattr(prebuilt, "FOLDER", tmp_path)
    assert prebuilt.level() is None
    (tmp_path / FITTING[0].name).mkdir()
    assert prebuilt.level() == FITTING[0].name


def test_levels_of_other_architectures(monkeypatch):
    for machine, names in {
        "AMD64": ["x86-64-v3", "x86-64-v4"],
        "arm64": ["armv8-a", "armv8.1-a"],
        "ppc64le": [],
    }.items():
        monkeypatch.setattr(prebuilt.platform, "machine", lambda machine=machine: machine)
        assert [level.name for level in prebuilt.levels()] == names


@pytest.mark.slow
def test_kernels_of_other_sources_are_not_loaded(small_package, monkeypatch):
    assert code_cache.source_of(*ELEMENTS) == FITTING[-1].name
    monkeypatch.setattr(prebuilt, "sources_hash", lambda: "0" * 32)
    assert code_cache.source_of(*ELEMENTS) is None


@pytest.mark.slow
def test_damaged_code_is_compiled_instead(small_package, tmp_path, monkeypatch):
    level = FITTING[-1].name
    stem = code_cache.file_stem(*ELEMENTS)
    content = prebuilt.path_of(stem, level).read_bytes()
    monkeypatch.setattr(prebuilt, "FOLDER", tmp_path / "code")
    path = prebuilt.path_of(stem, level)
    path.parent.mkdir(parents=True)
    path.write_bytes(content[:-1])
    assert code_cache.entry("elements", "float64").source == code_cache.COMPILED


@pytest.mark.slow
@pytest.mark.parametrize("name", ["FASTMLP_NATIVE", "FASTMLP_CHECK", "NUMBA_CPU_NAME"])
def test_native_code_by_choice(small_package, name, monkeypatch):
    monkeypatch.setenv(name, "0")
    assert code_cache.source_of(*ELEMENTS) == FITTING[-1].name
    monkeypatch.setenv(name, "1")
    assert code_cache.source_of(*ELEMENTS) is None


@pytest.mark.slow
def test_native_code_from_warmup_is_kept_and_preferred(small_package, monkeypatch):
    assert code_cache.entry("elements", "float64").source == FITTING[-1].name
    monkeypatch.setattr("fastmlp.environment._entries", lambda *args: [ELEMENTS])
    fastmlp.warmup(native=True)
    assert code_cache.entry("elements", "float64").source == code_cache.COMPILED
    fastmlp.warmup(native=True)  # nothing is left to do
    code_cache._ENTRIES.clear()
    assert code_cache.entry("elements", "float64").source == code_cache.CACHE


@pytest.mark.slow
def test_show_versions_tells_which_code_runs(package, monkeypatch, capsys):
    def line():
        fastmlp.show_versions()
        return next(one for one in capsys.readouterr().out.splitlines() if "kernels:" in one)

    assert f"4 prebuilt for {FITTING[-1].name}" in line()
    assert "16 to be compiled for this CPU when first needed" in line()
    monkeypatch.setattr(prebuilt, "level", lambda: None)
    assert "20 to be compiled" in line()


# --- a fresh installation -------------------------------------------------------------------------


@pytest.mark.slow
def test_without_numba_without_cache_without_home(package, tmp_path):
    script = f"""
import sys
from pathlib import Path
import numpy as np
from fastmlp import MLPClassifier
from fastmlp.kernels import code_cache, prebuilt
prebuilt.FOLDER = Path({str(package)!r})
X = np.eye(40)
model = MLPClassifier((8,), batch_size=10, max_iter=2, verbose=2).fit(X, np.arange(40) % 3)
model.predict(X), model.predict(X[:1])
print("numba" in sys.modules, {{e.source for e in code_cache._ENTRIES.values()}})
"""
    environment = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    environment |= {"FASTMLP_CACHE": os.devnull, "HOME": str(tmp_path / "nowhere")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=environment, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"False {{'{FITTING[-1].name}'}}"
    assert "ompiling" not in done.stdout + done.stderr
    assert not (tmp_path / "nowhere").exists()


# --- the build ----------------------------------------------------------------------------------


def test_every_entry_is_prebuilt():
    from fastmlp.environment import _entries
    from fastmlp.kernels.entries import BUILDERS, every_entry

    built = list(every_entry())
    assert len(set(map(str, built))) == len(built)
    assert {name for name, _, _ in built} == set(BUILDERS)
    ahead = set(_entries(list(SOLVERS), ("float32", "float64")))
    assert ahead <= set(built)
    for name in ("train", "train_dropout"):
        rules = {rule for entry, _, rule in ahead if entry == name}
        assert rules == {
            solver.optimizer.rule_class
            for solver in SOLVERS.values()
            if solver.stochastic or name == "train"
        }


def test_the_wheel_needs_numba_only_if_kernels_are_asked_for(monkeypatch):
    place = ROOT / "build_backend" / "fastmlp_build.py"
    spec = importlib.util.spec_from_file_location("fastmlp_build", place)
    backend = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(backend)
    monkeypatch.setattr(
        backend.build_meta, "get_requires_for_build_wheel", lambda settings: ["wheel"]
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (numba,) = (one for one in project["project"]["dependencies"] if one.startswith("numba"))
    for value, needed in (("1", ["wheel", numba]), ("0", ["wheel"]), ("", ["wheel"])):
        monkeypatch.setenv("FASTMLP_PREBUILT", value)
        assert backend.get_requires_for_build_wheel() == needed
    assert backend.build_editable is backend.build_meta.build_editable
