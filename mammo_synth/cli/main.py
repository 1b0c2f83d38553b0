"""The command ``mammo-synth``: nouns and verbs, errors as one friendly line, exit codes.

Exit codes: 0 done, 1 a check failed, 2 bad input, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated, Any

import typer

from mammo_synth import __version__
from mammo_synth.cli import bench, console, films, flow, generator, leaderboard, pool, release
from mammo_synth.errors import MammoSynthError

app = typer.Typer(
    name="mammo-synth",
    help=(
        "Synthetic mammograms from StyleGAN2-ADA: prepare films, train generators, build nine "
        "versioned data sets, benchmark classifiers, rank them.\n\n" + console.NOTICE
    ),
    epilog="Start with `mammo-synth demo`: the whole flow, small, on simulated films.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(films.app, name="films")
app.add_typer(generator.app, name="generator")
app.add_typer(pool.app, name="pool")
app.add_typer(release.app, name="release")
app.add_typer(bench.app, name="bench")
app.add_typer(leaderboard.app, name="leaderboard")
flow.add_to(app)


INTERRUPTED = 130


def _show_version(value: bool) -> None:
    if value:
        print(f"mammo-synth {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Options that stand before a noun."""


# Typer carries its own copy of click in newer versions and uses the installed one in older
# ones; the base class of usage errors is the one thing needed, and BadParameter has it in both.
_USAGE_ERROR: Any = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)


def _from_system(error: OSError) -> MammoSynthError:
    """What the operating system refused, in words: a path below a file, a full disk, no rights."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "Free some space, then run the same command again: it goes on."
    else:
        hint = "Check the path and its permissions, or choose another --out."
    where = f"'{error.filename}': " if error.filename else ""
    return MammoSynthError(f"{where}{error.strerror or error}.", hint=hint)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: run a command and end with its exit code.

    Args:
        arguments: Command line without the program's name; None reads ``sys.argv``.
    """
    # Asked for by torch at its first large tensor: getting memory in pages of 4 kB takes longer
    # than many an operation on it.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    try:
        code = app(arguments, standalone_mode=False)
    except MammoSynthError as error:
        console.print_error(error)
        sys.exit(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except _USAGE_ERROR as error:
        error.show()
        sys.exit(2)
    except BrokenPipeError:
        # `mammo-synth configs | head` closes our stdout early; that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        console.print_error(_from_system(error))
        sys.exit(2)
    if code == INTERRUPTED:  # newer Typer turns Ctrl-C into this code, older ones into Abort
        console.err().print(
            "Interrupted. What was finished is kept; run the same command again to go on."
        )
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
