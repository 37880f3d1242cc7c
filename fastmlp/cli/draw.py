"""``python -m fastmlp draw``: a page to draw digits on, with a saved model in it."""

import argparse
import base64
import json
from importlib import resources
from pathlib import Path

from .errors import check_writable
from .predict import load_model

PARTS = resources.files(__package__) / "draw_page"


def add_draw(commands) -> None:
    """Add ``draw``: a model in, a page that runs it out."""
    parser = commands.add_parser(
        "draw",
        help="write a page to draw digits on",
        description="Write one HTML page on which you draw a digit and see what a model makes of it. The page needs "
        "no server and loads nothing.",
    )
    add = parser.add_argument
    add("--model", type=Path, required=True, help="file that `train --save` wrote; loading one runs "
        "code that is in it, so take only your own")  # fmt: skip
    add("--output", type=Path, default=Path("draw.html"), metavar="FILE.html",
        help="the page (%(default)s)")  # fmt: skip
    parser.set_defaults(run=draw)


def draw(options: argparse.Namespace) -> int:
    """Write the page."""
    from ..estimators.base import BaseMLP
    from ..system.atomic_files import write_atomically

    file = options.output
    check_writable("--output", file)
    model = load_model(options.model)
    if not isinstance(model, BaseMLP):
        raise ValueError(
            f"{options.model} holds a {type(model).__name__}; draw needs an MLPClassifier of fastmlp itself, "
            "such as `train` saves for images"
        )
    page = drawing_page(model).encode()
    write_atomically(file.absolute(), lambda stream: stream.write(page))
    print(f"page: {file} ({len(page) / 2**20:.1f} MB); open it in a browser")
    return 0


def drawing_page(model) -> str:
    """Return the page for a fitted classifier of 28 × 28 pixels, as one HTML document."""
    network = json.dumps(describe(model), ensure_ascii=False).replace("<", "\\u003c")
    parts = {
        "style": _part("page.css"),
        "network": network,
        "script": _part("page.js") + "\n" + _part("pen.js"),
    }
    page = _part("page.html")
    for name, text in parts.items():
        page = page.replace("{{" + name + "}}", text)
    return page


def _part(name) -> str:
    return (PARTS / name).read_text(encoding="utf-8")


def describe(model) -> dict:
    """Return what the page has to know: the network, its labels, and how a picture becomes pixels."""
    from ..datasets import digit_images as images
    from ..export.network import REGRESSION, read
    from ..kernels.abi import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE

    network = read(model, caller="draw")
    if network.kind == REGRESSION or network.n_features != images.SIDE**2:
        raise ValueError(
            "draw needs a classifier of 28 × 28 pixels, such as `python -m fastmlp train --save` writes"
        )
    layers = zip(network.coefs, network.intercepts, strict=True)
    sizes = [network.n_features, *(len(intercept) for intercept in network.intercepts)]
    return {
        "about": f"A {'-'.join(map(str, sizes))} network with {network.activation} units, trained by fastmlp. "
        "It runs in this page.",
        "activation": network.activation,
        "kind": network.kind,
        "classes": [str(label) for label in network.classes],
        "layers": [{"coef": _base64(coef), "intercept": _base64(bias)} for coef, bias in layers],
        "leaky_slope": LEAKY_SLOPE,
        "selu": {"scale": SELU_SCALE, "alpha": SELU_ALPHA},
        "image": {
            name.lower(): getattr(images, name)
            for name in ("SIDE", "BOX", "MIDDLE", "BLANK", "FAINT", "EDGE", "STRONG", "SPECK")
        },
    }


def _base64(array) -> str:
    """Return an array as base64 of little-endian float32."""
    return base64.b64encode(array.astype("<f4").tobytes()).decode()
