"""Passes through the layers without updates: what predictions and evaluations share."""

from ..kernels.abi import STOP, Batches, Network
from ..kernels.code_cache import entry
from ..kernels.words import pack_words, place
from .structs import as_batches, new_network

# Samples are taken in batches that keep a layer's activations in the second-level cache.
FORWARD_BATCH = 128
# A thread takes batches of about so many bytes at a time, fewer where that would leave another thread without any.
CHUNK_BYTES = 1 << 20


def plan_forward(engine, data, rows):
    """A plan of batches of the given rows (default all), and how many threads are to share it."""
    n = data.n_samples if rows is None else len(rows)
    team_size = engine.threads_for(data, n, FORWARD_BATCH, training=False)
    size = max(1, min(FORWARD_BATCH, -(-n // team_size)))
    # A non-zero is held with its index.
    share = 2 * data.density if data.zero_skipping else 1
    n_bytes = size * max(1, data.n_features * engine.dtype.itemsize * share)
    per_chunk = max(1, min(int(CHUNK_BYTES / n_bytes), n // (size * team_size)))
    plan = data.plan(rows, size, columns=False, batches_per_chunk=per_chunk)
    return plan, min(team_size, max(1, plan.n_chunks))


def run_forward(engine, name, data, plan, team_size, *structs):
    """Run the entry ``name`` over the plan's chunks; its words: Network, Batches, structs.

    Each thread takes whole chunks, one after the other, through all layers: no thread waits for another, and one
    whose core is busy takes fewer.
    """
    run, n_batches = entry(name, engine.dtype), place(Batches, "n_batches", Network)
    untaken, stop = iter(range(plan.n_chunks)), engine.team.sync

    def work(me, n_threads):
        network, buffers = _memory(engine, me, data, plan)
        words = pack_words(network, as_batches(data, buffers, 0), *structs)
        # A chunk that is taken is done: where the system refuses a thread, the rest is left to another run.
        while not stop[STOP] and (chunk := next(untaken, None)) is not None:
            data.prepare(plan, chunk, buffers)
            first, end = plan.chunk_batches(chunk)
            words[n_batches] = end - first
            run(words)

    engine.team.run(work, team_size)


def _memory(engine, me, data, plan):
    """Working memory of thread `me` for the plan's batches, and buffers for its chunks; kept for the next pass."""
    network, buffers = engine.forward_memory.get(me, (None, None))
    if network is None or network.batch_size != plan.batch_size:
        network = new_network(
            engine.layout, plan.batch_size, loss=engine.loss.code, activation=engine.activation,
            n_threads=1, backward=False,
        )  # fmt: skip
    if buffers is None or not buffers.fits(plan):
        buffers = data.new_buffers(plan)
    engine.forward_memory[me] = network, buffers
    return network, buffers
