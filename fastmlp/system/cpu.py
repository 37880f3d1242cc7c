"""What this CPU has, by LLVM's names."""

from llvmlite import binding
from llvmlite.binding.targets import FeatureMap


def feature_map():
    """Return features and whether this CPU has each; empty where LLVM cannot tell."""
    try:
        return binding.get_host_cpu_features()
    except RuntimeError:  # which some versions of llvmlite raise then
        return FeatureMap()


def cpu_features():
    """Return the names of the features that this CPU has."""
    return frozenset(name for name, has in feature_map().items() if has)
