"""What a fit shows: one bar in a terminal, one output in a notebook, lines elsewhere."""

import os
import re
import sys
import threading
import types

import pytest
from small import X, Y, make

from fastmlp import MLPRegressor
from fastmlp.training import progress

JARGON = ("zero-skipping", "density", "dense path")


class Terminal:
    """Stands in for the standard error output: a terminal of a given width, whose output is kept."""

    def __init__(self, columns):
        fcntl = pytest.importorskip("fcntl", reason="no terminals of this kind on Windows")
        import struct
        import termios

        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.stream = os.fdopen(slave, "w", encoding="utf-8")
        self._parts = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        while True:
            try:
                part = os.read(self._master, 65536)
            except OSError:  # the other end is closed
                return
            if not part:
                return
            self._parts.append(part)

    def shown(self):
        """All that was written; closes the terminal."""
        self.stream.close()
        self._reader.join()
        os.close(self._master)
        return b"".join(self._parts).decode()


@pytest.fixture
def terminal(monkeypatch):
    """Make a terminal and write to it what a fit shows; returns (what was written, the last state)."""

    def run(columns, **parameters):
        screen = Terminal(columns)
        monkeypatch.setattr(sys, "stderr", screen.stream)
        try:
            make(**{"verbose": True} | parameters).fit(X, Y)
        finally:
            monkeypatch.undo()
            text = screen.shown()
        states = [state for state in re.split(r"[\r\n]", text) if state.strip()]
        return text, states

    return run


class TestLines:
    def test_without_a_terminal(self, capsys):
        make(verbose=1, max_iter=2).fit(X, Y, X_val=X, y_val=Y)
        captured = capsys.readouterr()
        lines = captured.out.splitlines()
        assert [line.split(",")[0] for line in lines[::2]] == ["Iteration 1", "Iteration 2"]
        assert all(
            re.search(r"loss = \d\.\d{8}, accuracy = \d\.\d{4}, ", line) for line in lines[::2]
        )
        assert all(
            re.match(r"Validation score: \d\.\d+, validation loss = ", v) for v in lines[1::2]
        )
        assert captured.err == ""
        assert not any(word in captured.out for word in JARGON)

    def test_the_path_is_told_with_verbose_2(self, capsys):
        make(verbose=2, max_iter=2).fit(X, Y)
        assert capsys.readouterr().out.startswith("Training on the dense path, density 100.0%\n")
        make(verbose=2, max_iter=1).fit(X * (X > 0.5), Y)
        assert "Training on the zero-skipping path, density" in capsys.readouterr().out

    def test_a_terminal_without_width(self, terminal, capsys):
        text, _ = terminal(0, max_iter=2)
        assert text == ""
        assert "Iteration 2, loss = " in capsys.readouterr().out

    def test_without_tqdm(self, terminal, capsys, monkeypatch):
        monkeypatch.setitem(sys.modules, "tqdm", None)
        text, _ = terminal(80, max_iter=1)
        assert text == ""
        assert "Iteration 1, loss = " in capsys.readouterr().out

    def test_why_training_stops(self, capsys):
        stops = {"tol": 10.0, "n_iter_no_change": 1, "max_iter": 20, "verbose": 2}
        make(**stops).fit(X, Y)
        assert "Training loss did not improve more than tol=10.000000 for 1" in (
            capsys.readouterr().out
        )
        make(**stops, early_stopping=True).fit(X, Y)
        assert "Validation score did not improve more than tol=10" in capsys.readouterr().out
        make(**stops, learning_rate="adaptive", solver="sgd", learning_rate_init=1e-5).fit(X, Y)
        out = capsys.readouterr().out
        assert "Setting learning rate to 0.000002" in out
        assert "Learning rate too small. Stopping." in out

    def test_lbfgs(self, capsys):
        make(verbose=2, solver="lbfgs", max_iter=2).fit(X, Y)
        assert "Iteration 2, loss = " in capsys.readouterr().out

    def test_any_score(self, capsys):
        row = {"loss": 0.5, "r2": 0.25, "val_loss": 0.75, "val_r2": 0.125, "seconds": 1.0}
        progress.Lines().epoch(3, row, 1000.0)
        assert capsys.readouterr().out == (
            "Iteration 3, loss = 0.50000000, r2 = 0.2500, 1,000 samples/s\n"
            "Validation score: 0.125000, validation loss = 0.75000000\n"
        )
        assert list(progress.measures(row)) == [("loss", 0.5), ("r2", 0.25), ("val_r2", 0.125)]

    def test_a_scorer_beside_the_score(self, capsys):
        row = {
            "loss": 0.5,
            "accuracy": 0.25,
            "val_loss": 1.0,
            "val_accuracy": 0.5,
            "val_score": 0.75,
        }
        progress.Lines().epoch(1, row, None)
        assert "Validation score: 0.500000, validation loss = 1.00000000, val_score = 0.7500\n" in (
            capsys.readouterr().out
        )


