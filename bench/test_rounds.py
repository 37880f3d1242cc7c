"""Rounds of contenders, without any contender."""

import pytest
import rounds
from jobs import Job


class Nobody:
    """Trains nothing."""

    def __init__(self, name, job, folder):
        self.started = {"startup_seconds": 0.0, "versions": {}}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def ask(self, command, epochs=1):
        return {"epochs": epochs, "seconds": 1.0} if command == "train" else {}


@pytest.mark.parametrize(("limit", "finished"), [(float("inf"), 4), (0, 1)])
def test_no_round_is_begun_that_has_no_time_left(monkeypatch, limit, finished):
    monkeypatch.setattr(rounds, "Worker", Nobody)
    monkeypatch.setattr(rounds, "wait_until_quiet", lambda *_: None)
    record = {"contenders": {}}
    plan = rounds.Plan(Job(), ("fastmlp", "sgemm"), rounds=4, epochs=2, limit=limit)
    rounds.run(plan, None, record)
    assert record["finished_rounds"] == finished
    for entry in record["contenders"].values():
        assert [turn["epochs"] for turn in entry["turns"]] == [1] + finished * [2]
