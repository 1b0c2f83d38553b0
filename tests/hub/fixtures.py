"""What a test gets: `hub`, a running Hub with its tokens, controls and log.

`hub` is one process for the whole session, reset before each test. The top conftest imports the
fixtures: where several modules did, each would start a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.hub.access import READ_TOKEN, STRANGER_TOKEN, WRITE_TOKEN
from tests.hub.faults import LogLine

ROOT = Path(__file__).parents[2]


class LoopbackHub:
    """A Hub in a process of its own.

    `token` may write for the user "author" and the organisation "clinic", `read_token` may only
    read for the same user, `stranger_token` belongs to the user "stranger".
    """

    owner, organisation, stranger = "author", "clinic", "stranger"
    token, read_token, stranger_token = WRITE_TOKEN, READ_TOKEN, STRANGER_TOKEN

    def __init__(self, folder: Path, xet: bool = False) -> None:
        self.folder, self.xet = folder, xet
        self.endpoint = ""
        self._process: subprocess.Popen[str] | None = None
        self.start()

    # The process

    def start(self) -> None:
        """Start the server, after `kill` on the same port and with what it had stored."""
        port = self.endpoint.rpartition(":")[2] or "0"
        command = [sys.executable, "-m", "tests.hub.server", "--folder", str(self.folder)]
        command += ["--port", port, *(["--xet"] if self.xet else [])]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the Hub did not start, exit code {self._process.wait()}")
        self.endpoint = json.loads(line)["endpoint"]

    def kill(self) -> None:
        """End the server at once. Its folder stays."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    # Using it

    def environment(
        self, home: Path, token: str | None = WRITE_TOKEN, xet: bool = False
    ) -> dict[str, str]:
        """Variables for a client process; the clients read them when they are imported.

        `home` is the folder of caches (HF_HOME). Without a token the client is a visitor.
        """
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
        ours = {
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "127.0.0.1",
            "OMP_NUM_THREADS": "1",
        }
        if token is not None:
            ours["HF_TOKEN"] = token
        if not xet:
            ours["HF_HUB_DISABLE_XET"] = "1"
        return kept | ours

    def run(
        self,
        what: str | Sequence[str],
        home: Path,
        token: str | None = WRITE_TOKEN,
        xet: bool = False,
        cwd: Path | None = None,
        check: bool = True,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run Python as a client: a text is code (`-c`), a list is arguments (`["-m", ...]`).

        With `check`, a client that fails raises AssertionError with what it printed.
        """
        arguments = ["-c", what] if isinstance(what, str) else list(what)
        done = subprocess.run(
            [sys.executable, *arguments],
            env=self.environment(home, token, xet),
            cwd=cwd or ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def api(self, token: str | None = WRITE_TOKEN) -> Any:
        """`HfApi` of this process for this Hub. LFS only; Xet needs `run(..., xet=True)`."""
        from huggingface_hub import HfApi

        return HfApi(endpoint=self.endpoint, token=token or False)

    # Controls

    def fault(self, kind: str, **facts: Any) -> None:
        """Let requests fail: see `tests.hub.faults` for the kinds and their parameters."""
        self._control("POST", "/_faults", {"kind": kind, **facts})

    def faults(self) -> list[dict[str, Any]]:
        """The faults that still wait."""
        return list(self._control("GET", "/_faults"))

    def heal(self) -> None:
        """Remove all faults and let held requests go on."""
        self._control("DELETE", "/_faults")

    def settings(self, **values: Any) -> None:
        """`quota` (bytes one owner may store, None for no limit), `page_size` of listings."""
        self._control("PUT", "/_settings", values)

    def log(self, method: str | None = None, route: str = "") -> list[LogLine]:
        """The requests so far, oldest first; only a method, only paths that contain `route`."""
        lines = [LogLine(**line) for line in self._control("GET", "/_log")]
        return [x for x in lines if method in (None, x.method) and route in x.path]

    def clear_log(self) -> None:
        self._control("DELETE", "/_log")

    def uploaded(self) -> int:
        """Bytes of large files that went over the wire since the log was cleared."""
        return sum(line.received for line in self.log("PUT", "/_objects/"))

    def downloaded(self) -> int:
        """Bytes of file contents that went over the wire since the log was cleared."""
        return sum(line.sent for line in self.log("GET", "/resolve/"))

    def reset(self) -> None:
        """No repositories, no faults, no log, no limits."""
        self._control("POST", "/_reset")

    def _control(self, method: str, path: str, value: Any = None) -> Any:
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(self.endpoint + path, body, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as reply:
            return json.loads(reply.read())


@pytest.fixture(scope="session")
def hub_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    """The Hub of the session, not reset: for fixtures of a wider scope than a test."""
    server = LoopbackHub(tmp_path_factory.mktemp("hub"))
    yield server
    server.kill()


@pytest.fixture
def hub(hub_process: LoopbackHub) -> LoopbackHub:
    """The Hub, empty and sound."""
    hub_process.reset()
    return hub_process