@pytest.mark.parametrize("verbose", [1, 2])
def test_a_regressor_tells_its_own_score(verbose, capsys):
    MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, verbose=verbose, random_state=0).fit(
        X, X[:, 0], X_val=X, y_val=X[:, 0]
    )
    out = capsys.readouterr().out
    assert re.search(r"Iteration 2, loss = \d\.\d+, r2 = -?\d", out)
    assert "accuracy" not in out


class TestTerminal:
    def test_one_bar_over_all_epochs(self, terminal, capsys):
        text, states = terminal(130, max_iter=3, early_stopping=True, validation_fraction=0.2)
        assert capsys.readouterr().out == ""
        assert text.count("\n") == 1  # the end of the one bar
        assert states[0].startswith("Epoch 1/3   0%|")
        assert states[-1].startswith("Epoch 3/3 100%|")
        pattern = r"\| \d\d:\d\d<\d\d:\d\d, loss (\S+), accuracy (\S+), val_accuracy (\S+), [\d,]+ samples/s$"
        assert re.search(pattern, states[-1].rstrip())
        assert not any(word in text for word in JARGON)

    @pytest.mark.parametrize("columns", [20, 40, 60, 80, 100, 200])
    def test_it_fits_and_nothing_is_cut(self, terminal, columns):
        _, states = terminal(columns, max_iter=12, early_stopping=True, validation_fraction=0.2)
        assert max(map(len, states)) <= columns
        if columns >= 80:
            assert re.search(
                r"loss \d\.\d{4}, accuracy \d\.\d{4}, val(_accuracy)? \d\.\d{4}", states[-1]
            )
        if columns >= 40:
            assert re.search(r"(\d\d:\d\d|\.\d{4}|\.\d\de-\d\d|\d samples/s)$", states[-1])

    def test_it_moves_while_an_epoch_runs(self, monkeypatch):
        screen = Terminal(100)
        monkeypatch.setattr(sys, "stderr", screen.stream)
        monkeypatch.setattr(progress, "INTERVAL", 0.0)
        tqdm = pytest.importorskip("tqdm").tqdm
        bar = progress.TerminalBar(tqdm, 4, 1000, 1)
        bar.advance(500)
        bar.advance(1000)
        bar.epoch(2, {"loss": 0.0000125, "accuracy": 0.5}, None)
        bar.message("a message")
        bar.close()
        monkeypatch.undo()
        text = screen.shown()
        for state in ("Epoch 1/4  25%|", "Epoch 2/4  38%|", "Epoch 2/4  50%|", "a message"):
            assert state in text
        assert "loss 1.25e-05, accuracy 0.5000" in text

    def test_the_same_weights_with_and_without(self):
        plain = make(max_iter=2).fit(X, Y)
        screen = Terminal(80)
        before, sys.stderr = sys.stderr, screen.stream
        try:
            shown = make(max_iter=2, verbose=True).fit(X, Y)
        finally:
            sys.stderr = before
            screen.shown()
        assert all((a == b).all() for a, b in zip(plain.coefs_, shown.coefs_, strict=True))

    def test_epochs_of_earlier_calls_count(self):
        model = make(verbose=False).partial_fit(X, Y, classes=[0, 1, 2])
        screen = Terminal(100)
        before, sys.stderr = sys.stderr, screen.stream
        try:
            model.set_params(verbose=True).partial_fit(X, Y)
        finally:
            sys.stderr = before
            text = screen.shown()
        assert "Epoch 2/2 100%|" in text


