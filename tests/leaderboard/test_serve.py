"""`leaderboard serve` in a process of its own, fetched over loopback; it ends cleanly."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from mammo_synth.errors import BadInput
from mammo_synth.leaderboard import words
from mammo_synth.leaderboard.render import render
from mammo_synth.leaderboard.space_server import ADDRESS, Records, make_server, records_of
from tests.conftest import Command, assert_friendly
from tests.leaderboard.board_factory import Cell, World, write_cells

WORLD = World(patients=10, test_size=10, epochs=1)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serve") / "results"
    write_cells(folder, WORLD, [Cell()])
    return folder


@pytest.fixture(scope="module")
def board(results: Path) -> Path:
    """A rendered board beside its results."""
    return render(results, results.parent / "boards" / "board").files["index.html"].parent


@pytest.fixture()
def page(tmp_path: Path) -> Path:
    folder = tmp_path / "space"
    (folder / ".git").mkdir(parents=True)
    (folder / "tables").mkdir()
    (folder / "index.html").write_text("<!doctype html><title>board</title>", "utf-8")
    (folder / "leaderboard.csv").write_text("a,b\n", "utf-8")
    (folder / ".git" / "config").write_text("secret", "utf-8")
    (tmp_path / "outside.txt").write_text("secret", "utf-8")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    return folder


@contextmanager
def serving(folder: Path, records: Records | None = None) -> Iterator[int]:
    with make_server(folder, records=records) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def fetch(
    port: int, path: str = "/", method: str = "GET", host: str | None = None
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=10)
    try:
        headers = {} if host is None else {"Host": host}
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, names, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


def reach_every_link(port: int, text: str) -> None:
    """All links of a served page, in both languages, lead to a file."""
    links = {link for link in re.findall(r'href="([^"#]+)"', text) if "://" not in link}
    assert {"index.es.html"} < links, links
    assert any(link.endswith("record.json") for link in links)
    assert any(link.endswith(".parquet") for link in links)
    # As a browser at the top does, `urljoin` drops what would lead above it.
    asked = {link: urlsplit(urljoin(f"http://{ADDRESS}/", link)).path for link in links}
    assert [link for link, path in asked.items() if fetch(port, path)[0] != 200] == []
    assert fetch(port, f"{max(asked.values(), key=len)}?x=1")[0] == 200


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("what", ["results", "board", "page"])
def test_the_command_serves_until_it_is_stopped(
    ending: signal.Signals, what: str, results: Path, board: Path, page: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    folder = {"results": results, "board": board, "page": page}[what]
    process = subprocess.Popen(
        [sys.executable, "-m", "mammo_synth", "leaderboard", "serve", str(folder), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "TMPDIR": str(temporary),
            "MAMMO_SYNTH_CACHE": str(tmp_path / "cache"),
        },
        # Whoever runs the tests in the background of a shell has them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith(f"http://{ADDRESS}:"), process.communicate(timeout=20)
        port = int(address.strip("/").rsplit(":", 1)[1])
        status, _, text = fetch(port)
        assert status == 200
        assert ("board" if what == "page" else words.NOTICE) in text
        if what != "page":
            reach_every_link(port, text)
        process.send_signal(ending)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, err
    assert out == ""
    assert "Traceback" not in err
    assert "Stopped." in err
    # A page without its manifest does not tell where its records are.
    assert ("Links to records lead nowhere" in err) == (what == "page")
    assert list(temporary.iterdir()) == [], "the rendered folder is removed"


def test_files_are_given_and_a_browser_is_kept_from_the_network(page: Path) -> None:
    with serving(page) as port:
        status, headers, text = fetch(port)
        assert (status, text) == (200, "<!doctype html><title>board</title>")
        assert headers["content-type"].startswith("text/html")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "http" not in headers["content-security-policy"]
        assert fetch(port, "/leaderboard.csv")[::2] == (200, "a,b\n")
        assert fetch(port, "/?lang=es")[0] == 200
        assert fetch(port, "/", "HEAD")[::2] == (200, "")
        assert fetch(port, "/", host=f"localhost:{port}")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/tables/",
        "/.git/config",
        "/.git/../.git/config",
        "/%2egit/config",
        "/link.txt",
        "/../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
        "//etc/passwd",
        "/nothing",
        "/index.html%00",
        "/" + 300 * "a",
        "/index.html/x",
    ],
)
def test_nothing_else_is_given(page: Path, path: str) -> None:
    with serving(page) as port:
        status, _, text = fetch(port, path)
        assert status in (400, 404)
        assert "secret" not in text


def test_records_alone_are_given_of_a_results_folder(page: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    (results / ".cache").mkdir(parents=True)
    for name in ("record.json", "notes.txt", "key.json", ".cache/record.json"):
        (results / name).write_text(name, "utf-8")
    (results / "deep").mkdir()
    (results / "deep" / "record.json").symlink_to(tmp_path / "outside.txt")
    with serving(page, Records(results)) as port:
        assert fetch(port, "/records/record.json")[::2] == (200, "record.json")
        assert fetch(port, "/index.html")[0] == 200
        for path in ("notes.txt", "key.json", ".cache/record.json", "deep/record.json", "deep", "",
                     "../outside.txt", "index.html", "%2e%2e/results/record.json%00"):  # fmt: skip
            assert fetch(port, f"/records/{path}")[0] == 404, path
        assert fetch(port, "/record.json")[0] == 404
    with serving(page) as port:
        assert fetch(port, "/records/record.json")[0] == 404


@pytest.mark.parametrize(
    ("out", "at"), [("board", "results"), ("a/b/board", "results"), ("results/board", "")]
)
def test_a_rendered_board_has_its_records_where_its_links_lead(
    results: Path, tmp_path: Path, out: str, at: str
) -> None:
    shutil.copytree(results, tmp_path / "results")
    page = render(tmp_path / "results", tmp_path / out).files["index.html"].parent
    records = records_of(page)
    assert records is not None
    assert records.at == at
    with serving(page, records) as port:
        reach_every_link(port, fetch(port)[2])
        for path in ("test-sets/record.json", "record.json", "test-sets/"):
            assert fetch(port, f"/{at}/{path}")[0] == 404


def test_links_that_lead_nowhere_are_said(board: Path, results: Path, tmp_path: Path) -> None:
    alone = tmp_path / "x" / "board"
    shutil.copytree(board, alone)
    with pytest.raises(BadInput, match=r"results', from which the board was made, is not there"):
        records_of(alone)
    away = render(results, tmp_path / "y", records_url="https://example.org/files")
    assert records_of(away.files["index.html"].parent) is None, "they lead to the web"
    manifest = json.loads((alone / "manifest.json").read_text("utf-8"))
    (record,) = results.resolve().glob("*/*/*/*/record.json")
    for path in (None, "record.json", str(record), "//host/share/a/b/c/replicate-0/record.json"):
        inputs = [{"kind": "file", "path": path, "sha256": "0" * 64}] if path else []
        (alone / "manifest.json").write_text(json.dumps(manifest | {"inputs": inputs}), "utf-8")
        with pytest.raises(BadInput, match="names no record"):
            records_of(alone)


def test_other_methods_and_other_names_are_refused(page: Path) -> None:
    with serving(page) as port:
        assert fetch(port, "/", "POST")[0] == 501
        assert fetch(port, "/", "PUT")[0] == 501
        for host in ("evil.example", f"evil.example:{port}", f"{ADDRESS}.evil.example:{port}", ""):
            assert fetch(port, host=host)[0] == 403, host


def test_it_listens_on_this_machine_alone(page: Path) -> None:
    with make_server(page) as server:
        assert server.server_address == (ADDRESS, server.server_port)
        assert server.address == f"http://127.0.0.1:{server.server_port}/"
        assert server.socket.family == socket.AF_INET


def test_a_taken_port_and_a_folder_without_records(
    run: Command, page: Path, tmp_path: Path
) -> None:
    with make_server(page) as server:
        taken = run("leaderboard", "serve", page, "--port", str(server.server_port))
        assert_friendly(taken, f"Port {server.server_port}", "is not to be had")
    assert_friendly(run("leaderboard", "serve", tmp_path / "nothing"), "no results folder")
