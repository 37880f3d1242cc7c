"""Lazy rows: rows of the first layer's weights that an update leaves out, and catches up when they are next read.

A feature that is zero in a whole batch has gradient zero. The update of its row is then a closed form in the number
of updates skipped (`decay_untouched`), so it is enough to know which update reached a row last:
``learning.last[panel, feature]``.
"""

from ..abi import ACTIVE, FAN_IN, LANES, N_ACTIVE, PANEL_STRIDE, PANELS, WEIGHT
from ..codegen.compiler import inlined, kernel
from ..codegen.pointer import shifted
from ..primitives.optimizer_rules import decay_untouched
from .threads import share, within


@inlined
def lazy_weights_move(learning):
    """Whether the weights of a skipped row change, and not only its state: a forward pass must catch them up first."""
    return learning.lazy and (learning.has_momentum or learning.decays)


@inlined
def catch_up_row(learning, row, start, lanes, step):
    """Apply the zero-gradient updates that this row skipped, up to update number `step`

    row: panel * n_features + feature; start: where the row lies in the parameters, of `lanes` numbers
    """
    missed = step - learning.last[row]
    if missed > 0:
        kept = 1.0
        if learning.decays:
            kept = learning.kept_until[step] / learning.kept_until[learning.last[row]]
        decay_untouched(
            learning.has_square, learning.has_momentum, learning.params, learning.square,
            learning.momentum, start, lanes, learning.powers, learning.n_powers, missed,
            kept,
        )  # fmt: skip


@kernel
def _catch_up(net, learning, step, features, count, part, parts):
    """Catch up one part of the (panel, row) items

    features (count,): the rows, ascending; not read if count is that of all rows
    """
    if count == 0:
        return
    lanes, fan_in = net.layers[0, LANES], net.layers[0, FAN_IN]
    start, stop = share(net.layers[0, PANELS] * count, part, parts)
    for panel in range(start // count, (stop + count - 1) // count):
        first, last = within(start, stop, panel, count)
        w_start = net.layers[0, WEIGHT] + panel * net.layers[0, PANEL_STRIDE]
        for a in range(first, last):
            j = features[a] if count < fan_in else a
            catch_up_row(learning, panel * fan_in + j, w_start + j * lanes, lanes, step)
            learning.last[panel * fan_in + j] = step


@inlined
def catch_up_batch(net, batches, b, learning, step, part, parts):
    """Catch up one part of the rows that batch `b` reads."""
    features = shifted(batches.feature, batches.table[b, ACTIVE])
    _catch_up(net, learning, step, features, batches.table[b, N_ACTIVE], part, parts)


@inlined
def catch_up_all(net, batches, learning, step, part, parts):
    """Catch up one part of all rows."""
    _catch_up(net, learning, step, batches.feature, net.layers[0, FAN_IN], part, parts)
