"""``python -m fastmlp predict``: what a saved model makes of pictures of digits, or of a table."""

import argparse
import sys
from pathlib import Path

from .errors import in_words, program
from .values import positive_int, share

SURE = 0.7  # below this probability the answer is called unsure


def add_predict(commands) -> None:
    """Add ``predict``: pictures or a table and a model in, labels and their probabilities out."""
    parser = commands.add_parser(
        "predict",
        help="tell which digits are on pictures, or which classes the rows of a table are of",
        description="Tell which digits are on pictures, one on each, or which classes the rows of "
        "a table are of, with the probabilities.",
    )
    add = parser.add_argument
    add("images", type=Path, nargs="*", metavar="IMAGE", help="PNG, JPEG, ...: one digit on paper")
    add("--data", type=Path, metavar="FILE", help="instead of pictures: an .npz, CSV or Parquet "
        "file with the features that the model was trained on")  # fmt: skip
    add("--target", metavar="NAME", help="the file's column of true labels, if it has one: the "
        "accuracy is told")  # fmt: skip
    add("--model", type=Path, required=True, help="file that `train --save` wrote; loading one runs "
        "code that is in it, so take only your own")  # fmt: skip
    add("--top", type=positive_int, metavar="N", help="show the N most likely labels only")
    add("--sure", type=share, default=SURE, metavar="P",
        help="call an answer of less than this probability unsure (%(default)s)")  # fmt: skip
    parser.set_defaults(run=predict)


def predict(options: argparse.Namespace) -> int:
    """Print a line per picture or row; 2 if there was a picture that could not be read, else 0."""
    if options.data is not None and options.images:
        raise ValueError(f"--data {options.data}: pictures or --data can be given, but not both")
    if options.data is None and not options.images:
        raise ValueError("there is nothing to predict: name pictures, or a table with --data")
    if options.target is not None and options.data is None:
        raise ValueError("--target names a column of --data, and there is no --data")
    model = load_model(options.model)
    return pictures(model, options) if options.data is None else table(model, options)


# --- pictures ---------------------------------------------------------------------------------


def pictures(model, options) -> int:
    """Print a line per picture, and hints about those that are likely to be misread."""
    from ..datasets.digit_images import read_digit

    if model.n_features_in_ != 784:
        raise ValueError(
            f"the model in {options.model} was trained on {model.n_features_in_} features, not on "
            "the 784 pixels of 28 × 28"
        )
    width = max(len("image"), *(len(str(image)) for image in options.images))
    heading = f"{'image':{width}}  digit{heads(model, options.top)}"
    status = 0
    for image in options.images:
        try:
            digit = read_digit(image)
        except (OSError, ValueError) as error:  # the other pictures may be readable
            print(f"{program()}: error: {in_words(error)}", file=sys.stderr)
            status = 2
            continue
        probability = model.predict_proba(digit.pixels.reshape(1, -1))[0]
        if heading:  # there is a row to head
            print(heading)
            heading = ""
        print(f"{image!s:{width}}  {row(model.classes_, probability, options.top)}")
        unsure = doubt(model.classes_, probability, options.sure)
        for hint in [*unsure, *digit.hints()]:
            print(f"{image}: hint: {hint}", file=sys.stderr)
    return status


def doubt(classes, probability, sure: float) -> list[str]:
    """A hint if the likeliest class has less than the probability that counts as sure."""
    from ..plots.numbers import percent

    best, *others = (-probability).argsort(kind="stable")[:2]
    if probability[best] >= sure:
        return []
    also = "".join(f", {classes[k]} has {percent(probability[k], 0)}" for k in others)
    return [
        f"the network is not sure: {classes[best]} has {percent(probability[best], 0)}{also}; "
        "perhaps there is no digit"
    ]


# --- tables -----------------------------------------------------------------------------------


def table(model, options) -> int:
    """Print a line per row of a file, and the accuracy where the true labels are known."""
    from ..datasets.tables import check_numbers, number_columns, read_features, text_columns

    X, y = read_features(options.data, options.target, text_columns(model))
    if y is None and options.target is not None:
        where = (
            f"column {options.target!r}" if hasattr(X, "columns") else f"array {options.target!r}"
        )
        raise ValueError(f"--target: {options.data} has no {where}")
    known = getattr(model, "feature_names_in_", None)
    if hasattr(X, "columns"):
        if known is None:
            raise ValueError(f"the model in {options.model} was trained on arrays, not on columns")
        missing = [name for name in known if name not in X.columns]
        if missing:
            raise ValueError(
                f"{options.data} lacks {len(missing)} column{'s' * (len(missing) > 1)} that the model was "
                f"trained on: {', '.join(map(repr, missing[:10]))}"
            )
        X = X[list(known)]
        check_numbers(X, number_columns(model), options.data)
    elif known is not None:
        raise ValueError(f"the model in {options.model} was trained on columns, not on arrays")
    elif X.shape[1] != model.n_features_in_:
        raise ValueError(
            f"the samples in {options.data} have {X.shape[1]} features; the model in "
            f"{options.model} was trained on {model.n_features_in_}"
        )
    try:
        probabilities = model.predict_proba(X)
    except (TypeError, ValueError) as error:  # text where the model was trained on numbers
        raise ValueError(f"{options.data}: {error}") from error
    width = max(len("row"), len(str(len(probabilities))))
    longest = max(len("class"), *(len(str(c)) for c in model.classes_))
    print(f"{'row':>{width}}  {'class':>{longest}}{heads(model, options.top)}")
    for number, probability in enumerate(probabilities, 1):
        print(f"{number:>{width}}  {row(model.classes_, probability, options.top, longest)}")
    highest = probabilities.max(axis=1)
    n_unsure = int((highest < options.sure).sum())
    if n_unsure:
        print(
            f"{options.data}: hint: the network is not sure of {n_unsure:,} of {len(highest):,} rows "
            f"(probability below {options.sure:g})",
            file=sys.stderr,
        )
    if y is not None:
        tell_accuracy(model.classes_, probabilities.argmax(axis=1), y, options.data)
    return 0


