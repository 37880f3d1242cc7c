"""Predictions for a few rows, by one thread and with weights that are read where they lie.

Packing the weights would take longer than all the rest. The results are those of `Engine.predict`, to the last bit.
"""

from contextlib import contextmanager

import numpy as np

from ..kernels.abi import Batches, LayerCall, Network, pack_words, place
from ..kernels.code_cache import entry
from .engine import Engine
from .structs import as_batches

# So many rows at most are a few.
FEW = 32
_N_BLOCKS = place(Batches, "n_blocks", Network)
_ZERO_SKIPPING = place(Batches, "zero_skipping", Network)
_IDLE = {}  # predictors that wait for the next call, by the arguments they were made with


class FewPredictor:
    """What `Engine` is for many rows; the arguments are the same, without n_threads."""

    def __init__(self, layer_sizes, **how):
        self.engine = Engine(layer_sizes, n_threads=1, **how)
        self._last = None

    def predict(self, data, coefs, intercepts):
        """Probabilities of shape (n, n_outputs) for all rows of `data`, from weights in scikit-learn's form."""
        engine = self.engine
        plan = data.plan(None, data.n_samples, columns=False)
        buffers = engine.buffers_for(data, plan)
        data.prepare(plan, 0, buffers)
        outputs = np.empty((data.n_samples, engine.layout.sizes[-1]), engine.dtype)
        layers, head = self._head(engine.network_for(plan.batch_size, 0), buffers, data)
        where = zip(layers, coefs, intercepts, strict=True)
        arrays = [engine.layout.in_place(*parts) for parts in where]
        layer = entry("layer", engine.dtype)
        for number, (weight, bias) in enumerate(arrays):
            layer(np.concatenate((head, pack_words(LayerCall(weight, bias, outputs, number)))))
        return outputs

    def _head(self, network, buffers, data):
        """A table of layers to be changed, and the block of the network and one batch; mostly as last time."""
        if self._last is None or self._last[0] is not network or self._last[1] is not buffers:
            layers = network.layers.copy()
            head = pack_words(network._replace(layers=layers), as_batches(data, buffers, 1))
            self._last = network, buffers, layers, head
        _, _, layers, head = self._last
        layers[:] = network.layers
        head[_N_BLOCKS], head[_ZERO_SKIPPING] = data.n_blocks, data.zero_skipping
        return layers, head


@contextmanager
def few_predictor(layer_sizes, **how):
    """A predictor, made before if possible; nobody else has it meanwhile."""
    key = (tuple(layer_sizes), *sorted(how.items()))
    try:
        predictor = _IDLE[key].pop()
    except (KeyError, IndexError):
        predictor = FewPredictor(layer_sizes, **how)
    yield predictor
    if len(_IDLE) > 16:
        _IDLE.clear()
    _IDLE.setdefault(key, []).append(predictor)
