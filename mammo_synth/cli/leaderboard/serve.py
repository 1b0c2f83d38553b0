"""``mammo-synth leaderboard serve``."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from mammo_synth.cli import console

if TYPE_CHECKING:
    from mammo_synth.leaderboard.space_server import Records

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
    folder, which is removed at the end. Links to records and predictions work, of a rendered board
    too while the results folder that it was made from is where it was.
    """
    from mammo_synth.errors import BadInput
    from mammo_synth.leaderboard.space import PAGE
    from mammo_synth.leaderboard.space_server import ADDRESS, Records, make_server

    # A process that ends by SIGTERM would leave the temporary folder behind.
    signal.signal(signal.SIGTERM, _stop)
    with tempfile.TemporaryDirectory(prefix="mammo-synth-") as temporary:
        if (folder / PAGE).is_file():
            shown, records = folder, _records_of(folder)
        else:
            shown, records = Path(temporary), Records(folder)
            _render(folder, shown)
        try:
            server = make_server(shown, port, records)
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


def _records_of(page: Path) -> Records | None:
    from mammo_synth.errors import BadInput
    from mammo_synth.leaderboard.space_server import records_of

    try:
        return records_of(page)
    except BadInput as error:
        console.err().print(f"Links to records lead nowhere. {error.message}", markup=False)
        return None


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
