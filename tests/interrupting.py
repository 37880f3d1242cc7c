"""Ctrl-C for this process, sent by a thread of its own."""

import os
import signal
import threading
import time

from fastmlp.engine.training_pass import TrainingPass

LONG = 100  # seconds; that a busy machine needs to begin


def interrupt_after(*delays, once=None):
    """Send SIGINT to this process after each delay, at first once an event has come; when they were sent."""
    sent = []

    def send():
        if once is not None and not once.wait(LONG):
            return
        for delay in delays:
            time.sleep(delay)
            sent.append(time.perf_counter())
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    return thread, sent


def second_pass(patch):
    """An event that comes when a fit begins its second pass: an interrupt before the fit would end the test run."""
    train, begun, passes = TrainingPass.run, threading.Event(), []

    def run(*args, **kwargs):
        passes.append(None)
        if len(passes) == 2:
            begun.set()
        return train(*args, **kwargs)

    patch.setattr(TrainingPass, "run", run)
    return begun
