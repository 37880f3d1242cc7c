"""Write ``torch.npz``: AdamW's updates, learning rates and activations as PyTorch computes them.

Run ``python tests/golden/make_torch.py`` where PyTorch is installed; the tests read only the file it writes. Data and
first parameters are those of ``keras.npz``. Keys of the file:

``adamw/coef_0/<t>`` and so on
    parameters after ``t`` updates of the network of ``make_keras.py`` in float64, for ``t`` in ``snapshots``;
``one_cycle/<total>``, ``cosine/<total>``
    factor of the largest learning rate for each of ``total`` updates;
``x``, ``<activation>``, ``<activation>/derivative``
    points, and functions of them.
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

FOLDER = Path(__file__).parent
SNAPSHOTS = (1, 5, 20)
TOTALS = (20, 97, 469)
HYPER = {"lr": 0.003, "betas": (0.9, 0.999), "eps": 1e-16}
WEIGHT_DECAY = 0.1
ACTIVATIONS = {
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "selu": functional.selu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "mish": functional.mish,
}


def adamw(start):
    """Parameters at SNAPSHOTS; batches in the order of X."""
    names = ("coef_0", "intercept_0", "coef_1", "intercept_1")
    parameters = {
        name: torch.tensor(start[name], dtype=torch.float64, requires_grad=True) for name in names
    }
    weights = [p for name, p in parameters.items() if name.startswith("coef")]
    biases = [p for name, p in parameters.items() if name.startswith("intercept")]
    groups = [
        {"params": weights, "weight_decay": WEIGHT_DECAY},
        {"params": biases, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, **HYPER)
    X, y = torch.tensor(start["X"], dtype=torch.float64), torch.tensor(start["y"])
    size, after, t = int(start["batch_size"]), {}, 0
    while t < max(SNAPSHOTS):
        for first in range(0, len(X), size):
            optimizer.zero_grad()
            hidden = torch.relu(
                X[first : first + size] @ parameters["coef_0"] + parameters["intercept_0"]
            )
            logits = hidden @ parameters["coef_1"] + parameters["intercept_1"]
            functional.cross_entropy(logits, y[first : first + size]).backward()
            optimizer.step()
            t += 1
            if t in SNAPSHOTS:
                for name, p in parameters.items():
                    after[f"adamw/{name}/{t}"] = p.detach().numpy().copy()
    return after


def rates(make, total):
    """The rate of each update under a scheduler, of a largest rate of 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, found = make(optimizer), []
    for step in range(total):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < total:  # a further step is an error of OneCycleLR's
            scheduler.step()
    return np.array(found)


def main():
    stored = {"snapshots": SNAPSHOTS, "totals": TOTALS, "weight_decay": WEIGHT_DECAY}
    stored |= {"lr": HYPER["lr"], "eps": HYPER["eps"], "versions": [f"torch {torch.__version__}"]}
    stored |= adamw(np.load(FOLDER / "keras.npz"))
    for total in TOTALS:
        stored[f"one_cycle/{total}"] = rates(
            lambda optimizer, total=total: OneCycleLR(
                optimizer, max_lr=1.0, total_steps=total, cycle_momentum=False
            ),
            total,
        )
        stored[f"cosine/{total}"] = rates(
            lambda optimizer, total=total: CosineAnnealingLR(optimizer, T_max=total), total
        )
    x = torch.linspace(-12.0, 12.0, 97, dtype=torch.float64, requires_grad=True)
    stored["x"] = x.detach().numpy()
    for name, function in ACTIVATIONS.items():
        value = function(x)
        (derivative,) = torch.autograd.grad(value.sum(), x)
        stored[name] = value.detach().numpy()
        stored[f"{name}/derivative"] = derivative.numpy()
    np.savez_compressed(FOLDER / "torch.npz", **stored)


if __name__ == "__main__":
    main()
