"""The process: a table of routes and the HTTP around it.

Start it with `python -m tests.hub.server --folder PATH`. It prints its address on one line and
ends when its standard input closes, so it never outlives the tests that started it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import re
import socket
import struct
import sys
import tempfile
import threading
import traceback
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

from tests.hub import card, content, repositories, transfer
from tests.hub.access import ACCOUNTS, Hub, Settings, bearer, not_found
from tests.hub.faults import Fault, LogLine
from tests.hub.messages import Answer, Body, Refusal, Request, answer
from tests.hub.store import Store

Handler = Callable[..., Answer]
CHUNK = 64 * 1024


# Controls: only for tests, neither logged nor struck by faults


def add_fault(hub: Hub, request: Request) -> Answer:
    hub.faults.add(request.json())
    return answer({})


def clear_faults(hub: Hub, request: Request) -> Answer:
    hub.faults.clear()
    return answer({})


def clear_log(hub: Hub, request: Request) -> Answer:
    hub.log.clear()
    return answer({})


def change_settings(hub: Hub, request: Request) -> Answer:
    for name, value in request.json().items():
        if not hasattr(hub.settings, name):
            raise Refusal(400, f"unknown setting {name!r}")
        setattr(hub.settings, name, value)
    return answer({})


def reset(hub: Hub, request: Request) -> Answer:
    """Back to the start: no repositories, no faults, no log, no limits."""
    hub.faults.clear()
    hub.store.clear()
    hub.settings = Settings()
    hub.log.clear()
    return answer({})


# Routes. {revision} is one part of the address, or refs/pr/N written out; {path} is the rest.

REPO = "/api/{kind}/{owner}/{name}"
ROUTES: list[tuple[str, str, Handler]] = [
    # Control
    ("GET", "/_faults", lambda hub, request: answer(hub.faults.facts())),
    ("POST", "/_faults", add_fault),
    ("DELETE", "/_faults", clear_faults),
    ("GET", "/_log", lambda hub, request: answer(hub.log.facts())),
    ("DELETE", "/_log", clear_log),
    ("PUT", "/_settings", change_settings),
    ("POST", "/_reset", reset),
    # Account, repositories
    ("GET", "/api/whoami-v2", repositories.whoami),
    ("POST", "/api/validate-yaml", card.validate),
    ("POST", "/api/repos/create", repositories.create),
    ("DELETE", "/api/repos/delete", repositories.delete),
    ("PUT", f"{REPO}/settings", repositories.settings),
    ("GET", f"{REPO}/auth-check", repositories.check_access),
    ("POST", f"{REPO}/user-access-request/grant", repositories.grant),
    ("GET", f"{REPO}/revision/{{revision}}", repositories.facts),
    ("GET", f"{REPO}/refs", repositories.references),
    ("POST", f"{REPO}/branch/{{revision}}", repositories.create_branch),
    ("DELETE", f"{REPO}/branch/{{revision}}", repositories.delete_branch),
    ("POST", f"{REPO}/tag/{{revision}}", repositories.create_tag),
    ("DELETE", f"{REPO}/tag/{{revision}}", repositories.delete_tag),
    ("GET", f"{REPO}/discussions", repositories.discussions),
    ("POST", f"{REPO}/discussions", repositories.open_discussion),
    ("GET", f"{REPO}/discussions/{{number}}", repositories.discussion),
    ("POST", f"{REPO}/discussions/{{number}}/status", repositories.change_status),
    ("POST", f"{REPO}/discussions/{{number}}/merge", repositories.merge),
    # Files
    ("POST", f"{REPO}/preupload/{{revision}}", content.preupload),
    ("POST", f"{REPO}/commit/{{revision}}", content.commit),
    ("GET", f"{REPO}/commits/{{revision}}", content.history),
    ("GET", f"{REPO}/tree/{{revision}}", content.tree),
    ("GET", f"{REPO}/tree/{{revision}}/{{path}}", content.tree),
    ("POST", f"{REPO}/paths-info/{{revision}}", content.paths_info),
    ("GET", "/{kind}/{owner}/{name}/resolve/{revision}/{path}", content.resolve),
    ("GET", "/{owner}/{name}/resolve/{revision}/{path}", content.resolve),
    # Large files
    ("POST", "/{kind}/{owner}/{name}.git/info/lfs/objects/batch", transfer.batch),
    ("POST", "/{owner}/{name}.git/info/lfs/objects/batch", transfer.batch),
    ("PUT", "/_objects/{kind}/{owner}/{name}/{oid}", transfer.upload),
    ("POST", "/_objects/{kind}/{owner}/{name}/{oid}/verify", transfer.verify),
    ("GET", f"{REPO}/xet-write-token/{{revision}}", transfer.write_token),
    ("GET", f"{REPO}/xet-read-token/{{revision}}", transfer.read_token),
    # Last, because the name of a repository could be anything
    ("GET", REPO, repositories.facts),
]
CONTROL = ("/_faults", "/_log", "/_settings", "/_reset")
PARTS = {
    "kind": "models|datasets|spaces",
    "revision": "refs/(?:pr|convert)/[^/]+|[^/]+",
    "path": ".+",
}


def _pattern(route: str) -> re.Pattern[str]:
    """`{name}` in a route matches one part of the address, unless PARTS says otherwise."""
    parts = re.compile(r"\{(\w+)\}")
    text = route.replace(".", r"\.")
    text = parts.sub(lambda part: f"(?P<{part[1]}>{PARTS.get(part[1], '[^/]+?')})", text)
    return re.compile(f"^{text}/?$")


TABLE = [(method, _pattern(route), handler) for method, route, handler in ROUTES]


def handle(hub: Hub, request: Request) -> Answer:
    """The answer of the first route that fits. A HEAD request takes the GET routes."""
    method = "GET" if request.method == "HEAD" else request.method
    for wanted, pattern, handler in TABLE:
        match = pattern.match(request.path) if wanted == method else None
        if match:
            parts = {name: urllib.parse.unquote(part) for name, part in match.groupdict().items()}
            return handler(hub, request, **parts)
    if re.match("/api/(models|datasets|spaces)/", request.path):
        raise not_found(request)
    raise Refusal(404, f"Sorry, we can't find the page you are looking for: {request.path}")


class CutError(Exception):
    """The connection is to be cut, as a fault demands."""


class Connection(BaseHTTPRequestHandler):
    """One connection; a thread each, kept alive between requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise head and body of an answer wait for each other
    wbufsize = -1
    hub: Hub
    lock: threading.RLock

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr: `/_log` has it all."""

    def do_any(self) -> None:
        address = urllib.parse.urlsplit(self.path)
        if address.path in CONTROL:
            line, fault = LogLine(0, self.command, address.path, "", None, None), None
        else:
            line = self._open_line(address.path, address.query)
            fault = self.hub.faults.take(self.command, address.path)
        try:
            self._serve(address, line, fault)
        except CutError:
            line.status = 0
            self._cut(reset=fault is not None and fault.reset)
        except (BrokenPipeError, ConnectionResetError):
            line.status = 0
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_any  # noqa: N815, http.server's names

    def _serve(self, address: urllib.parse.SplitResult, line: LogLine, fault: Fault | None) -> None:
        has_body = "Content-Length" in self.headers or "Transfer-Encoding" in self.headers
        cut_body = fault.bytes if fault and fault.kind == "drop" and has_body else None
        cut_answer = fault.bytes if fault and fault.kind == "drop" and not has_body else None
        if fault and fault.kind == "refuse":
            raise CutError
        with tempfile.SpooledTemporaryFile(1024 * 1024) as file:
            request = self._receive(address, file, line, cut_body)
            if fault and fault.kind == "hold":
                self.hub.faults.hold(fault.seconds)
                if self._client_left():
                    raise CutError
            reply = self._answer(request, fault)
        if fault and fault.kind == "mute":
            raise CutError
        self._send(reply, line, cut_answer)

    def _client_left(self) -> bool:
        """Whether the other end is closed; nothing is read."""
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def _answer(self, request: Request, fault: Fault | None) -> Answer:
        try:
            if fault and fault.kind == "status":
                raise fault.refusal()
            with self.lock:
                return handle(self.hub, request)
        except Refusal as refusal:
            return refusal.answer()
        except Exception:
            # A mistake in this server: the test that met it should read why.
            text = traceback.format_exc()
            sys.stderr.write(text)
            return answer({"error": text}, 500)

    # Receiving

    def _open_line(self, path: str, query: str) -> LogLine:
        known = ACCOUNTS.get(bearer(self.headers.get("Authorization", "")))
        name = known.name if known is not None else None
        return self.hub.log.open(self.command, path, query, name, self.headers.get("Range"))

    def _receive(
        self,
        address: urllib.parse.SplitResult,
        file: IO[bytes],
        line: LogLine,
        cut: int | None,
    ) -> Request:
        """Read the body to a file, and cut the connection after `cut` bytes of it."""
        digest = hashlib.sha256()
        for chunk in self._chunks():
            file.write(chunk)
            digest.update(chunk)
            line.received += len(chunk)
            if cut is not None and line.received >= cut:
                raise CutError
        if cut is not None:
            raise CutError
        file.seek(0)
        return Request(
            self.command,
            address.path,
            dict(urllib.parse.parse_qsl(address.query)),
            {name.title(): value for name, value in self.headers.items()},
            Body(file, line.received, digest.hexdigest()),
            f"http://{self.headers['Host']}",
        )

    def _chunks(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            chunk = self.rfile.read(min(left, CHUNK))
            if not chunk:
                raise ConnectionResetError("the client went away")
            left -= len(chunk)
            yield chunk

    # Sending

    def _send(self, reply: Answer, line: LogLine, cut: int | None) -> None:
        size = reply.file.stat().st_size if reply.file is not None else len(reply.content)
        try:
            start, stop, status = self._range(reply, size)
        except Refusal as refusal:
            reply, status = refusal.answer(), refusal.status
            start, stop = 0, len(reply.content)
        headers = {"Content-Length": str(stop - start), **reply.headers}
        if reply.file is not None:
            headers["Accept-Ranges"] = "bytes"
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        line.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send_content(reply, start, stop, line, cut)
        self.wfile.flush()

    def _range(self, reply: Answer, size: int) -> tuple[int, int, int]:
        """First byte, end and status of an answer: all of it, or the range that was asked."""
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if reply.file is None or match is None or not any(match.groups()):
            return 0, size, reply.status
        if not match[1]:
            start, stop = max(0, size - int(match[2])), size
        else:
            start = int(match[1])
            stop = min(size, int(match[2]) + 1) if match[2] else size
        if start >= stop:
            raise Refusal(
                416, "Range Not Satisfiable", headers={"Content-Range": f"bytes */{size}"}
            )
        return start, stop, 206

    def _send_content(
        self, reply: Answer, start: int, stop: int, line: LogLine, cut: int | None
    ) -> None:
        end = stop if cut is None else min(stop, start + cut)
        if reply.file is None:
            self.wfile.write(reply.content[start:end])
            line.sent += max(0, end - start)
        else:
            with reply.file.open("rb") as stream:
                stream.seek(start)
                while start < end and (chunk := stream.read(min(CHUNK, end - start))):
                    self.wfile.write(chunk)
                    start += len(chunk)
                    line.sent += len(chunk)
        if cut is not None:
            self.wfile.flush()
            raise CutError

    def _cut(self, reset: bool) -> None:
        """End the connection without (the rest of) an answer, as a broken line does."""
        self.close_connection = True
        if reset:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        else:
            with contextlib.suppress(OSError):  # the client has left
                self.connection.shutdown(socket.SHUT_WR)
        self.connection.close()


class Server(ThreadingHTTPServer):
    """All connections of the process."""

    daemon_threads = True
    request_queue_size = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where everything is stored")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--xet", action="store_true", help="offer Xet, stored in the folder")
    options = parser.parse_args()
    folder = options.folder.resolve()
    cas = f"local://{folder / 'xet'}" if options.xet else None
    Connection.hub, Connection.lock = Hub(Store(folder), cas), threading.RLock()
    server = Server(("127.0.0.1", options.port), Connection)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(json.dumps({"endpoint": f"http://127.0.0.1:{server.server_port}"}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
