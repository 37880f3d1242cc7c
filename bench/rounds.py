"""Measure contenders side by side: started one by one, then interleaved rounds, A B C A B C."""

import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass

from contenders import CONTENDERS
from load import wait_until_quiet
from process import ContenderError, Worker

PATIENCE = 20  # seconds a turn waits for a quiet machine


@dataclass(frozen=True)
class Plan:
    """One job, who runs it, and how long: ``rounds`` times ``epochs`` after a first epoch.

    A round that would probably end after ``limit`` seconds is not begun, but for the first.
    """

    job: object
    names: tuple[str, ...]
    rounds: int
    epochs: int
    limit: float = float("inf")


def say(text):
    """Progress, on stderr so that the table on stdout can be kept."""
    print(text, file=sys.stderr, flush=True)


def split_installed(names):
    """Names that can run here, and ``{name: install line}`` of those that cannot."""
    missing = {name: CONTENDERS[name].install for name in names if not CONTENDERS[name].installed}
    return tuple(name for name in names if name not in missing), missing


def _attempt(record, function, *arguments, **keywords):
    """Call ``function``; a contender that breaks is recorded and left out, the others go on."""
    try:
        return function(*arguments, **keywords)
    except ContenderError as error:
        record["failed"] = str(error)
        say(f"  {error}")
        return None


def _one_turn(worker, record, epochs):
    """Train, evaluate and keep what came out."""
    wait_until_quiet(PATIENCE, say)
    turn = worker.ask("train", epochs=epochs)
    turn |= worker.ask("evaluate")
    record["turns"].append(turn)
    return turn


def run(plan, folder, record):
    """Fill ``record["contenders"]`` turn by turn, so that an interruption leaves what is finished.

    A contender's turns are its first epoch, with compilation, then one entry per round.
    """
    records = record["contenders"]
    start = time.monotonic()
    with ExitStack() as stack:
        workers = {}
        for name in plan.names:
            say(f"{plan.job.name}: {name} starts")
            entry = records[name] = {"title": CONTENDERS[name].title, "turns": []}
            worker = _attempt(entry, Worker, name, plan.job, folder)
            if worker is None:
                continue
            workers[name] = stack.enter_context(worker)
            entry |= worker.started
            _attempt(entry, _one_turn, worker, entry, 1)
        for number in range(1, plan.rounds + 1):
            begin = time.monotonic()
            for name, worker in workers.items():
                entry = records[name]
                if "failed" in entry:
                    continue
                turn = _attempt(entry, _one_turn, worker, entry, plan.epochs)
                if turn:
                    seconds = turn["seconds"] / turn["epochs"]
                    say(f"{plan.job.name}: round {number}/{plan.rounds}, {name}: {seconds:.3f} s")
            record["finished_rounds"] = number
            end = time.monotonic()
            if end - start + end - begin > plan.limit and number < plan.rounds:
                say(f"{plan.job.name}: no time for round {number + 1}")
                break
        for name, worker in workers.items():
            if "failed" not in records[name]:
                records[name] |= worker.ask("memory")
