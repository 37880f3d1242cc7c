"""A real browser, driven by the DevTools protocol over a websocket."""

import base64
import itertools
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import websocket

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find_browser():
    """The path of a browser that speaks the protocol, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page of a browser without windows; use it in a `with` statement.

    Attributes
    ----------
    problems : list of str
        Exceptions and errors that the page reported.
    requests : list of str
        Addresses that the page asked for.
    """

    def __init__(self, executable):
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            [executable, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--remote-debugging-port=0", "--remote-allow-origins=*",
             f"--user-data-dir={self._folder.name}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.problems, self.requests = [], []
        self._numbers = itertools.count(1)
        try:
            self._socket = websocket.create_connection(self._address(), timeout=60)
        except BaseException:
            self.close()
            raise
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _address(self):
        """The websocket of the first page, once the browser is there."""
        end = time.monotonic() + 60
        while True:
            try:
                port = (Path(self._folder.name) / "DevToolsActivePort").read_text().split()[0]
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
                    pages = [page for page in json.load(answer) if page["type"] == "page"]
                return pages[0]["webSocketDebuggerUrl"]
            except (OSError, IndexError):
                if time.monotonic() > end or self._process.poll() is not None:
                    raise
                time.sleep(0.1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()
        self.close()

    def close(self):
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    def call(self, method, **parameters):
        """Call a method of the protocol and return its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            self._note(message)

    def _note(self, message):
        event = message.get("method")
        if event == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(message["params"]["exceptionDetails"]))
        elif event == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.problems.append(message["params"]["entry"]["text"])
        elif event == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])

    def open(self, address):
        self.call("Page.navigate", url=address)
        while (
            self.evaluate("document.readyState") != "complete"
            or self.evaluate("location.href") != address
        ):
            time.sleep(0.02)

    def evaluate(self, expression):
        """The value of a JavaScript expression."""
        result = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def size(self, width, height, *, phone=False, scale=1):
        self.call("Emulation.setDeviceMetricsOverride",
                  width=width, height=height, deviceScaleFactor=scale, mobile=phone)  # fmt: skip
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone, maxTouchPoints=1)

    def dark(self, dark):
        value = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": value}])  # fmt: skip

    def mouse(self, points):
        """Press the button at the first point, move through the others, release it at the last."""
        kinds = ["mousePressed"] + ["mouseMoved"] * (len(points) - 1)
        for kind, (x, y) in zip(kinds, points, strict=True):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1,
                      clickCount=int(kind == "mousePressed"))  # fmt: skip
        x, y = points[-1]
        self.call(
            "Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, button="left", clickCount=1
        )

    def finger(self, points):
        """The same with a finger."""
        kinds = ["touchStart"] + ["touchMove"] * (len(points) - 1)
        for kind, (x, y) in zip(kinds, points, strict=True):
            self.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y}])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def keys(self, *names, shift=False):
        """Press and release keys, one after the other."""
        for name in names:
            key = {"key": name, "code": "Space" if name == " " else name,
                   "modifiers": 8 if shift else 0}  # fmt: skip
            codes = {" ": 32, "Tab": 9, "Enter": 13, "Escape": 27, "Backspace": 8, "Delete": 46,
                     "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}  # fmt: skip
            key["windowsVirtualKeyCode"] = codes[name]
            self.call(
                "Input.dispatchKeyEvent",
                type="keyDown",
                **({"text": " "} if name == " " else {}),
                **key,
            )
            self.call("Input.dispatchKeyEvent", type="keyUp", **key)

    def screenshot(self, file, *, full=True):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=full)["data"]
        Path(file).write_bytes(base64.b64decode(data))
