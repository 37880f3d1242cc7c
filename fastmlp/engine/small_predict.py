"""Predictions for a few rows, with weights that are read where they lie.

Packing the weights would take longer than all the rest. Each thread takes a batch of its own through all layers, so
none waits for another. The results are those of `Engine.predict`, to the last bit.
"""

import itertools
import operator
from contextlib import contextmanager

import numpy as np

from ..kernels.abi import OUTPUTS, RELU, Batches, LayerCall, Network
from ..kernels.code_cache import entry
from ..kernels.words import pack_words, place
from .engine import Engine
from .structs import as_batches, new_network
from .team import Team, usable_threads

# So many rows are few for any network. For a small one more are: as long as rows times weights are no more than this.
FEW, FEW_OF_A_SMALL_NETWORK = 128, 512
FEW_PRODUCTS = 5e7
# So many are not worth asking how many threads there are.
ONE_THREAD = 16
_N_BLOCKS = place(Batches, "n_blocks", Network)
_ZERO_SKIPPING = place(Batches, "zero_skipping", Network)
_IDLE = {}  # predictors that wait for the next call, by the arguments they were made with


def are_few(n_samples, layer_sizes):
    """Whether packing the weights would take longer than it saves, for so many rows."""
    n_weights = sum(itertools.starmap(operator.mul, itertools.pairwise(layer_sizes)))
    small = n_samples <= FEW_OF_A_SMALL_NETWORK and n_samples * n_weights <= FEW_PRODUCTS
    return n_samples <= FEW or small


class FewPredictor:
    """What `Engine` is for many rows; the arguments are the same, without n_threads."""

    def __init__(self, layer_sizes, **how):
        self.engine = Engine(layer_sizes, n_threads=1, **how)
        # For batches of the last size: the table of layers, and by number each batch's buffers and words.
        self._batch_size, self._table, self._layers, self._heads = 0, None, None, {}

    def predict(self, data, coefs, intercepts, *, kind=OUTPUTS, both=False, n_threads=1):
        """Outputs of shape (n, n_outputs) for all rows of `data`, from weights in scikit-learn's form.

        `kind` and `both` are those of `Engine.predict`, `n_threads` those of an `Engine`.
        """
        engine, n = self.engine, data.n_samples
        team = engine.team if n <= ONE_THREAD else self._team(data, n_threads)
        plan = data.plan(None, -(-n // team.n_threads), columns=False)
        if plan.n_chunks > 1:
            plan, team = data.plan(None, n, columns=False), engine.team
        outputs = np.empty((n, engine.layout.sizes[-1] + both), engine.dtype)
        buffers = engine.buffers_for(data, plan)
        self._set_batch_size(plan.batch_size)
        where = zip(self._layers, coefs, intercepts, strict=True)
        arrays = [engine.layout.in_place(*parts) for parts in where]
        calls = [
            pack_words(LayerCall(weight, bias, outputs, kind, both, number))
            for number, (weight, bias) in enumerate(arrays)
        ]
        layer = entry("layer", engine.dtype)

        def work(me, n_threads):
            data.prepare(plan, 0, buffers, me, n_threads)
            for batch in range(me, plan.n_batches, n_threads):
                head = self._head(batch, buffers, data)
                for call in calls:
                    layer(np.concatenate((head, call)))

        team.run(work, max(1, min(team.n_threads, plan.n_batches)))
        return outputs

    def _team(self, data, n_threads):
        """The threads, if there is work for more than one; a number that was asked for is taken as it is."""
        n, work = data.n_samples, self.engine.work(data)
        if n_threads in (None, -1) and not work.is_worth_threads(n, n, training=False):
            return self.engine.team
        return Team(usable_threads(n_threads))

    def _set_batch_size(self, batch_size):
        if batch_size != self._batch_size:
            relu = self.engine.activation == RELU
            self._table = self.engine.layout.for_batch(batch_size, relu=relu)
            self._batch_size, self._layers, self._heads = batch_size, self._table.copy(), {}
        self._layers[:] = self._table

    def _head(self, number, buffers, data):
        """The block of a network and one batch, for one thread at a time; mostly as last time."""
        kept = self._heads.get(number)
        if kept is None or kept[0] is not buffers:
            engine = self.engine
            network = new_network(
                engine.layout, self._batch_size, loss=engine.loss.code,
                activation=engine.activation, n_threads=0,
            )._replace(layers=self._layers)  # fmt: skip
            batches = as_batches(data, buffers, 1)
            batches = batches._replace(table=buffers.table[number : number + 1])
            kept = self._heads[number] = buffers, network, pack_words(network, batches)
        head = kept[2]
        head[_N_BLOCKS], head[_ZERO_SKIPPING] = data.n_blocks, data.zero_skipping
        return head


@contextmanager
def few_predictor(layer_sizes, **how):
    """A predictor, made before if possible; no other thread uses it within the block."""
    key = (tuple(layer_sizes), *sorted(how.items()))
    try:
        predictor = _IDLE[key].pop()
    except (KeyError, IndexError):
        predictor = FewPredictor(layer_sizes, **how)
    yield predictor
    if len(_IDLE) > 16:
        _IDLE.clear()
    _IDLE.setdefault(key, []).append(predictor)
