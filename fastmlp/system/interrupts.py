"""Ctrl-C at moments of our choosing.

Python raises KeyboardInterrupt between any two steps of the main thread, and a second one while the first is
dealt with. What must be done as a whole is done with interrupts held: they are raised when it is over.

CPython looks for signals where a function begins, after a call and at a loop's end, not between plain assignments. So
``interrupts.held += 1`` as the first statement of an ``except`` or ``finally`` leaves no moment for a second one.
"""

import os
import signal
import threading

_here = threading.local()  # the main thread's `Interrupts`; other threads get no signals


class Interrupts:
    """Stands between Ctrl-C and the main thread, from `open` until `close`.

    Attributes
    ----------
    held : int
        With more than 0, what the handler of SIGINT raises is kept until the last `hold` ends, or until `close`.
    kept : BaseException or None
    flag : (array, index) or None
        ``array[index]`` is set to 1 when something is kept: code that reads it can end early.
    """

    def __init__(self):
        self.held, self.kept, self.flag = 0, None, None
        self._before = self._outer = None
        self._process = os.getpid()

    def open(self):
        """Take over the handler of SIGINT, if this is the main thread and Python handles the signal."""
        if threading.current_thread() is not threading.main_thread():
            return
        before = signal.getsignal(signal.SIGINT)
        if not callable(before):
            return
        self._outer = getattr(_here, "interrupts", None)
        self._before = before
        try:
            signal.signal(signal.SIGINT, self._handle)
        except ValueError:  # a subinterpreter's main thread
            self._before = None
        else:
            _here.interrupts = self

    def close(self):
        """Give the handler back, and raise what was kept. Call it with interrupts held."""
        if self._before is not None:
            _here.interrupts = self._outer
            if (
                signal.getsignal(signal.SIGINT) == self._handle
            ):  # else somebody else has set another
                signal.signal(signal.SIGINT, self._before)
        self.held = 0
        self.raise_kept()

    def raise_kept(self):
        """Raise what was kept, once nothing holds it."""
        if self.held == 0 and self.kept is not None:
            error, self.kept = self.kept, None
            raise error

    def _handle(self, number, frame):
        if self.held == 0 or self._process != os.getpid():  # a fork has nothing of what is held
            self._before(number, frame)
            return
        try:
            self._before(number, frame)
        except BaseException as error:
            self.kept = error
            if self.flag is not None:
                array, index = self.flag
                array[index] = 1


class hold:
    """``with hold() as interrupts:`` holds interrupts, if a fit has opened an `Interrupts` in this thread.

    Parameters
    ----------
    flag : (array, index), optional
        See `Interrupts`.
    """

    def __init__(self, flag=None):
        self._interrupts = getattr(_here, "interrupts", None) or Interrupts()
        self._flag, self._flag_before = flag, self._interrupts.flag

    def __enter__(self):
        self._interrupts.held += 1
        self._interrupts.flag = self._flag or self._flag_before
        return self._interrupts

    def __exit__(self, *_):
        self._interrupts.flag = self._flag_before
        if self._flag is not None:
            array, index = self._flag
            array[index] = 0
        self._interrupts.held -= 1
        self._interrupts.raise_kept()
