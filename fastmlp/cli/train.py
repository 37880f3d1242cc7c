"""``python -m fastmlp train``: a network from the data to its test accuracy."""

import argparse
import math
import time
from pathlib import Path

from .errors import check_writable
from .options import add_data_option, add_network_options, load, network_parameters
from .values import AUTO

# By the endings of files, as joblib has them.
COMPRESSIONS = {".z": "zlib", ".gz": "gzip", ".bz2": "bz2", ".lzma": "lzma", ".xz": "xz"}


def add_train(commands) -> None:
    """Add ``train``: by default the MNIST network, from the data to its test accuracy."""
    parser = commands.add_parser(
        "train",
        help="train a network and test it",
        description="Train a network with RMSprop, by default on MNIST, and test it.",
    )
    add_network_options(parser)
    add_data_option(parser)
    parser.add_argument("--save", type=Path, metavar="MODEL", help="keep the model in this file")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE.png", help="draw the learning curves into this file"
    )
    parser.set_defaults(run=train)


def train(options: argparse.Namespace) -> int:
    """Train, test and tell; save and plot where asked."""
    # First whatever may fail, so that it fails before the training and not after it.
    for option, file in (("--save", options.save), ("--plot", options.plot)):
        if file is not None:
            check_writable(option, file)
    if options.plot is not None:
        from ..plots import learning_curves, require_matplotlib
        from ..plots.style import require_picture_format

        require_matplotlib()
        require_picture_format(options.plot)
    data = load(options)

    from ..datasets.samples import prepared, with_preparation
    from ..estimators.classifier import MLPClassifier
    from ..estimators.watched_fit import fit_watched
    from ..system.atomic_files import write_atomically
    from ..training.length import enough_epochs, n_epochs

    fitted, X, X_test = prepared(data.prepare, data.X, data.X_test)
    model = MLPClassifier(solver="rmsprop", **network_parameters(options), verbose=1)
    sizes = X.shape[1], *model.hidden_layer_sizes, len(set(data.y.tolist()))
    layers = "-".join(map(str, sizes))
    n = X.shape[0]  # one-hot columns make X sparse, which has no len
    print(f"{data.name}: {n:,} {data.what} to train on, {X_test.shape[0]:,} to test with")
    limit = n_epochs(model, n)
    up_to = "up to " if options.epochs == AUTO and limit > enough_epochs("accuracy", sizes) else ""
    print(
        f"network {layers}, {up_to}{limit} epoch{'s' * (limit > 1)} in batches of {min(options.batch_size, n)}"
    )
    if options.plot is not None:
        print(
            "validation scores are those of the samples to test with; they do not affect the training"
        )
    start = time.perf_counter()
    if options.plot is None:  # testing after each epoch costs time, and only a plot needs it
        model.fit(X, data.y)
    else:  # the weights are the same
        fit_watched(model, X, data.y, X_val=X_test, y_val=data.y_test)
    seconds = time.perf_counter() - start

    test = model.evaluate(X_test, data.y_test)
    done, updates = model.n_iter_, model.n_iter_ * math.ceil(n / options.batch_size)
    print(f"test loss {test['loss']:.4f}, test accuracy {test['accuracy']:.4f}")
    if done:
        speed = f"{n * done / seconds:,.0f} samples/s"
        print(f"{updates:,} update{'s' * (updates > 1)} in {seconds:.1f} s, {speed}")
    else:  # Ctrl-C
        print(f"ended in the first epoch, after {seconds:.1f} s")
    if options.save is not None and not done:
        print("model: none was saved, as no epoch was finished")
    elif options.save is not None:
        import joblib

        trained = with_preparation(fitted, model)
        packing = COMPRESSIONS.get(options.save.suffix.lower())
        compress = (packing, 3) if packing else 0
        write_atomically(options.save.absolute(), lambda out: joblib.dump(trained, out, compress))
        print(f"model: {options.save}")
    if options.plot is not None and not done:
        print("learning curves: none, as no epoch was finished")
    elif options.plot is not None:
        title = f"{layers}, learning rate {options.lr:g}, momentum {options.momentum:g}"
        figure = learning_curves(model.history_, title=title, validation="test")
        kind = options.plot.suffix[1:].lower()
        write_atomically(options.plot.absolute(), lambda out: figure.savefig(out, format=kind))
        print(f"learning curves: {options.plot}")
    return 0