class Handle:
    """What IPython returns for an output that can be updated."""

    def __init__(self, content):
        self.states = [content]

    def update(self, content, *, raw):
        assert raw
        self.states.append(content)


@pytest.fixture
def notebook(monkeypatch):
    """A notebook's kernel, as far as a display sees it: returns the outputs."""
    outputs = []

    def display(content, *, raw, display_id):
        assert raw
        assert display_id is True
        outputs.append(Handle(content))
        return outputs[-1]

    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    ipython.display = types.ModuleType("IPython.display")
    ipython.display.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    return outputs


class TestNotebook:
    def test_one_output_that_still_tells_when_saved(self, notebook, capsys):
        make(verbose=True, max_iter=3).fit(X, Y, X_val=X, y_val=Y)
        assert capsys.readouterr() == ("", "")
        (output,) = notebook
        first, last = output.states[0], output.states[-1]
        assert first["text/plain"].startswith("MLPClassifier: Epoch 1/3, ")
        assert re.fullmatch(
            r"MLPClassifier: Epoch 3/3, loss \S+, accuracy \S+, val_accuracy \S+, \d+\.\d+ s",
            last["text/plain"],
        )
        assert '<progress max="3" value="3.000"' in last["text/html"]
        for word in ("Epoch 3/3", "loss ", "accuracy 0.", "val_accuracy 0."):
            assert word in re.sub(r"<[^>]*>", "", last["text/html"])  # even where no tag survives
        assert not any(word in str(output.states) for word in JARGON)

    def test_why_it_ended(self, notebook):
        make(verbose=True, max_iter=20, tol=10.0, n_iter_no_change=1).fit(X, Y)
        last = notebook[0].states[-1]
        assert "Training loss did not improve" in last["text/plain"]
        assert "Training loss did not improve" in last["text/html"]

    def test_it_moves_while_an_epoch_runs(self, notebook, monkeypatch):
        monkeypatch.setattr(progress, "INTERVAL", 0.0)
        bar = progress.NotebookBar("A <name>", 2, 100, 0)
        bar.advance(50)
        assert 'value="0.500"' in notebook[0].states[-1]["text/html"]
        assert "left" in notebook[0].states[-1]["text/plain"]
        assert "<name>" not in notebook[0].states[-1]["text/html"]
        monkeypatch.setattr(progress, "INTERVAL", 60.0)
        bar.advance(60)  # too soon to be shown
        assert len(notebook[0].states) == 2
        bar.close()
        assert 'value="0.600"' in notebook[0].states[-1]["text/html"]

    def test_lines_where_they_are_asked_for(self, notebook, capsys):
        make(verbose=2, max_iter=1).fit(X, Y)
        assert notebook == []
        assert "Iteration 1" in capsys.readouterr().out

    def test_a_terminals_ipython_is_no_notebook(self, notebook, monkeypatch, capsys):
        monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: object())
        make(verbose=True, max_iter=1).fit(X, Y)
        assert notebook == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.041, "0.04 s"), (5.14, "5.1 s"), (125, "2:05 min"), (3725.2, "1:02:05 h")],
)
def test_durations(seconds, text):
    assert progress._duration(seconds) == text
