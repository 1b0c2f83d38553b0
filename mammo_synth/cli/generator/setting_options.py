"""Options of a command that come from the training settings: one for each explained field."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_type_hints

import typer
from typer.core import TyperCommand

from mammo_synth.gan.settings import NetworkSettings, TrainSettings, describe

GIVEN = {kind: [f.name for f in describe(kind)] for kind in (TrainSettings, NetworkSettings)}


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command(..., **settings)`` an option for every explained field of the settings; what
    the user leaves out arrives as ``None``."""
    parameters = inspect.signature(command, eval_str=True).parameters.values()
    known = [p for p in parameters if p.kind is not p.VAR_KEYWORD]
    for kind in (TrainSettings, NetworkSettings):
        hints = get_type_hints(kind)
        for field in describe(kind):
            option = typer.Option(
                help=field.metadata["text"], rich_help_panel=field.metadata["group"]
            )
            plain = next(t for t in (*get_args(hints[field.name]), hints[field.name]) if t)
            known.append(
                inspect.Parameter(
                    field.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=None,
                    annotation=Annotated[plain | None, option],
                )
            )
    described: Any = command
    described.__signature__ = inspect.Signature(known)
    described.__annotations__ = {p.name: p.annotation for p in known}
    return command


def split(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options that were given: fields of the run, and of its networks."""
    said = {name: value for name, value in given.items() if value is not None}
    run, network = (
        {name: said[name] for name in GIVEN[kind] if name in said}
        for kind in (TrainSettings, NetworkSettings)
    )
    return run, network


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
