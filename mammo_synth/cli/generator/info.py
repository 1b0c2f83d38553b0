"""``mammo-synth generator info``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mammo_synth.cli import console

from .options import AsJson


def info(
    file: Annotated[Path, typer.Argument(help="Generator file, or the run folder it is in.")],
    as_json: AsJson = False,
) -> None:
    """Show what a generator file says about itself: label, size, training, films, licence."""
    from mammo_synth.gan.sample import load_generator

    facts = load_generator(file).describe()
    if as_json:
        console.print_json(facts)
        return
    rows = [[k, v] for k, v in facts.items() if not isinstance(v, dict)]
    rows += [[f"network {k}", v] for k, v in facts["network"].items()]
    rows += [[f"training {k}", v] for k, v in facts["training"].items() if k != "network"]
    width = max(len(str(name)) for name, _ in rows)
    for name, value in rows:  # not a table: digests must not be cut to the terminal's width
        console.out().print(f"{name:<{width}}  {value}", markup=False)
