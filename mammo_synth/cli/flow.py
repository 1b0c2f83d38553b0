"""Commands without a noun: the whole flow, its configurations, the walk through its manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console
from mammo_synth.configurations import CELLS, STUDY_SIZE, check_size, stored_images, table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module on the root command."""
    app.command(epilog="Example: mammo-synth demo --out demo")(demo)
    app.command(epilog="Example: mammo-synth configs --size 2000")(configs)
    app.command(epilog="Example: mammo-synth verify mammo-synth")(verify)


def demo(
    out: Annotated[Path, typer.Option(help="Folder of everything the demo makes.")] = Path("demo"),
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of films, generators and classifiers.")] = 0,
    shipped: Annotated[
        bool,
        typer.Option(
            "--shipped", help="Take the generators that come with mammo-synth; train none."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
) -> None:
    """The whole flow, small, on simulated films: films, generators, nine data sets, leaderboard.

    About five minutes on two CPU cores, two with --shipped. Interrupt it at any time; run it again
    and it goes on.
    """
    from mammo_synth.cli.demo import DemoSettings, run_demo

    settings = DemoSettings.with_shipped_generators(seed) if shipped else DemoSettings(seed=seed)
    run_demo(out, settings, device, dry_run=dry_run)


def configs(
    size: Annotated[int, typer.Option(help="Images per configuration, train + test.")] = STUDY_SIZE,
    as_json: AsJson = False,
) -> None:
    """The nine configurations and their counts, at the study's size or any other."""
    check_size(size)
    rows = list(table(size))
    stored = stored_images(size)
    if as_json:
        console.print_json({"size": size, "stored_images": stored, "configurations": rows})
        return
    console.out().print(f"Nine configurations of {size} images (train + test)")
    console.out().print("cells: synthetic + real; a name is cancer-normal-synthetic, in percent\n")
    heads = ["train cancer", "train normal", "test cancer", "test normal"]
    pairs = [(CELLS[i].name, CELLS[i + 1].name) for i in range(0, len(CELLS), 2)]
    console.print_table(
        "",
        ["configuration", *heads],
        [
            [row["configuration"], *(f"{row[syn]} + {row[real]}" for syn, real in pairs)]
            for row in rows
        ],
    )
    console.out().print(
        f"They share one pool: {stored} images are stored, where nine copies would be {9 * size}."
    )


def verify(
    folder: Annotated[Path, typer.Argument(help="Any folder that mammo-synth made.")],
    as_json: AsJson = False,
) -> None:
    """Walk from a folder back to its films: every file against its manifest, every manifest
    against the one it was made from."""
    from mammo_synth.manifest import verify_chain

    links = verify_chain(folder)
    problems = [problem for link in links for problem in link.problems]
    if as_json:
        console.print_json(
            {"problems": problems, "links": [{**vars(x), "path": str(x.path)} for x in links]}
        )
    else:
        for link in links:
            state = "not here" if not link.found else "CHANGED" if link.problems else "sound"
            console.out().print(
                f"{'  ' * link.depth}{link.kind:14} {state:9} {link.sha256[:16]}  {link.path}",
                markup=False,
            )
        for problem in problems:
            console.out().print(f"Problem: {problem}", markup=False)
    if problems:
        raise typer.Exit(1)
