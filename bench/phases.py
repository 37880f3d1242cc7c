"""Where a training step's time goes: each phase of the main job alone, one thread.

``python bench/phases.py`` prints seconds per epoch and shares, and what the two sparse products reach of the
CPU's peak of fused multiply-adds and of its first-level cache's bandwidth, both measured here by small loops.
"""

import ctypes
import time

import numpy as np
from numba import types

from fastmlp.datasets import load_mnist
from fastmlp.engine.engine import Engine
from fastmlp.engine.epoch import batch_weights, reciprocals
from fastmlp.engine.optimizers import RMSprop
from fastmlp.engine.structs import as_batches, new_targets, new_update_state
from fastmlp.kernels import code_cache
from fastmlp.kernels.abi import Batches, BatchTargets, Network, RMSpropRule, TrainCall, UpdateState
from fastmlp.kernels.codegen.compiler import machine_code
from fastmlp.kernels.codegen.struct_view import WORDS, readers
from fastmlp.kernels.codegen.vector import fma, lanes_of, load, reduce_sum, zeros
from fastmlp.kernels.passes.backward import backward_layer
from fastmlp.kernels.passes.forward import forward_layer
from fastmlp.kernels.passes.outputs import output_backward
from fastmlp.kernels.passes.sparse_update import update_layer_sparse
from fastmlp.kernels.passes.weight_update import update_layer_dense
from fastmlp.kernels.words import pack_words

REPEATS = 25
UPDATES = 469  # of an epoch
rule_of, network_of, batches_of, targets_of, learning_of, turn_of = readers(
    types.float32, RMSpropRule, Network, Batches, BatchTargets, UpdateState, TrainCall
)


def forward_hidden(words):
    net, batches, p = network_of(words), batches_of(words), learning_of(words).params
    for b in range(batches.n_batches):
        forward_layer(net, turn_of(words).me, p, p, None, None, batches, b, True, 0, 1)
    return 0


def forward_output(words):
    net, batches, p = network_of(words), batches_of(words), learning_of(words).params
    for b in range(batches.n_batches):
        forward_layer(net, turn_of(words).me + 1, p, p, None, None, batches, b, False, 0, 1)
    return 0


def loss(words):
    net, batches, targets = network_of(words), batches_of(words), targets_of(words)
    for b in range(batches.n_batches):
        output_backward(net, targets, batches, b, b, 0, 1)
    return 0


def delta_hidden(words):
    net, batches, p = network_of(words), batches_of(words), learning_of(words).params
    for _ in range(batches.n_batches):
        backward_layer(net, turn_of(words).me, p, None, net.batch_size, 0, 0, 1)
    return 0


def update_output(words):
    rule, net, batches = rule_of(words), network_of(words), batches_of(words)
    learning = learning_of(words)
    for b in range(batches.n_batches):
        rate, shrink = learning.rate[b], (learning.alpha, learning.kept[b])
        l = turn_of(words).me + 1
        update_layer_dense(rule, net, l, batches, b, learning, rate, shrink, 0, 0, 1)
    return 0


def update_hidden(words):
    rule, net, batches = rule_of(words), network_of(words), batches_of(words)
    learning = learning_of(words)
    for b in range(batches.n_batches):
        rate, shrink = learning.rate[b], (learning.alpha, learning.kept[b])
        update_layer_sparse(rule, net, 0, batches, b, learning, rate, shrink, b + 1, 0, 0, 1)
    return 0


def peak_fma(words):
    """200,000 times six chains of 128 bytes, four AVX registers or two of AVX-512 each, which keep the units busy."""
    p = learning_of(words).params
    like = zeros(p, 128)
    x = load(like, p, 0)
    a = b = c = d = e = f = like
    for _ in range(200_000):
        a, b, c = fma(x, x, a), fma(x, x, b), fma(x, x, c)
        d, e, f = fma(x, x, d), fma(x, x, e), fma(x, x, f)
    return int(reduce_sum(a + b + c + d + e + f))


