"""The biases' gradients, which are sums of the deltas, and their updates."""

from ..abi import BIAS, HALF_PANEL_BYTES, HIDDEN, LANES, VECTOR_BYTES
from ..codegen.compiler import inlined, kernel
from ..codegen.pointer import shifted
from ..codegen.vector import lanes_of, load, store, zeros
from ..primitives.optimizer_rules import unshrunk, update_run

# So many deltas are added up to one sum, and then the sums.
SUMMED_TOGETHER = 256


@kernel
def update_bias(rule, net, l, panel, learning, m, rate, scratch):
    """bias -= step(sum_i delta[i]) for one panel; the sum stays in scratch (lanes,)"""
    sum_deltas(net, l, panel, m, scratch)
    lanes = net.layers[l, LANES]
    update_run(
        rule, scratch, learning.params, learning.square, learning.momentum,
        net.layers[l, BIAS] + panel * lanes, lanes, rate, unshrunk(zeros(scratch, VECTOR_BYTES)),
    )  # fmt: skip


@kernel
def sum_deltas(net, l, panel, m, scratch):
    """scratch = sum_i delta[i] for one panel: the bias's gradient"""
    lanes = net.layers[l, LANES]
    delta = shifted(net.delta, net.layers[l, HIDDEN] + panel * lanes * net.batch_size)
    # An addition waits for the one before it in its lanes: the more vectors at a time, the fewer such waits.
    if 2 * lanes >= net.full_lanes:
        _sum_rows(zeros(scratch, HALF_PANEL_BYTES), delta, m, lanes, scratch)
    else:
        _sum_rows(zeros(scratch, VECTOR_BYTES), delta, m, lanes, scratch)


@inlined
def _sum_rows(like, rows, m, lanes, out):
    """out = sum_i rows[i], i < m; rows (m, lanes), out (lanes,)

    Many rows are summed in blocks: one long sum of float32 would lose digits.
    """
    for s in range(0, lanes, lanes_of(like)):
        total = like
        for first in range(0, m, SUMMED_TOGETHER):
            part = like
            for i in range(first, min(first + SUMMED_TOGETHER, m)):
                part = part + load(like, rows, i * lanes + s)
            total = total + part
        store(out, s, total)
