"""A local look at a page: static files over HTTP, on this machine alone."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, unquote

from mammo_synth.bench.results import DEPTH, RECORD_NAME, predictions_name
from mammo_synth.errors import BadInput
from mammo_synth.manifest import read_manifest

ADDRESS = "127.0.0.1"
RECORDS = "records"
"""Where a page that is made to be served has the files of its results folder."""
_RECORD_FILES = (RECORD_NAME, predictions_name("real_test"), predictions_name("test"))
"""What a page links to, and all that is given of a results folder: a board of a stranger may name
any folder of this machine as the one that it was made from."""
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # The page needs no network; a browser then sees to it that it has none.
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline' data: blob:; "
    "frame-ancestors 'none'; form-action 'none'; base-uri 'none'",
}


@dataclass(frozen=True)
class Records:
    """A results folder that a page links to; ``at`` is its path as those links have it, without
    slashes around it, and empty where they begin with a release's folder."""

    folder: Path
    at: str = RECORDS


def records_of(page: Path) -> Records | None:
    """What the links of a rendered board lead to; None where they go to the web, or there are none.

    Args:
        page: A folder that `leaderboard render` or `export --format space` wrote.

    Raises:
        BadInput: It has no valid manifest, or the results folder is no longer where that says.
    """
    manifest = read_manifest(page)
    if manifest.kind != "leaderboard" or manifest.settings.get("records_url"):
        return None
    ways = [Path(entry.path).parents for entry in manifest.inputs[:1]]
    # No board is written with a path from a root. On Windows such a one can name another machine,
    # which would be asked for it, and be told who asks.
    if not ways or len(ways[0]) <= DEPTH or ways[0][0].anchor:
        raise BadInput(f"The manifest of '{page}' names no record.", hint="Render the board again.")
    way = ways[0][DEPTH]
    if not (page / way).is_dir():
        raise BadInput(
            f"The results folder '{page / way}', from which the board was made, is not there.",
            hint="Bring it there, or render the board again.",
        )
    # A browser that is at the top leaves out the steps that would lead above it.
    return Records(page / way, "/".join(part for part in way.parts if part != ".."))


class Server(ThreadingHTTPServer):
    """Serves the files of one folder to this machine; nothing is listed and nothing is written."""

    daemon_threads = True

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{ADDRESS}:{self.server_port}/"


def make_server(folder: Path, port: int = 0, records: Records | None = None) -> Server:
    """A server of ``folder`` that listens, to be run with ``serve_forever``.

    Args:
        folder: Its index.html is what ``/`` gives.
        port: Port on 127.0.0.1; 0 takes any free one.
        records: A results folder whose records and predictions are given too.

    Raises:
        OSError: The port is taken or not to be had.
    """
    handler = functools.partial(_Handler, folder.resolve(), records)
    return Server((ADDRESS, port), handler)


class _Handler(SimpleHTTPRequestHandler):
    """GET and HEAD of plain files inside the folder; hidden ones and links out are not there."""

    server_version = "mammo-synth"
    sys_version = ""

    def __init__(self, folder: Path, records: Records | None, *args: Any) -> None:
        self._folder, self._records = folder, records
        super().__init__(*args)

    def send_head(self) -> Any:
        if not self._for_us():
            self.send_error(HTTPStatus.FORBIDDEN, "This server answers its own address alone")
            return None
        if not (self._of_page() or self._of_results()):
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

    def _of_page(self) -> bool:
        self.directory = str(self._folder)
        return self._inside(self._folder)

    def _of_results(self) -> bool:
        if self._records is None:
            return False
        asked = unquote(self.path.partition("?")[0])
        above = f"/{self._records.at}" if self._records.at else ""
        if not asked.startswith(f"{above}/") or asked.rpartition("/")[2] not in _RECORD_FILES:
            return False
        root = self._records.folder.resolve()
        self.directory, self.path = str(root), quote(asked[len(above) :])
        return self._inside(root)

    def _inside(self, root: Path) -> bool:
        """Whether what is asked for is there, below ``root``, and not hidden."""
        path = Path(self.translate_path(self.path))
        try:
            within = path.exists() and path.resolve().is_relative_to(root)
        except (OSError, ValueError):  # a NUL, a loop of links, a name too long
            return False
        return within and not any(p.startswith(".") for p in path.relative_to(root).parts)
