"""The compiled entries: every function that Python can call in compiled code, by name.

An entry is compiled once per compute dtype and, where it takes an optimizer's rule, per rule. This module imports
Numba; `code_cache` imports it only when an entry has to be compiled.
"""

from numba import types

from .codegen.compiler import machine_code
from .codegen.struct_view import WORDS
from .passes.single_kernels import elements_entry, loss_entry, matmul_entry, update_entry
from .passes.train_step import (
    evaluate_entry,
    layer_entry,
    predict_entry,
    train_dropout_entry,
    train_entry,
)
from .primitives.optimizer_rules import RULES

# Name -> builder(real) or, for those in WITH_RULE, builder(real, rule).
BUILDERS = {
    "train": train_entry,
    "train_dropout": train_dropout_entry,
    "predict": predict_entry,
    "evaluate": evaluate_entry,
    "layer": layer_entry,
    "matmul": matmul_entry,
    "elements": elements_entry,
    "loss": loss_entry,
    "update": update_entry,
}
WITH_RULE = ("train", "train_dropout", "update")
DTYPES = ("float32", "float64")


def every_entry():
    """Yield (name, dtype, rule) of all entries there are."""
    for name in BUILDERS:
        for dtype in DTYPES:
            for rule in RULES if name in WITH_RULE else (None,):
                yield name, dtype, rule


def compile_entry(name, dtype, rule=None):
    """Compile the entry ``name``; return its symbol's name and an object file that holds all it needs.

    Parameters
    ----------
    name : str
        A key of `BUILDERS`.
    dtype : {"float32", "float64"}
        The compute dtype's name.
    rule : class of `abi` or None
        The optimizer's rule, for the entries in `WITH_RULE`.
    """
    if (rule is not None) != (name in WITH_RULE):
        raise ValueError(f"entry {name!r} takes {'a' if name in WITH_RULE else 'no'} rule")
    arguments = (getattr(types, dtype),) if rule is None else (getattr(types, dtype), rule)
    return machine_code(BUILDERS[name](*arguments), (WORDS,))