def tell_accuracy(classes, likeliest, y, file):
    """Print the share of the rows that are right, of those with a label."""
    from ..datasets.tables import is_missing

    classes = classes.tolist()
    pairs = [
        (classes[k], b)
        for k, b in zip(likeliest.tolist(), y.tolist(), strict=True)
        if not is_missing(b)
    ]
    known = set().union(*map(key, classes))
    other = [label for _, label in pairs if known.isdisjoint(key(label))]
    if other:
        print(
            f"{file}: hint: {len(other):,} of the {len(y):,} labels, such as {other[0]!r}, are no class of the model; "
            f"its classes are {', '.join(map(repr, classes[:10]))}{', …' if len(classes) > 10 else ''}",
            file=sys.stderr,
        )
    if len(pairs) < len(y):
        n = len(y) - len(pairs)
        print(f"{file}: hint: {n:,} of the {len(y):,} labels are missing", file=sys.stderr)
    if pairs:
        right = sum(is_same(ours, theirs) for ours, theirs in pairs)
        share = right / len(pairs)
        print(f"accuracy {share:.4f}: {right:,} of {len(pairs):,} rows are right")


def is_same(ours, theirs) -> bool:
    """Whether two labels are equal, as numbers or as text: a file may hold 1 as 1.0, as True or as "1"."""
    return not key(ours).isdisjoint(key(theirs))


def key(label) -> set[str]:
    """What a label may be written as."""
    if isinstance(label, bytes):
        label = label.decode(errors="replace")
    written = {str(label)}
    if (isinstance(label, float) and label.is_integer()) or isinstance(label, bool):
        written.add(str(int(label)))
    return written


# --- both -------------------------------------------------------------------------------------


def heads(model, top) -> str:
    """The titles of the columns of probabilities."""
    if top is not None:
        return "  probability"
    return " " + " ".join(f"{c!s:>{_wide(c)}}" for c in model.classes_)


def row(classes, probability, top, width=5) -> str:
    """The likeliest class of a sample, and the probabilities."""
    from ..plots.numbers import percent

    order = (-probability).argsort(kind="stable")
    best = f"{classes[order[0]]!s:>{width}}"
    if top is not None:
        likely = (f"{classes[k]} {percent(probability[k], 2)}" for k in order[:top])
        return f"{best}  " + ", ".join(likely)
    shown = (f"{percent(p, 1):>{_wide(c)}}" for c, p in zip(classes, probability, strict=True))
    return " ".join([best, *shown])


def _wide(name) -> int:
    return max(6, len(str(name)))


def load_model(file: Path):
    """Load a trained classifier."""
    import joblib
    from sklearn.base import BaseEstimator, is_classifier

    try:
        model = joblib.load(file)
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except ModuleNotFoundError as error:
        if not all(part.isidentifier() for part in str(error.name).split(".")):  # any other text
            raise ValueError(
                f"{file} is not a valid model file, such as `train --save` writes"
            ) from error
        raise ValueError(
            f"the model in {file} needs the package {error.name!r}, which is not installed"
        ) from error
    except Exception as error:  # unpickling a corrupted file may raise anything
        why = f"{type(error).__name__}: {error}".removesuffix(": ")
        raise ValueError(
            f"{file} is not a valid model file, such as `train --save` writes ({why})"
        ) from error
    kind = type(model).__name__
    if not isinstance(model, BaseEstimator):
        raise ValueError(f"{file} holds no trained classifier but an object of type {kind}")
    if not is_classifier(model):
        raise ValueError(f"{file} holds no trained classifier but another estimator, {kind}")
    if getattr(model, "n_features_in_", None) is None:
        raise ValueError(f"{file} holds a classifier, {kind}, that is not trained")
    if not hasattr(model, "predict_proba"):
        raise ValueError(f"{file} holds a classifier without probabilities, {kind}")
    return model
