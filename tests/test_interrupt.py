"""Ctrl-C, want of memory and failing callbacks, in real processes: what is left behind."""

import copy
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from forked import needs_fork, run_in_a_fork
from interrupting import interrupt_after, second_pass
from trained import STOCHASTIC, Crash, X, Y, assert_same_training, make

from fastmlp.engine import training_pass
from fastmlp.engine.engine import Engine
from fastmlp.engine.team import Team
from fastmlp.engine.training_pass import TrainingPass
from fastmlp.estimators import fit_task
from fastmlp.kernels.abi import STOP
from fastmlp.system.interrupts import Interrupts, hold
from fastmlp.training.stochastic import Training

pytestmark = pytest.mark.slow


class TestCtrlC:
    def test_returns_at_once_from_the_main_jobs_network(self):
        rng = np.random.default_rng(0)
        images = rng.integers(1, 256, (20_000, 784), dtype=np.uint8)
        images *= rng.random(images.shape, dtype=np.float32) < 0.19
        labels = rng.integers(0, 10, 20_000)
        parameters = {"hidden_layer_sizes": (512,), "batch_size": 128}
        make(max_iter=1, **parameters).fit(images[:1000], labels[:1000])  # compiled by now
        waited = []
        for delay in (1.0, 0.6, 0.2, 0.8, 0.4):
            model = make(max_iter=10_000, **parameters)
            with pytest.MonkeyPatch.context() as patch:
                thread, sent = interrupt_after(delay, once=second_pass(patch))
                with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
                    model.fit(images, labels)
            waited.append(time.perf_counter() - sent[0])
            thread.join()
            assert np.isfinite(model.predict_proba(images[:100])).all()
            if waited[-1] < 0.3:  # else the machine may have been busy with something else
                break
        assert min(waited) < 0.3

    @pytest.mark.parametrize("solver", STOCHASTIC)
    def test_a_second_one_leaves_the_model_as_it_was(self, solver, monkeypatch):
        """It comes while the first one is being dealt with."""
        model = make(solver=solver, max_iter=3).fit(X, Y)
        before = copy.deepcopy(model)

        def fail(*args, **kwargs):
            raise KeyboardInterrupt

        train = TrainingPass.run

        def train_and_fail(*args, **kwargs):
            train(*args, **kwargs)
            raise KeyboardInterrupt

        monkeypatch.setattr(TrainingPass, "run", train_and_fail)
        monkeypatch.setattr(Training, "parameters", fail)
        for call in (model.fit, model.partial_fit):
            with (
                pytest.warns(UserWarning, match="interrupted by user"),
                pytest.raises(KeyboardInterrupt),
            ):
                call(X, Y)
            assert_same_training(model, before)
        monkeypatch.undo()
        assert_same_training(model.partial_fit(X, Y), before.partial_fit(X, Y))

    @needs_fork
    @pytest.mark.parametrize("solver", [*STOCHASTIC, "lbfgs"])
    def test_two_at_random_moments(self, solver):
        parameters = {"solver": solver, "hidden_layer_sizes": (64,), "n_threads": 2}
        make(max_iter=1, **parameters).fit(X, Y)  # compiled by now

        def work():
            listening, outcomes = [], set()

            def interrupt(*args):
                if listening:
                    raise KeyboardInterrupt

            signal.signal(signal.SIGINT, interrupt)
            warnings.simplefilter("ignore")
            moments = random.Random(0)
            before = make(max_iter=2, **parameters).fit(X, Y)
            # It may take long until one comes while the other is dealt with: then they come closer together.
            for attempt in range(2000):
                if attempt >= 40 and outcomes == {False, True}:
                    break
                pauses = [0, 1e-5, 1e-4] if attempt >= 100 else [0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3]
                model = copy.deepcopy(before)
                coefs = model.coefs_
                model.set_params(max_iter=10**6, tol=0, n_iter_no_change=np.inf)
                listening.append(True)
                try:
                    try:
                        second = moments.choice(pauses)
                        thread, _ = interrupt_after(moments.uniform(0.005, 0.1), second)
                        model.fit(X, Y)
                    finally:
                        listening.clear()
                except KeyboardInterrupt:
                    pass
                thread.join()
                end = time.monotonic() + 10  # one that did nothing may have yet to end
                while threading.active_count() > 1 and time.monotonic() < end:
                    time.sleep(0.001)
                assert threading.active_count() == 1
                assert np.isfinite(model.predict_proba(X)).all()
                assert len(model.history_.get("loss", ())) == len(model.loss_curve_)
                outcomes.add(model.coefs_ is coefs)
                if model.coefs_ is coefs:
                    assert_same_training(model, before)
            assert outcomes == {False, True}
            model.set_params(max_iter=2, tol=None)
            assert_same_training(model.fit(X, Y), before)

        run_in_a_fork(work)


