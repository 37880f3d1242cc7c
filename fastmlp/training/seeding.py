"""Random numbers as a pure function of one seed.

Nothing here has a state: an epoch's permutation follows from the seed and the epoch's number, so
training can stop, be pickled and go on anywhere without a change in its bits.
"""

import itertools
import threading
from functools import lru_cache

import numpy as np
from sklearn.utils import check_random_state

# Streams beside the epochs': SeedSequence keeps them apart from those of (seed, epoch).
_WEIGHTS, _SPLIT, _MASKS = 0, 1, 2


def draw_seed(random_state) -> int:
    """The one number a fit takes from `random_state`, which may be anything scikit-learn allows."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def epoch_order(seed: int, epoch: int, rows, n_samples: int, shuffle: bool) -> np.ndarray:
    """The rows to train on in epoch number `epoch`, in the order of use, as int64.

    `rows` are the rows to choose from; None means all of 0 .. n_samples - 1.
    """
    if not shuffle:
        return np.arange(n_samples, dtype=np.int64) if rows is None else rows
    generator = _epoch_generator(seed, epoch)
    if rows is None:
        return generator.permutation(n_samples).astype(np.int64, copy=False)
    return rows[generator.permutation(len(rows))]


def _epoch_generator(seed, epoch):
    """Return ``Generator(PCG64(SeedSequence((seed, epoch))))``, valid until this thread's next call.

    To make it so takes longer than to permute a small data set.
    """
    if not (0 <= seed < _WORD and 0 <= epoch < _WORD):
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, epoch))))
    block, number = divmod(epoch, _BLOCK)
    state, increment = _pcg64_states(seed, block)[number]
    if not hasattr(_OWN, "generator"):
        _OWN.generator = np.random.Generator(np.random.PCG64(0))
    _OWN.generator.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": state, "inc": increment},
        "has_uint32": 0,
        "uinteger": 0,
    }
    return _OWN.generator


_OWN = threading.local()
_WORD = 1 << 32
_BLOCK = 64  # epochs whose generators are seeded together


@lru_cache(maxsize=64)
def _pcg64_states(seed, block):
    """State and increment of a PCG64 seeded by ``SeedSequence((seed, epoch))``, for a block of epochs.

    NumPy promises to keep both algorithms; a test compares them with NumPy's own.
    """
    zero = np.zeros(_BLOCK, np.uint32)
    epochs = np.arange(block * _BLOCK, (block + 1) * _BLOCK, dtype=np.int64).astype(np.uint32)
    hashed = _hashes(0x43B0D7E5, 0x931E8875)
    pool = [hashed(word) for word in (zero + np.uint32(seed), epochs, zero, zero)]
    for source, target in itertools.permutations(range(4), 2):
        mixed = pool[target] * np.uint32(0xCA01F9DD)
        mixed -= hashed(pool[source]) * np.uint32(0x4973F715)
        pool[target] = mixed ^ (mixed >> np.uint32(16))
    hashed = _hashes(0x8B51F9DD, 0x58F38DED)
    words = [hashed(pool[number % 4]).tolist() for number in range(8)]
    return [_pcg64_state(*low_first) for low_first in zip(*words, strict=True)]


def _hashes(constant, factor):
    """Return SeedSequence's hash of uint32 words, whose constants change with each call."""

    def hashed(words):
        nonlocal constant
        words = words ^ np.uint32(constant)
        constant = constant * factor % _WORD
        words *= np.uint32(constant)
        return words ^ (words >> np.uint32(16))

    return hashed


def _pcg64_state(s2, s3, s0, s1, i2, i3, i0, i1):
    """State and increment that PCG64 makes of eight words of a SeedSequence, in their order."""
    start = s3 << 96 | s2 << 64 | s1 << 32 | s0
    increment = (i3 << 96 | i2 << 64 | i1 << 32 | i0) << 1 | 1
    limit, factor = 1 << 128, 0x2360ED051FC65DA44385DF649FCCF645
    increment %= limit
    return ((increment + start) * factor + increment) % limit, increment


def mask_keys(seed: int, epoch: int, n_layers: int) -> np.ndarray:
    """The keys of an epoch's dropout masks, for the inputs first and then for each hidden layer; uint64.

    A layer's key does not depend on the number of layers.
    """
    return np.random.SeedSequence((seed, epoch), spawn_key=(_MASKS,)).generate_state(
        n_layers, np.uint64
    )


def initial_parameters(seed: int, layer_sizes, dtype):
    """Glorot uniform weights, U(±sqrt(6 / (fan_in + fan_out))), and zero biases.

    Drawn in float64 and then rounded, so that both dtypes start from the same numbers.

    Returns
    -------
    coefs, intercepts : lists of ndarrays of `dtype`
    """
    stream = np.random.SeedSequence(seed, spawn_key=(_WEIGHTS,))
    generator = np.random.Generator(np.random.PCG64(stream))
    coefs = []
    for fan_in, fan_out in itertools.pairwise(layer_sizes):
        bound = np.sqrt(6.0 / (fan_in + fan_out))
        coefs.append(generator.uniform(-bound, bound, (fan_in, fan_out)).astype(dtype))
    return coefs, [np.zeros(fan_out, dtype) for fan_out in layer_sizes[1:]]


def split_rows(seed: int, n_samples: int, fraction: float, strata=None):
    """Row numbers to train on and to validate on, both ascending.

    `strata` (n_samples,) are class numbers to share out evenly. Where there are too few samples
    for that, but enough to validate, the split is a plain one.
    """
    from sklearn.model_selection import train_test_split

    n_validation = int(np.ceil(fraction * n_samples))
    if n_validation >= n_samples > 1:
        raise ValueError(
            f"The training set is empty: validation_fraction={fraction:g} of {n_samples} samples are {n_validation}. "
            "Decrease 'validation_fraction', or pass X_val and y_val."
        )
    if n_validation < 2:
        raise ValueError(
            f"The validation set is too small: validation_fraction={fraction:g} of {n_samples} samples "
            f"are {n_validation}; at least 2 are needed, better some of each class. Increase "
            "'validation_fraction' or the size of your dataset, or pass X_val and y_val."
        )
    stream = np.random.SeedSequence(seed, spawn_key=(_SPLIT,))
    random_state = np.random.RandomState(np.random.MT19937(stream))
    rows = np.arange(n_samples, dtype=np.int64)
    if strata is not None:
        counts = np.bincount(strata)
        counts = counts[counts > 0]
        if counts.min() < 2 or min(n_validation, n_samples - n_validation) < len(counts):
            strata = None
    train, validation = train_test_split(
        rows, test_size=fraction, stratify=strata, random_state=random_state
    )
    return np.sort(train), np.sort(validation)
