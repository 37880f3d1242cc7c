"""PyTorch: tensors in memory, batches by ``index_select``, no DataLoader.

BENCH_TORCH_COMPILE=1 compiles the loss, its gradient and the optimizer's step.
"""

import os

import torch
from torch import nn
from torch.nn.functional import cross_entropy

COMPILE = os.environ.get("BENCH_TORCH_COMPILE") == "1"


def prepare(job, data):
    torch.set_num_threads(job.threads)
    torch.manual_seed(job.seed)
    layers = []
    n_inputs = data.X_train.shape[1]
    for n_units in (*job.hidden, data.n_classes):
        linear = nn.Linear(n_inputs, n_units)
        nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU()]
        if job.dropout:
            layers.append(nn.Dropout(job.dropout))
        n_inputs = n_units
    while not isinstance(layers[-1], nn.Linear):  # nothing behind the output layer
        layers.pop()
    model = nn.Sequential(*layers)
    optimizer = torch.optim.RMSprop(
        model.parameters(),
        lr=job.learning_rate,
        alpha=0.9,
        eps=1e-7,
        momentum=job.momentum,
        foreach=True,
    )

    def loss_of(x, y):
        return cross_entropy(model(x), y)

    return {
        "job": job,
        "model": model,
        "optimizer": optimizer,
        "loss": torch.compile(loss_of) if COMPILE else loss_of,
        "step": torch.compile(optimizer.step) if COMPILE else optimizer.step,
        "train": (torch.from_numpy(data.X_train), torch.from_numpy(data.y_train)),
        "test": (torch.from_numpy(data.X_test), torch.from_numpy(data.y_test)),
    }


def train(state, epochs):
    X, y = state["train"]
    optimizer, loss_of, step = state["optimizer"], state["loss"], state["step"]
    state["model"].train()
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(state["job"].batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss_of(X.index_select(0, rows), y.index_select(0, rows)).backward()
            step()


@torch.no_grad()
def evaluate(state):
    X, y = state["test"]
    logits = state["model"].eval()(X)
    return cross_entropy(logits, y).item(), (logits.argmax(1) == y).double().mean().item()
