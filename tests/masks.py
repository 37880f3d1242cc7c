"""Dropout's random words and masks in plain NumPy, to be read beside kernels/primitives/random.py."""

import numpy as np

MASK_64 = (1 << 64) - 1


def words(key, row, n_units):
    """The words of units 0 to n_units - 1 for one row of X, uint32."""
    z = (int(key) + (row + 1) * 0x9E3779B97F4A7C15) & MASK_64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK_64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK_64
    z ^= z >> 31
    x = np.arange(n_units, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(z & 0xFFFFFFFF)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D) + np.uint32(z >> 32)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def masks(dropout, n_rows, sizes):
    """What an epoch multiplies the inputs and the hidden layers of `sizes` units by, one array for each."""
    found = []
    for rate, key, size in zip(dropout.rates, dropout.keys, sizes, strict=True):
        drawn = np.stack([words(key, row, size) for row in range(n_rows)])
        found.append((drawn >= round(rate * 2**32)) / (1.0 - rate))
    return found
