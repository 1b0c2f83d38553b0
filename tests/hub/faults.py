"""Failing on request, and the log of what was asked.

A fault is posted to `/_faults` and waits for requests whose method and path match. Kinds:

- `status`: answer with `status` instead of doing the work (500, 503, 412, 429, ...);
- `drop`: cut the connection after `bytes` of the request's body, or, for a request without a
  body, after `bytes` of the answer's body;
- `refuse`: cut the connection at once;
- `mute`: do the work, then cut the connection, so that the client never hears of it;
- `hold`: wait until the faults are cleared, `seconds` at most, then do the work, unless the client
  has left meanwhile: so a test can kill a client at a known point.

`after` lets that many matching requests through first. `times` is how often it strikes; null is
until it is cleared. A cut is an orderly end of the connection, or with `reset` a reset. The
clients treat the two differently: a download goes on after the first and fails at the second.
"""

from __future__ import annotations

import re
import threading
from dataclasses import asdict, dataclass
from typing import Any

from tests.hub.messages import Refusal

KINDS = ("status", "drop", "refuse", "mute", "hold")
MESSAGES = {
    412: "A commit has happened since. Please refresh and try again.",
    429: "Too Many Requests",
    500: "Internal Error - We're working hard to fix this as soon as possible!",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


@dataclass
class Fault:
    """One fault that waits; see the module for the words."""

    kind: str
    method: str | None = None
    route: str = ""
    status: int = 500
    bytes: int = 0
    seconds: float = 60.0
    after: int = 0
    times: int | None = 1
    reset: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise Refusal(400, f"unknown kind of fault {self.kind!r}, expected one of {KINDS}")

    def matches(self, method: str, path: str) -> bool:
        return self.method in (None, method) and re.search(self.route, path) is not None

    def refusal(self) -> Refusal:
        return Refusal(self.status, MESSAGES.get(self.status, "Injected fault"))


class Faults:
    """The faults that wait, oldest first. Used by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []
        self._cleared = threading.Event()

    def add(self, facts: dict[str, Any]) -> None:
        try:
            fault = Fault(**facts)
        except TypeError as error:
            raise Refusal(400, f"not a fault: {error}") from error
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Remove all faults and let held requests go on."""
        with self._lock:
            self._waiting = []
            self._cleared.set()
            self._cleared = threading.Event()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this request, counted; None when the request is spared."""
        with self._lock:
            for fault in self._waiting:
                if not fault.matches(method, path):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._waiting.remove(fault)
                return fault
        return None

    def hold(self, seconds: float) -> None:
        """Wait until the faults are cleared."""
        self._cleared.wait(seconds)

    def facts(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._waiting]


@dataclass
class LogLine:
    """One request: bytes of the bodies as they really went over the wire.

    `status` is None while the request runs and 0 when the connection was cut.
    """

    number: int
    method: str
    path: str
    query: str
    account: str | None
    range: str | None
    status: int | None = None
    received: int = 0
    sent: int = 0


class Log:
    """All requests in the order of their arrival. Used by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[LogLine] = []
        self._count = 0

    def open(
        self, method: str, path: str, query: str, account: str | None, range: str | None
    ) -> LogLine:
        with self._lock:
            self._count += 1
            line = LogLine(self._count, method, path, query, account, range)
            self._lines.append(line)
        return line

    def clear(self) -> None:
        with self._lock:
            self._lines = []

    def facts(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(line) for line in self._lines]
