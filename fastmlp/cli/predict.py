"""``python -m fastmlp predict``: what a saved model takes pictures of digits for."""

import argparse
import sys
from pathlib import Path

from .options import positive_int


def add_predict(commands) -> None:
    """Add ``predict``: pictures and a model in, digits and their probabilities out."""
    parser = commands.add_parser(
        "predict",
        help="tell which digits are on pictures",
        description="Tell which digits are on pictures, one on each, with the probabilities.",
    )
    add = parser.add_argument
    add("images", type=Path, nargs="+", metavar="IMAGE", help="PNG, JPEG, ...: one digit on paper")
    add("--model", type=Path, required=True, help="file that `train --save` wrote; loading one runs "
        "code that is in it, so take only your own")  # fmt: skip
    add("--top", type=positive_int, metavar="N", help="show the N most likely digits only")
    parser.set_defaults(run=predict)


def predict(options: argparse.Namespace) -> int:
    """Print a line per picture; 2 if there was one that could not be read, else 0."""
    from ..datasets import digit_from_image

    model = load_model(options.model)
    width = max(len("image"), *(len(str(image)) for image in options.images))
    if options.top is None:
        print(f"{'image':{width}}  digit", *(f"{c!s:>6}" for c in model.classes_))
    else:
        print(f"{'image':{width}}  digit  probability")
    status = 0
    for image in options.images:
        try:
            digit = digit_from_image(image)
        except (OSError, ValueError) as error:  # the other pictures may be sound
            print(f"python -m fastmlp: error: {error}", file=sys.stderr)
            status = 2
            continue
        print(f"{image!s:{width}}  {row(model, digit, options.top)}")
    return status


def row(model, digit, top) -> str:
    """The likeliest class of a sample, and the probabilities."""
    probability = model.predict_proba(digit[None])[0]
    order = (-probability).argsort(kind="stable")
    best = f"{model.classes_[order[0]]!s:>5}"
    if top is None:
        return " ".join([best, *(f"{p:6.1%}" for p in probability)])
    return f"{best}  " + ", ".join(f"{model.classes_[k]} {probability[k]:.2%}" for k in order[:top])


def load_model(file: Path):
    """Load a model that was trained on MNIST's 784 pixels."""
    import joblib

    try:
        model = joblib.load(file)
    except FileNotFoundError:
        raise
    except Exception as error:  # unpickling a damaged file may raise anything
        raise ValueError(f"{file} is not a sound model file: {error!r}") from error
    n_features = getattr(model, "n_features_in_", None)
    if n_features is None or not hasattr(model, "predict_proba") or not hasattr(model, "classes_"):
        raise ValueError(f"{file} holds no trained classifier but a {type(model).__name__}")
    if n_features != 784:
        raise ValueError(
            f"the model in {file} was trained on {n_features} features, not on the 784 pixels of "
            "28 × 28"
        )
    return model
