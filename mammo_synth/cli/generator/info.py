"""``mammo-synth generator info``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mammo_synth.cli import console

from .options import AsJson

_GROUPS = ("network", "training", "imported")


def info(
    file: Annotated[
        Path, typer.Argument(help="Generator file, the run folder it is in, or imported networks.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show what a file of networks says about itself: label, size, training, films, licence."""
    from mammo_synth.gan.importing import is_networks_file, networks_facts
    from mammo_synth.gan.sample import load_generator

    facts = networks_facts(file) if is_networks_file(file) else load_generator(file).describe()
    if as_json:
        console.print_json(facts)
        return
    facts["patients"] = _patients(facts.get("patients"))
    facts["before"] = "; ".join(
        ", ".join(f"{name} {value}" for name, value in entry.items() if value)
        for entry in facts.get("before", [])
    )
    rows = [[k, v] for k, v in facts.items() if k not in _GROUPS]
    rows += [row for group in _GROUPS for row in _rows(group, facts.get(group, {}))]
    width = max(len(str(name)) for name, _ in rows)
    for name, value in rows:  # not a table: digests must not be cut to the terminal's width
        console.out().print(f"{name:<{width}}  {value}", markup=False)


def _rows(group: str, facts: dict[str, Any]) -> list[list[Any]]:
    return [[f"{group} {k}", v] for k, v in facts.items() if k != "network"]


def _patients(digests: list[str] | None) -> str:
    """Hundreds of digests help nobody who reads."""
    if digests is None:
        return "not known"
    return f"{len(digests)} (--json lists their digests)" if digests else "none"
