"""A local look at a page: static files over HTTP, on this machine alone."""

from __future__ import annotations

import functools
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

ADDRESS = "127.0.0.1"
RECORDS = "records"
"""Where the files of a results folder are, as seen from the page."""
_RECORD_FILES = (".json", ".parquet")
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # The page needs no network; a browser then sees to it that it has none.
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline' data: blob:; "
    "frame-ancestors 'none'; form-action 'none'; base-uri 'none'",
}


class Server(ThreadingHTTPServer):
    """Serves the files of one folder to this machine; nothing is listed and nothing is written."""

    daemon_threads = True

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{ADDRESS}:{self.server_port}/"


def make_server(folder: Path, port: int = 0, results: Path | None = None) -> Server:
    """A server of ``folder`` that listens, to be run with ``serve_forever``.

    Args:
        folder: Its index.html is what ``/`` gives.
        port: Port on 127.0.0.1; 0 takes any free one.
        results: A results folder whose records and predictions are given below ``/records/``.

    Raises:
        OSError: The port is taken or not to be had.
    """
    handler = functools.partial(_Handler, folder.resolve(), results and results.resolve())
    return Server((ADDRESS, port), handler)


class _Handler(SimpleHTTPRequestHandler):
    """GET and HEAD of plain files inside the folder; hidden ones and links out are not there."""

    server_version = "mammo-synth"
    sys_version = ""

    def __init__(self, folder: Path, results: Path | None, *args: Any) -> None:
        self._folder, self._results = folder, results
        super().__init__(*args)

    def send_head(self) -> Any:
        self._choose_folder()
        if not self._for_us():
            self.send_error(HTTPStatus.FORBIDDEN, "This server answers its own address alone")
            return None
        if not self._inside():
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def list_directory(self, path: Any) -> None:
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal shows the address."""

    def _for_us(self) -> bool:
        """A page of another site may have its name point here (DNS rebinding)."""
        host = self.headers.get("Host", "")
        port = cast(Server, self.server).server_port
        return host in (f"{ADDRESS}:{port}", f"localhost:{port}")

    def _choose_folder(self) -> None:
        """The page's folder, or that of the results with the rest of the path."""
        below = f"/{RECORDS}/"
        of_results = self._results is not None and self.path.startswith(below)
        self.directory = str(self._results if of_results else self._folder)
        if of_results:
            self.path = self.path[len(below) - 1 :]

    def _inside(self) -> bool:
        root = Path(self.directory)
        path = Path(self.translate_path(self.path))
        try:
            within = path.resolve().is_relative_to(root)
        except (OSError, ValueError):  # a NUL, a loop of links, a name too long
            return False
        if not within or any(part.startswith(".") for part in path.relative_to(root).parts):
            return False
        return root == self._folder or path.suffix in _RECORD_FILES
