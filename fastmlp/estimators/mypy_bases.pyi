"""What scikit-learn's base classes give the estimators, for mypy alone; nothing imports this at run time.

mypy takes a base class without types for one that has every attribute: it would not see a misspelt method.
"""

from typing import Any, Self

from .types import MatrixLike

class BaseEstimator:
    """Of scikit-learn's base of that name, what users call."""

    n_features_in_: int
    feature_names_in_: Any

    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **params: Any) -> Self: ...
    def get_metadata_routing(self) -> Any: ...
    def set_fit_request(self, **request: bool | str | None) -> Self: ...
    def set_partial_fit_request(self, **request: bool | str | None) -> Self: ...
    def set_score_request(self, **request: bool | str | None) -> Self: ...
    def set_callbacks(self, *callbacks: Any) -> Self: ...
    def __sklearn_tags__(self) -> Any: ...

class CallbackSupportMixin:
    """Its one public method is in `BaseEstimator`."""

class ClassifierMixin:
    """`score` is the mean accuracy."""

    def score(self, X: MatrixLike, y: Any, sample_weight: Any = None) -> float: ...

class RegressorMixin:
    """`score` is R²."""

    def score(self, X: MatrixLike, y: Any, sample_weight: Any = None) -> float: ...
