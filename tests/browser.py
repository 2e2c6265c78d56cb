"""A real browser for the tests: headless Chromium, driven by its DevTools protocol."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time

import httpx
import pytest
from websockets.sync.client import connect

PROGRAM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed (apt-get install chromium)")
START_SECONDS = 60
ANSWER_SECONDS = 60
SETTLED_SECONDS = 0.3
"""What has not moved for so long stays where it is."""


class Browser:
    """One page of a Chromium with a profile of its own, from its start until `end`."""

    def __init__(self, folder, size=(1400, 1000)):
        flags = (
            "--headless=new",
            "--no-sandbox",  # the tests may run as root, and open nothing but our own pages
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--remote-debugging-port=0",
            f"--user-data-dir={folder}",
            "--window-size={},{}".format(*size),
            "about:blank",
        )
        self.process = subprocess.Popen([PROGRAM, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.numbers = itertools.count(1)
        try:
            self.socket = connect(self._page(folder / "DevToolsActivePort"), max_size=None)
        except BaseException:
            self.end()
            raise

    def _page(self, port_file):
        """Return the address of the page, as soon as the browser has told its port."""
        limit = time.monotonic() + START_SECONDS
        while time.monotonic() < limit and self.process.poll() is None:
            if port_file.exists() and (lines := port_file.read_text(encoding="ascii").split()):
                held = httpx.get(f"http://127.0.0.1:{lines[0]}/json/list").json()
                pages = [one["webSocketDebuggerUrl"] for one in held if one["type"] == "page"]
                if pages:
                    return pages[0]
            time.sleep(0.1)
        pytest.fail("Chromium does not start")

    def end(self):
        self.process.terminate()
        self.process.wait(20)

    def ask(self, method, **parameters):
        """Send one command of the DevTools protocol; return its result."""
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv(ANSWER_SECONDS))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def go(self, url):
        self.ask("Page.navigate", url=url)

    def run(self, script):
        """Return what a line of JavaScript gives on the page."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, script, seconds=60):
        """Wait until a line of JavaScript gives something true on the page; return it."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if found := self.run(script):
                return found
            time.sleep(0.2)
        raise AssertionError(f"{script} did not become true; the page shows:\n{self.text()}")

    def text(self):
        return self.run("document.body?.innerText ?? ''")

    def click(self, script):
        """Press the mouse on the element that a line of JavaScript gives, once it is there and stays where it is."""
        where = f"""(() => {{
            const found = {script};
            if (!found) return null;
            found.scrollIntoView({{block: "center"}});
            const box = found.getBoundingClientRect();
            const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
            return found.contains(document.elementFromPoint(x, y)) ? [x, y] : null;
        }})()"""
        before = None
        while (now := self.wait(where)) != before:
            before = now
            time.sleep(SETTLED_SECONDS)
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=now[0], y=now[1], button="left", clickCount=1)

    def write(self, script, text):
        """Type into the field that a line of JavaScript gives, in place of what it holds."""
        self.click(script)
        self.run("document.activeElement.select()")
        self.ask("Input.insertText", text=text)

    def picture(self, path):
        """Keep what the page shows as a PNG file."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))
