"""Entries that a test writes itself, of the kernels' own parts."""

import numpy as np

from fastmlp.kernels import code_cache
from fastmlp.kernels.codegen.compiler import machine_code
from fastmlp.kernels.codegen.struct_view import WORDS


def entry(function):
    """A function of words, compiled; to be called with `pack_words` of its block."""
    symbol, code = machine_code(function, (WORDS,))
    engine = code_cache._engine(code)
    compiled = code_cache._PROTOTYPE(engine.get_function_address(symbol))

    def call(words):
        result, exception = np.zeros(1, np.int64), np.zeros(1, np.int64)
        status = compiled(result.ctypes.data, exception.ctypes.data, words.ctypes.data)
        assert status <= 0
        return int(result[0])

    call.engine = engine  # which owns the code
    return call
