"""Numba's passes for kernels and entries: those that plain loops need, and each kernel optimised once.

Numba optimises and emits every function that another one calls, and then does so again inside each caller. Here a
kernel stays plain LLVM code until an entry is complete, which is then optimised as a whole: compilation takes a third
of the time. This builds on private parts of Numba; `compiler` does without where they are missing or changed.
"""

from numba import _dynfunc
from numba.core import compiler, typed_passes, untyped_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_machinery import PassManager, register_pass


class _KernelLibrary(JITCodeLibrary):
    """Code that is only ever linked into another library."""

    def finalize(self):
        # What the base class does, less optimisation and machine code.
        for library in dict.fromkeys(self._linking_libraries):
            if hasattr(library, "_reload_init"):  # since Numba 0.63
                self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True

    def _optimize_functions(self, ll_module):
        ll_module.data_layout = self._codegen._data_layout

    def get_pointer_to_function(self, name):
        return 0


@register_pass(mutates_CFG=True, analysis_only=False)
class _KernelLowering(typed_passes.NativeLowering):
    _name = "kernel_lowering"

    def run_pass(self, state):
        codegen = state.targetctx.codegen()
        state.library = _KernelLibrary(codegen, state.func_id.func_qualname)
        state.library.enable_object_caching()
        state.flags.no_compile = True
        super().run_pass(state)
        # Other functions find this one by an object of its own; it is never called from Python.
        lowered = state["cr"]
        name = state.func_id.func_name
        key = _dynfunc.make_function(
            lowered.fndesc.lookup_module(), name, "kernel", 0, lowered.env, (state.library,)
        )
        state.targetctx.insert_user_function(key, lowered.fndesc, [state.library])
        state["cr"] = lowered._replace(cfunc=key)
        return True


# Of Numba's passes those that plain loops need. Kernels have no closures, array expressions, parallel loops or
# generators. A variable needs one type (a loss in float32 or float64 is stored as float64 either way), so that Numba
# need not rename it (SSA). None is reference-counted, so that none has to be deleted.
_PASSES = (
    (untyped_passes.TranslateByteCode, "analyzing bytecode"),
    (untyped_passes.FixupArgs, "fix up args"),
    (typed_passes.NopythonTypeInference, "nopython frontend"),
    (typed_passes.AnnotateTypes, "annotate types"),
)


class _PassManager(PassManager):
    """Runs a pass and no more, where Numba would check and analyse the function anew after each."""

    def _runPass(self, index, pss, internal_state):
        pss.analysis = self._analysis
        pss.run_initialization(internal_state)
        pss.run_pass(internal_state)
        pss.run_finalizer(internal_state)


class EntryCompiler(compiler.CompilerBase):
    """Compiles an entry with all kernels that it calls."""

    lowering = typed_passes.NativeLowering

    def define_pipelines(self):
        """Return the one list of passes."""
        manager = _PassManager("fastmlp")
        for step, description in _PASSES:
            manager.add_pass(step, description)
        manager.add_pass(self.lowering, "lowering")
        manager.add_pass(typed_passes.NoPythonBackend, "nopython mode backend")
        manager.finalize()
        return [manager]


class KernelCompiler(EntryCompiler):
    """Compiles a kernel as far as LLVM code."""

    lowering = _KernelLowering


def object_file(compiled):
    """Return symbol and object file of an entry, the one function that `compiled` holds."""
    (result,) = compiled.overloads.values()
    return result.fndesc.llvm_func_name, result.library._get_compiled_object()