def peak_load(words):
    """200 times 16 KB from the first-level cache, eight AVX registers at a time."""
    p = learning_of(words).params
    a = zeros(p, 256)
    x = zeros(p, 256)
    for _ in range(200):
        for i in range(0, 4096, lanes_of(a)):
            a = fma(load(a, p, i), x, a)
    return int(reduce_sum(a))


def compiled(function):
    symbol, code = machine_code(function, (WORDS,))
    engine = code_cache._engine(code)
    call = code_cache._PROTOTYPE(engine.get_function_address(symbol))
    result, error = ctypes.c_int64(), ctypes.c_void_p()

    def run(words):
        call(ctypes.addressof(result), ctypes.addressof(error), words.ctypes.data)

    run.engine = engine
    return run


def fastest(run):
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    (X, y), _ = load_mnist()
    sizes = (784, 512, 10)
    engine = Engine(
        sizes, activation="relu", loss="softmax_cross_entropy", dtype="float32", n_threads=1
    )
    rng = np.random.default_rng(0)
    coefs = [rng.uniform(-0.07, 0.07, shape) for shape in ((784, 512), (512, 10))]
    engine.set_parameters(coefs, [np.zeros(512), np.zeros(10)])
    data = engine.open(X)
    labels = y.astype(np.int32).reshape(-1, 1)
    order = rng.permutation(len(X))
    optimizer = RMSprop()
    engine.train_epoch(data, labels, order, batch_size=128, optimizer=optimizer, learning_rate=1e-3)
    plan = data.plan(order, 128, batches_per_chunk=engine.work(data).batches_per_chunk(128))
    buffers = data.new_buffers(plan)

    def prepare():
        for chunk in reversed(range(plan.n_chunks)):
            data.prepare(plan, chunk, buffers)

    seconds = {"gather and transpose the batches": fastest(prepare)}
    first, stop = plan.chunk_batches(0)
    batches = batch_weights(plan.order, plan.batch_size, None, engine.dtype)
    targets = new_targets(engine.layout, engine.loss, labels, order, reciprocals(batches.sums))
    learning = new_update_state(
        engine.layout, data, engine.params, optimizer, 1e-3, alpha=0.0, updates=batches.updates
    )
    network = engine.network_for(128, 1)
    done = np.zeros(1, np.int64)
    turn = TrainCall(0, 0, False, done, engine.team.sync, 0, 1)
    words = pack_words(
        optimizer.rule(), network, as_batches(data, buffers, stop - first), targets, learning, turn
    )
    phases = (forward_hidden, forward_output, loss, delta_hidden, update_output, update_hidden)
    for phase in phases:
        run = compiled(phase)

        def again(run=run):
            learning.last[:] = 0
            run(words)

        seconds[phase.__name__] = fastest(again) / (stop - first) * UPDATES
    total = sum(seconds.values())
    for name, value in seconds.items():
        print(f"{name:34} {value:.3f} s per epoch {value / total:6.1%}")
    print(f"{'sum':34} {total:.3f} s per epoch")
    registers, cache = compiled(peak_fma), compiled(peak_load)
    gflops = 200_000 * 6 * 32 * 2 / fastest(lambda: registers(words)) / 1e9
    gbytes = 200 * 16384 / fastest(lambda: cache(words)) / 1e9
    print(f"peak: {gflops:.1f} GFLOP/s in registers, {gbytes:.1f} GB/s from the first-level cache")
    multiplications = data.n_non_zeros * 512
    for name in ("forward_hidden", "update_hidden"):
        rate = 2 * multiplications / seconds[name] / 1e9
        loaded = 4 * multiplications / seconds[name] / 1e9  # a vector of weights or deltas per fma
        print(
            f"{name}: {rate / gflops:.0%} of the fma peak, {loaded / gbytes:.0%} of the bandwidth"
        )


if __name__ == "__main__":
    main()