# What a fit that two Ctrl-C at once have ended must leave: see `TestTwoAtOnce`.
TWO_AT_ONCE = """
import copy, os, random, signal, sys, threading, time, warnings
import numpy as np
from fastmlp import Checkpoint
from fastmlp.estimators import checkpoint
from trained import X, Y, assert_same_training, make

folder, seed, parameters = sys.argv[1], int(sys.argv[2]), eval(sys.argv[3])
X = np.where(X > 0.5, X, 0)  # zeros are skipped, and rows left out
warnings.simplefilter("ignore")
listening, moments, outcomes = [], random.Random(seed), {"whole": 0, "as before": 0}

def interrupt(*_):
    if listening:
        raise KeyboardInterrupt

def send(delay, gap):
    time.sleep(delay)
    os.kill(os.getpid(), signal.SIGINT)
    end = time.perf_counter() + gap
    while time.perf_counter() < end:
        pass
    os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, interrupt)
stochastic = parameters["solver"] != "lbfgs"
before = make(max_iter=2, **parameters).fit(X, Y)
model = make(max_iter=10**6, tol=0, n_iter_no_change=np.inf, **parameters)
last = None
for attempt in range(16):
    # Of another seed: else an end after two epochs of training would look like a fit that did nothing.
    fitted = copy.deepcopy(before).set_params(max_iter=10**6, tol=0, n_iter_no_change=np.inf, random_state=1)
    own = stochastic and attempt % 4 == 0  # a fit that writes checkpoints
    place = os.path.join(folder, str(attempt))
    sender = threading.Thread(target=send, args=(moments.uniform(0.002, 0.06), moments.choice([0, 1e-6, 1e-5, 1e-4])))
    listening.append(True)
    try:
        try:
            sender.start()
            Checkpoint(place).fit(fitted, X, Y) if own else fitted.fit(X, Y)
        finally:
            listening.clear()
    except KeyboardInterrupt:
        pass
    sender.join()
    assert signal.getsignal(signal.SIGINT) is interrupt
    end = time.monotonic() + 10  # a thread that did nothing may have yet to end
    while threading.active_count() > 1 and time.monotonic() < end:
        time.sleep(0.001)
    assert threading.active_count() == 1, threading.enumerate()
    assert not getattr(fitted, "_skl_callbacks", [])
    if fitted.coefs_[0] is before.coefs_[0] or np.array_equal(fitted.coefs_[0], before.coefs_[0]):
        outcomes["as before"] += 1
        assert_same_training(fitted, before)
    else:
        outcomes["whole"] += 1
        n = fitted.n_iter_
        assert len(fitted.loss_curve_) == n and {len(v) for v in fitted.history_.values()} <= {n}, fitted.history_
        if stochastic:
            assert fitted.t_ == n * len(X) * (1 - 0.2 * fitted.early_stopping), (fitted.t_, n)
            assert fitted._state.epoch == fitted._state.optimizer_epochs == n
        if n and not fitted.early_stopping:
            assert fitted.loss_ == fitted.loss_curve_[-1] and fitted.best_loss_ == min(fitted.loss_curve_)
        if n and fitted.early_stopping:
            assert fitted.best_validation_score_ == max(fitted.validation_scores_)
    assert np.isfinite(fitted.predict_proba(X)).all()
    if own and os.path.isdir(place):
        for file in checkpoint._files(place):
            saved = checkpoint.read(file)  # a whole file
            assert saved.n_iter_ == len(saved.loss_curve_) == saved._state.epoch
        if checkpoint._files(place) and not fitted.early_stopping:
            longer = {"random_state": 1, "tol": 0, "n_iter_no_change": np.inf, "max_iter": saved.n_iter_ + 1}
            more, plain = (make(**parameters).set_params(**longer) for _ in range(2))
            assert_same_training(Checkpoint(place).fit(more, X, Y), plain.fit(X, Y))
    if stochastic and not fitted.early_stopping:
        fitted.partial_fit(X, Y)
print(outcomes)
"""


