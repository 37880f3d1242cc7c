"""Models that earlier versions pickled load, predict and resume (made by `pickles/make.py`)."""

import importlib.util
import io
import pickle
from pathlib import Path

import numpy as np
import pytest

import fastmlp

FOLDER = Path(__file__).with_name("pickles")
FILES = sorted(FOLDER.glob("*.pickle"))
spec = importlib.util.spec_from_file_location("make_pickles", FOLDER / "make.py")
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)


def test_this_version_has_one():
    assert f"fastmlp-{fastmlp.__version__}.pickle" in {file.name for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_loads_predicts_and_resumes(file):
    X, y = make.samples()
    content = pickle.loads(file.read_bytes())
    model = pickle.loads(content["model"])
    # Equal bits are promised on one machine with one set of versions; here both may differ.
    np.testing.assert_allclose(model.predict_proba(X), content["predict_proba"], rtol=1e-5)
    assert model.n_iter_ == 3
    model.partial_fit(X, y)
    assert model.n_iter_ == 4
    after = content["coefs after one more epoch"]
    for coef, expected in zip(model.coefs_, after, strict=True):
        np.testing.assert_allclose(coef, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_names_no_class_of_fastmlp_but_the_estimator(file):
    named = []

    class Names(pickle.Unpickler):
        def find_class(self, module, name):
            named.append((module, name))
            return super().find_class(module, name)

    with open(file, "rb") as stream:
        content = pickle.load(stream)
    Names(io.BytesIO(content["model"])).load()
    assert [name for module, name in named if module.startswith("fastmlp")] == ["MLPClassifier"]
