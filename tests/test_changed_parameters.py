"""Parameters that change between two calls of `partial_fit`, and values at the edge of what they may be."""

import copy
import warnings

import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from trained import X, Y, make


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("average", 1.0), ("average", -0.5), ("input_dropout", 1.0), ("weight_decay", -1),
        ("label_smoothing", 2.0), ("learning_rate", "foo"), ("learning_rate_init", -1.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("begin", ["fit", "partial_fit"])
def test_parameters_are_validated_when_they_have_changed(name, value, begin):
    model = make(max_iter=1)
    model = model.fit(X, Y) if begin == "fit" else model.partial_fit(X, Y, classes=[0, 1, 2])
    before = [coef.copy() for coef in model.partial_fit(X, Y).coefs_]
    right = getattr(model, name)
    with pytest.raises(ValueError, match=f"The {name!r} parameter of MLPClassifier must be"):
        model.set_params(**{name: value}).partial_fit(X, Y)
    assert_array_equal(model.coefs_[0], before[0])
    copy.deepcopy(model.set_params(**{name: right})).partial_fit(X, Y)


def test_what_was_not_validated_is_later():
    model = make().partial_fit(X, Y, classes=[0, 1, 2]).set_params(momentum=7.0)
    with config_context(skip_parameter_validation=True):
        model.partial_fit(X, Y)
    with pytest.raises(ValueError, match="'momentum' parameter"):
        model.partial_fit(X, Y)


@pytest.mark.parametrize("power", [1000.0, 10**6])
def test_a_rate_that_falls_to_nothing(power):
    model = make(learning_rate="invscaling", power_t=power, max_iter=3).fit(X, Y)
    assert model.history_["learning_rate"][1:] == [0, 0]


def test_a_decay_that_overflows_is_told_by_the_weights_alone():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="non-finite parameter weights"):
            make(weight_decay=1e300, max_iter=3).fit(X, Y)
