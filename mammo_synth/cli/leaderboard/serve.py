"""``mammo-synth leaderboard serve``."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from mammo_synth.cli import console

EPILOG = "Example: mammo-synth leaderboard serve results"


def serve(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|RESULTS", help="A rendered leaderboard or Space folder, or records."
        ),
    ],
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes any free one.")
    ] = 0,
) -> None:
    """Show the page in a browser of this machine, until Ctrl-C.

    Listens on 127.0.0.1 alone and prints the address. A results folder is rendered to a temporary
    folder, which is removed at the end; links to its records and predictions work.
    """
    from mammo_synth.errors import BadInput
    from mammo_synth.leaderboard.space import PAGE
    from mammo_synth.leaderboard.space_server import ADDRESS, make_server

    # A process that ends by SIGTERM would leave the temporary folder behind.
    signal.signal(signal.SIGTERM, _stop)
    with tempfile.TemporaryDirectory(prefix="mammo-synth-") as temporary:
        shown, results = folder, None
        if not (folder / PAGE).is_file():
            shown, results = Path(temporary), folder
            _render(folder, shown)
        try:
            server = make_server(shown, port, results)
        except OSError as error:
            raise BadInput(
                f"Port {port} of {ADDRESS} is not to be had ({error.strerror}).",
                hint="Leave --port out: any free one is taken.",
            ) from error
        with server:
            print(server.address, flush=True)
            console.err().print("Press Ctrl-C to stop.")
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                console.err().print("Stopped.")


def _render(results: Path, out: Path) -> None:
    """The pages of ``results``, with links to its records as the server gives them."""
    from mammo_synth.files import write_bytes
    from mammo_synth.leaderboard import space
    from mammo_synth.leaderboard.render import read_board
    from mammo_synth.leaderboard.space_server import RECORDS
    from mammo_synth.leaderboard.verified import verified_by_user

    board = read_board(results, console.ConsoleProgress(), verified=verified_by_user())
    for name, data in space.files(board, records_at=RECORDS).items():
        write_bytes(out / name, data)


def _stop(*_: Any) -> NoReturn:
    raise KeyboardInterrupt
