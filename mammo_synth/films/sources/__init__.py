"""The sources of films: each knows one layout, its labels, its licence and its citation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

from mammo_synth.errors import BadInput, did_you_mean
from mammo_synth.films.record import Source

_CLASSES = {
    "phantom": "PhantomSource",
    "mini_ddsm": "MiniDdsmSource",
    "ddsm": "DdsmSource",
    "cbis_ddsm": "CbisDdsmSource",
    "mias": "MiasSource",
    "inbreast": "InbreastSource",
    "cdd_cesm": "CddCesmSource",
    "vindr_mammo": "VindrMammoSource",
    "rsna": "RsnaSource",
    "folder": "FolderSource",
}
SOURCES = tuple(_CLASSES)
"""Names as the command line takes them."""


def open_source(
    name: str, folder: Path | None, options: Mapping[str, Any], protocol: str = "strict"
) -> Source:
    """The source called ``name`` on ``folder``.

    Args:
        name: One of `SOURCES`.
        folder: Where its films are; None for phantoms, which are simulated.
        options: Fields of the source that the user gave a value (None: not given).
        protocol: For sources whose findings depend on it.

    Raises:
        BadInput: An unknown source, an option that it does not have, a folder missing or one too
            many.
    """
    if name not in _CLASSES:
        raise BadInput(f"There is no source '{name}'.", hint=did_you_mean(name, SOURCES))
    if name == "phantom" and folder is not None:
        raise BadInput(
            f"Source phantom is simulated and takes no folder; '{folder}' was given.",
            hint="Leave the path out, or choose another source.",
        )
    if name != "phantom" and folder is None:
        raise BadInput(
            f"Source {name} needs the folder of the films.",
            hint=f"For example: mammo-synth films inspect {name} PATH",
        )
    kind = getattr(import_module(f"{__name__}.{name}"), _CLASSES[name])
    known = {f.name for f in fields(kind)}
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if option not in known:
            raise BadInput(
                f"Source {name} has no option --{option.replace('_', '-')}.",
                hint="Leave it out, or see `mammo-synth films inspect --help`.",
            )
    if folder is not None:
        given["folder"] = folder
    if "protocol" in known:
        given["protocol"] = protocol
    source: Source = kind(**given)
    return source
