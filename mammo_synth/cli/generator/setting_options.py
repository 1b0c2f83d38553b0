"""Options of a command that come from the training settings: one for each explained field."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import typer
from typer.core import TyperCommand

from mammo_synth.gan.settings import NetworkSettings, TrainSettings, describe

if TYPE_CHECKING:
    from mammo_synth.gan.measures import Measure

BESIDE: dict[str, dict[str, tuple[type, str]]] = {
    "measure": {
        "measure_weights": (
            str,
            "File of the weights of the measure's extractor, where it needs one (hf: folder).",
        ),
        "measure_cache": (Path, "Folder that keeps the films' features for other runs."),
    }
}
"""Options that stand beside that of a field: type and help. They are no settings: what counts of
them, the sha256 of the weights, stands in the run."""
GIVEN = {kind: [f.name for f in describe(kind)] for kind in (TrainSettings, NetworkSettings)}


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command(..., **settings)`` an option for every explained field of the settings, and
    those of `BESIDE`; what the user leaves out arrives as ``None``."""
    parameters = inspect.signature(command, eval_str=True).parameters.values()
    known = [p for p in parameters if p.kind is not p.VAR_KEYWORD]
    for kind in (TrainSettings, NetworkSettings):
        hints = get_type_hints(kind)
        for field in describe(kind):
            text, group = field.metadata["text"], field.metadata["group"]
            plain = next(t for t in (*get_args(hints[field.name]), hints[field.name]) if t)
            known.append(_parameter(field.name, plain, text, group))
            beside = BESIDE.get(field.name, {}).items()
            known += [_parameter(name, kind, text, group) for name, (kind, text) in beside]
    described: Any = command
    described.__signature__ = inspect.Signature(known)
    described.__annotations__ = {p.name: p.annotation for p in known}
    return command


def _parameter(name: str, kind: Any, text: str, group: str) -> inspect.Parameter:
    option = typer.Option(help=text, rich_help_panel=group)
    annotation = Annotated[kind | None, option]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def split(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options that were given: fields of the run, and of its networks."""
    said = {name: value for name, value in given.items() if value is not None}
    run, network = (
        {name: said[name] for name in GIVEN[kind] if name in said}
        for kind in (TrainSettings, NetworkSettings)
    )
    return run, network


def make_measure(
    given: dict[str, Any], settings: TrainSettings, films: int, device: Any, *, trial: bool
) -> Measure | None:
    """What will judge the images of a run, from its options; ``trial``: try it on one image.

    Raises:
        BadInput: It cannot be had, or ``films`` are too few for it.
    """
    import numpy as np

    from mammo_synth.gan.judge import check_films
    from mammo_synth.gan.measures.choice import Choice

    weights, cache = given.get("measure_weights"), given.get("measure_cache")
    measure = Choice(settings.measure, weights, cache).make(str(device))
    if measure is not None:
        check_films(measure, films)
        if trial:
            measure.features(np.zeros((1, *[settings.network.resolution] * 2), np.uint8))
    return measure


def shown(fact: Any) -> Any:
    """A fact of a measure as a table shows it."""
    if isinstance(fact, dict):
        return ", ".join(f"{name} {value}" for name, value in fact.items())
    return fact


class GroupedCommand(TyperCommand):
    """A command whose help lists its options under the headings of their panels."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, grouped."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
            heading = getattr(parameter, "rich_help_panel", None) or usual
            groups.setdefault(heading, []).append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records)
