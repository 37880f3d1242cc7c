"""The shell commands of README and of the documentation run as they stand, on smaller jobs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from PIL import Image
from readme import PAGES, ROOT

from fastmlp import MLPClassifier
from fastmlp.datasets import load_mnist

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.name == "nt", reason="the commands are written for a POSIX shell"),
]

TEXTS = [*PAGES, ROOT / "CONTRIBUTING.md"]
# Appended to a command, so that it takes seconds; the last of two equal options counts.
SHORTER = {
    "python -m fastmlp train": "--epochs 1",
    "python -m fastmlp sweep": "--samples 300 --epochs 1 --hidden 8 16 --lr 0.01 --momentum 0 0.9",
}
# What one computer cannot do for another, and what stands in for it here.
INSTEAD = {
    "--data fashion-mnist": "--data mnist",  # a download
    "/opt/fastmlp": "opt/fastmlp",  # a folder of the administrator's
}
# Whole commands that .ci/run executes: installations.
FRESH = "python3 -m venv .venv && .venv/bin/python -m pip install"
IN_CI = {
    f"{FRESH} . && .venv/bin/python -m fastmlp train": "train=",
    f'{FRESH} -e ".[test]" && .venv/bin/python -m pytest -n 2 --dist worksteal': "tests=",
    "FASTMLP_PREBUILT=1 python -m pip wheel --no-deps .": "FASTMLP_PREBUILT=1",
    "python -m pip install .        # in a clone of the repository": "pip install",
}
# And those that need what is not there: the package index, a git repository to put hooks into.
NOT_RUN = {
    "python -m pip install fastmlp",
    'python3 -m venv .venv && .venv/bin/python -m pip install -e ".[dev]" && .venv/bin/pre-commit install',
}


def commands():
    """(page, commands) of each block of shell code; continued lines are one command."""
    for page in TEXTS:
        for block in re.findall(
            r"```(?:sh|bash|console)\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL
        ):
            yield page.relative_to(ROOT), re.sub(r" *\\\n *", " ", block).strip().splitlines()


BLOCKS = list(commands())


def runs(command):
    return command not in IN_CI and command not in NOT_RUN


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """What the commands read: a model of MNIST, pictures of digits, tables."""
    folder = tmp_path_factory.mktemp("files")
    (X, y), _ = load_mnist()
    joblib.dump(MLPClassifier((32,), max_iter=2, random_state=0).fit(X, y), folder / "model.joblib")
    for name, k in (("digit.png", 0), ("photo.jpg", 1)):
        pixels = np.uint8(255 - 255 * X[k].reshape(28, 28))
        Image.fromarray(pixels).resize((280, 280)).save(folder / name)
    rows = [f"{k % 7},{k % 5},{'abc'[k % 3]}" for k in range(60)]
    (folder / "table.csv").write_text("\n".join(["length,width,species", *rows]))
    (folder / "new.csv").write_text("\n".join(["length,width", *(row[:-2] for row in rows[:9])]))
    return folder


@pytest.mark.parametrize(
    ("page", "block"),
    [(page, [c for c in block if runs(c)]) for page, block in BLOCKS if any(map(runs, block))],
    ids=lambda value: str(value) if isinstance(value, Path) else "",
)
def test_blocks_run(page, block, files, tmp_path):
    pytest.importorskip("pandas")
    for file in files.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "model.joblib").unlink()
    (tmp_path / "model.joblib").write_bytes((files / "model.joblib").read_bytes())
    where = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "FASTMLP_DATA": str(ROOT / "data"),
        "MPLBACKEND": "agg",
    }
    for command in block:
        for theirs, ours in INSTEAD.items():
            command = command.replace(theirs, ours)
        command += "".join(
            f" {more}" for begin, more in SHORTER.items() if command.startswith(begin)
        )
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=tmp_path, env=where,
                              capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        named = re.findall(r"--(?:save|plot|output) (\S+)", command)
        assert [name for name in named if not (tmp_path / name).exists()] == []


def test_no_command_is_forgotten():
    found = {command for _, block in BLOCKS for command in block}
    assert len(found) >= 15
    assert {*IN_CI, *NOT_RUN} <= found
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert [command for command, begin in IN_CI.items() if begin not in script] == []


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_sentences(page):
    """Scripts exist, commands and options are those of the help."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for script in re.findall(r"`(?:python |\./)?((?:bench|tests|\.ci)/[\w/.]+)[` :]", text):
        assert (ROOT / script).exists(), script
    for command, options in re.findall(r"`python -m fastmlp (\w+)([^`]*)`", text):
        done = subprocess.run(
            [sys.executable, "-m", "fastmlp", command, "--help"], capture_output=True, text=True
        )
        assert done.returncode == 0, command
        assert [
            option for option in re.findall(r"--[\w-]+", options) if option not in done.stdout
        ] == []
