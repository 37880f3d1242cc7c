"""The weights' own part of the loss."""

from ..abi import PANEL_STRIDE, PANELS, WEIGHT
from ..codegen.compiler import kernel
from ..primitives.optimizer_rules import squared_norm


@kernel
def measure_weights(net, params, targets, batch, me, n_threads):
    """penalty[batch, panel] = sum of squared weights, for this thread's panels of all layers"""
    number = 0
    for l in range(net.n_layers):
        size = net.layers[l, PANEL_STRIDE]
        for panel in range(net.layers[l, PANELS]):
            if number % n_threads == me:
                norm = squared_norm(params, net.layers[l, WEIGHT] + panel * size, size)
                targets.penalty[batch * targets.n_panels + number] = norm
            number += 1
