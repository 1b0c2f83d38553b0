"""Headless Chromium by its DevTools protocol over a pipe: no driver, no port, no dependency."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

OUTPUT = Path(__file__).parents[2] / "test-output" / "leaderboard"
"""Where screenshots stay for people to look at; git ignores it."""
_PATIENCE = 60.0
_TAB = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
_KEYS = {
    "Tab": _TAB,
    "Enter": {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"},
    " ": {"key": " ", "code": "Space", "windowsVirtualKeyCode": 32, "text": " "},
    "ArrowDown": {"key": "ArrowDown", "code": "ArrowDown", "windowsVirtualKeyCode": 40},
}


def find_browser() -> str:
    """The path of a Chromium; the test skips, saying so, where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("no chromium here: the page was not opened, sorted, filtered or looked at")


class Browser:
    """One browser with one tab. ``errors`` collects what its console says is wrong."""

    def __init__(self, profile: Path) -> None:
        read_in, self._out = os.pipe()
        self._in, write_out = os.pipe()

        def wire() -> None:
            # Above 9 first: each may be the other's 3 or 4.
            ends = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (read_in, write_out)]
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        command = [find_browser(), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        command += ["--disable-background-networking", "--disable-component-update"]
        command += ["--disable-sync", "--hide-scrollbars", "--remote-debugging-pipe"]
        command += [f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            command,
            preexec_fn=wire,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_in)
        os.close(write_out)
        self._buffer = b""
        self._next = 0
        self._events: list[dict[str, Any]] = []
        self.errors: list[str] = []
        targets = self._call("Target.getTargets", session=None)["targetInfos"]
        page = next(one for one in targets if one["type"] == "page")
        attached = self._call(
            "Target.attachToTarget", session=None, targetId=page["targetId"], flatten=True
        )
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """End the browser that was started here."""
        try:
            self._call("Browser.close", session=None)
        except (AssertionError, OSError):
            self._process.kill()
        self._process.wait(20)
        os.close(self._out)
        os.close(self._in)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol to the tab."""
        return self._call(method, session=self._session, **parameters)

    def open(self, page: Path, width: int = 1280, height: int = 900, fragment: str = "") -> None:
        """Load a file and wait until it has loaded."""
        self.size(width, height)
        self._events.clear()
        self.call("Page.navigate", url="about:blank")
        self._wait_for(lambda e: e["method"] == "Page.loadEventFired")
        self._events.clear()
        self.call("Page.navigate", url=page.as_uri() + fragment)
        self._wait_for(lambda e: e["method"] == "Page.loadEventFired")

    def open_details(self) -> None:
        """Open everything that can be opened, and let the page draw it."""
        self.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        self.run("new Promise(done => setTimeout(done, 300))")

    def size(self, width: int, height: int = 900) -> None:
        """The window, in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def scheme(self, name: str) -> None:
        """``light`` or ``dark``."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def script(self, on: bool) -> None:
        """Whether pages may run their script."""
        self.call("Emulation.setScriptExecutionDisabled", value=not on)

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression (awaited where it is a promise)."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str, shift: bool = False) -> None:
        """One key, as the keyboard would send it."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, modifiers=8 if shift else 0, **_KEYS[key]
            )

    def click(self, selector: str) -> None:
        """A click of the mouse in the middle of an element."""
        place = self.run(
            f"""(() => {{ const one = document.querySelector({json.dumps(selector)});
            one.scrollIntoView({{block: "center", behavior: "instant"}});
            const box = one.getBoundingClientRect();
            return [box.x + Math.min(box.width / 2, 40), box.y + box.height / 2]; }})()"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=place[0],
                y=place[1],
                button="left",
                clickCount=1,
            )

    def screenshot(self, name: str, selector: str = "body", most: int = 6000) -> bytes:
        """A PNG of the page across its width, kept under `OUTPUT`: what is as high as the element
        that ``selector`` names, at most ``most`` pixels of it."""
        place = self.run(
            f"""(() => {{ const box = document.querySelector({json.dumps(selector)})
            .getBoundingClientRect(); return [box.y + scrollY, box.height]; }})()"""
        )
        clip = {"x": 0, "y": max(0, place[0] - 90), "scale": 1}
        clip["width"] = self.run("document.documentElement.clientWidth")
        clip["height"] = min(place[1] + min(place[0], 90), most)
        shown = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        return _keep(name, base64.b64decode(shown["data"]))

    def printed(self, name: str) -> bytes:
        """The page as a PDF, kept under `OUTPUT`."""
        shown = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        return _keep(name, base64.b64decode(shown["data"]))

    def names(self) -> list[tuple[str, str]]:
        """Role and accessible name of every control, heading level left out, as a screen reader
        is told them."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        roles = {"button", "link", "combobox", "textbox", "checkbox", "DisclosureTriangle", "Date"}
        return [
            (node["role"]["value"], node.get("name", {}).get("value", "").strip())
            for node in nodes
            if not node["ignored"] and node["role"]["value"] in roles
        ]

    def _call(self, method: str, session: str | None, **parameters: Any) -> dict[str, Any]:
        self._next += 1
        message: dict[str, Any] = {"id": self._next, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._next:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self._take(answer)

    def _wait_for(self, wanted: Callable[[dict[str, Any]], bool]) -> None:
        while not any(wanted(event) for event in self._events):
            self._take(self._read())

    def _take(self, event: dict[str, Any]) -> None:
        if "method" not in event:
            return
        self._events.append(event)
        parameters = event.get("params", {})
        if event["method"] == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(parameters["exceptionDetails"])[:400])
        elif event["method"] == "Runtime.consoleAPICalled":
            if parameters["type"] in ("error", "warning", "assert"):
                self.errors.append(json.dumps(parameters["args"])[:400])
        elif event["method"] == "Log.entryAdded":
            if parameters["entry"]["level"] in ("error", "warning"):
                self.errors.append(parameters["entry"]["text"])
        elif event["method"] == "Network.requestWillBeSent":
            address = parameters["request"]["url"]
            if not address.startswith(("file:", "about:", "data:")):
                self.errors.append(f"the page asked for {address}")

    def _read(self) -> dict[str, Any]:
        end = time.monotonic() + _PATIENCE
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            part = os.read(self._in, 1 << 20)
            assert part, "the browser has ended"
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)


def _keep(name: str, content: bytes) -> bytes:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / name).write_bytes(content)
    return content
