"""What comes in and what goes out: `Request`, `Answer`, and `Refusal` for every error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True)
class Body:
    """The body of a request, already received: a file at its start, its size and sha256."""

    file: IO[bytes]
    size: int
    sha256: str


@dataclass(frozen=True)
class Request:
    """One request. `base` is the address that the client used, as `http://127.0.0.1:PORT`."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Body
    base: str

    def raw(self) -> bytes:
        """The body in memory."""
        self.body.file.seek(0)
        return self.body.file.read()

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; an empty body is an empty object."""
        try:
            value = json.loads(self.raw() or b"{}")
        except ValueError as error:
            raise Refusal(400, f"Invalid JSON: {error}") from error
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise Refusal(400, "Invalid JSON: expected an object")
        return value

    def lines(self) -> list[dict[str, Any]]:
        """The body as JSON objects, one a line (application/x-ndjson)."""
        try:
            return [json.loads(line) for line in self.raw().splitlines() if line.strip()]
        except ValueError as error:
            raise Refusal(400, f"Invalid JSON line: {error}") from error

    def flag(self, name: str) -> bool:
        """A yes-or-no parameter of the address: `?name=1` or `?name=true`."""
        return self.query.get(name, "").lower() in ("1", "true")


@dataclass(frozen=True)
class Answer:
    """Status, headers, and either `content` in memory or a `file` to send (ranges allowed)."""

    status: int = 200
    content: bytes = b""
    file: Path | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in JSON."""
    content = json.dumps(value).encode()
    return Answer(status, content, headers={"Content-Type": "application/json", **(headers or {})})


class Refusal(Exception):
    """An error as the Hub says it: status, `{"error": message}`, X-Error-Message, X-Error-Code.

    The clients choose their exception by the code (RepoNotFound, RevisionNotFound, EntryNotFound,
    GatedRepo), so it is part of the contract.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code
        self.headers, self.details = dict(headers or {}), dict(details or {})

    def answer(self) -> Answer:
        """The answer that carries this error."""
        headers = {"X-Error-Message": self.message.replace("\n", " "), **self.headers}
        if self.code:
            headers["X-Error-Code"] = self.code
        return answer({"error": self.message, **self.details}, self.status, headers)