class TestTwoAtOnce:
    """Two signals within microseconds, in a process of its own."""

    @pytest.mark.parametrize(
        "parameters",
        [
            {"solver": "rmsprop", "momentum": 0.9},
            {"solver": "sgd", "n_threads": 1},
            {"solver": "adam", "early_stopping": True, "validation_fraction": 0.2},
            {"solver": "lbfgs"},
        ],
        ids=lambda parameters: parameters["solver"],
    )
    def test_leave_a_whole_model_and_whole_files(self, parameters, tmp_path):
        parameters = {"hidden_layer_sizes": (40,), "n_threads": 2} | parameters
        command = [sys.executable, "-c", TWO_AT_ONCE, tmp_path, "0", repr(parameters)]
        child = subprocess.run(
            command,
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
        assert child.returncode == 0, child.stderr
        assert eval(child.stdout)["whole"] > 0

    def test_what_is_held_comes_later_and_once(self):
        before = signal.getsignal(signal.SIGINT)
        interrupts, flag, steps = Interrupts(), np.zeros(3), []

        def twice(error=None):
            with hold((flag, 1)):
                signal.raise_signal(signal.SIGINT)
                steps.append(flag.tolist())
                with hold():
                    signal.raise_signal(signal.SIGINT)
                steps.append("still here")
                if error is not None:
                    raise error

        try:
            interrupts.open()
            for error in (None, ValueError()):
                steps.clear()
                with pytest.raises(KeyboardInterrupt):
                    twice(error)
                assert steps == [[0, 1, 0], "still here"]
                assert not flag.any()
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            with pytest.raises(ValueError), hold():
                raise ValueError
        finally:
            interrupts.held += 1
            interrupts.close()
        assert signal.getsignal(signal.SIGINT) is before
        steps.clear()
        with pytest.raises(KeyboardInterrupt):
            twice()  # nobody has opened anything
        assert not steps

    def test_a_handler_that_raises_nothing_stops_nothing(self):
        """A user's own handler may only note that there was a signal."""
        seen, before = [], signal.signal(signal.SIGINT, lambda *_: seen.append(True))
        model = make(max_iter=3)
        try:
            model.set_params(verbose=True)
            progress = fit_task.reporter

            def reporter(*args):
                report = progress(*args)
                report.advance = lambda n: signal.raise_signal(signal.SIGINT)
                return report

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(fit_task, "reporter", reporter)
                patch.setattr("fastmlp.engine.work.MOST_EPOCHS", 1)  # of a pass
                model.fit(X, Y)
        finally:
            signal.signal(signal.SIGINT, before)
        assert len(seen) >= 3
        assert_same_training(model, make(max_iter=3).fit(X, Y))


PLACES = [
    (fit_task, "make_engine"),
    (fit_task, "check_training_data"),
    (Engine, "set_parameters"),
    (Engine, "open"),
    (TrainingPass, "run"),
    (training_pass, "batch_weights"),
    (Engine, "network_for"),
    (training_pass, "new_update_state"),
    (Engine, "get_parameters"),
]


class TestMemoryError:
    @pytest.mark.parametrize("solver", STOCHASTIC)
    @pytest.mark.parametrize(("home", "name"), PLACES, ids=[name for _, name in PLACES])
    def test_anywhere_leaves_the_model_as_it_was(self, home, name, solver, monkeypatch):
        model = make(solver=solver, max_iter=2).fit(X, Y)
        before = copy.deepcopy(model)

        def fail(*args, **kwargs):
            raise MemoryError

        monkeypatch.setattr(home, name, fail)
        for call in (model.fit, model.partial_fit):
            with pytest.raises(MemoryError):
                call(X, Y)
        monkeypatch.undo()
        assert_same_training(model, before)
        assert_same_training(model.partial_fit(X, Y), before.partial_fit(X, Y))

    @needs_fork
    def test_of_the_system(self):
        """A network of 0.5 GB in a process that may not have that much."""
        resource = pytest.importorskip("resource")
        model = make(max_iter=2).fit(X, Y)
        if not os.path.exists("/proc/self/statm"):
            pytest.skip("the size of this process is not known")

        def work():
            before = copy.deepcopy(model)
            with open("/proc/self/statm") as file:
                size = int(file.read().split()[0]) * resource.getpagesize()
            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (size + 2**28, hard))
            model.set_params(hidden_layer_sizes=(10_000, 10_000))
            with pytest.raises(MemoryError):
                model.fit(X, Y)
            model.set_params(hidden_layer_sizes=(7,))
            assert_same_training(model, before)
            assert_same_training(model.partial_fit(X, Y), before.partial_fit(X, Y))

        run_in_a_fork(work)


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="no list of threads")
@pytest.mark.parametrize("solver", [*STOCHASTIC, "lbfgs"])
def test_a_failing_callback_leaves_no_thread(solver):
    pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")

    def threads():
        return set(os.listdir("/proc/self/task"))

    make(solver=solver, max_iter=1, n_threads=4).fit(X, Y)  # whatever a library starts for good
    before = threads()
    for _ in range(3):
        with pytest.raises(RuntimeError, match="crash"):
            make(solver=solver, n_threads=4).set_callbacks(Crash(1)).fit(X, Y)
    end = time.monotonic() + 10  # the system takes a moment to end a thread that was joined
    while threads() - before and time.monotonic() < end:
        time.sleep(0.01)
    assert threads() <= before


class TestOtherSignals:
    def test_an_exception_while_threads_are_waited_for(self, monkeypatch):
        class Alarm(Exception):
            pass

        join, calls = threading.Thread.join, []

        def interrupted(thread, *arguments):
            calls.append(thread)
            if len(calls) <= 3:
                raise Alarm
            join(thread, *arguments)

        def work(me, n_threads):
            while me and not team.sync[STOP]:
                time.sleep(0.001)

        team = Team(2)
        monkeypatch.setattr(threading.Thread, "join", interrupted)
        with pytest.raises(Alarm):
            team.run(work)
        assert not calls[0].is_alive()
        assert not team.sync[STOP]
