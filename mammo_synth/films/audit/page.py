"""The audit as one page that needs no network: tables, copies, and a picture of everything refused.

It holds small pictures of films, so it must not be passed on where their terms forbid that.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice

from jinja2 import Environment, StrictUndefined

from mammo_synth.films.audit.look import Look, Thumbs
from mammo_synth.films.audit.report import Audit, Warning
from mammo_synth.films.record import Refused

MOST = 300
"""Pictures of one kind; more are counted."""


@dataclass(frozen=True)
class Picture:
    """One film on the page."""

    film: str
    reasons: tuple[str, ...]
    finding: str
    data: str  # base64 of a PNG, or "" where nothing decoded
    file: str


def page_thumbs(found: Audit, thumbs: Thumbs) -> dict[str, bytes]:
    """The pictures that `render_page` shows of ``found``: at most four times `MOST`."""
    shown = [*_reasons(found.refused), *_reasons(found.warnings)]
    shown += [film for copy in found.copies[:MOST] for film in (copy.first, copy.second)]
    return {film: thumbs[film] for film in shown if film in thumbs}


def render_page(
    found: Audit,
    looks: Sequence[Look],
    thumbs: Thumbs,
    title: str,
    paths: Mapping[str, str] | None = None,
) -> str:
    """HTML of an audit and the looks that it came from. ``thumbs``: pictures of films, or those of
    `page_thumbs`. ``paths``: files to show beside image ids."""
    refused, warned = _reasons(found.refused), _reasons(found.warnings)
    copied = {film for copy in found.copies[:MOST] for film in (copy.first, copy.second)}
    shown = copied.union(refused, warned)
    findings = {look.image_id: look.finding for look in looks if look.image_id in shown}

    def picture(film: str, reasons: Sequence[str] = ()) -> Picture:
        data = base64.b64encode(thumbs.get(film, b"")).decode()
        path = (paths or {}).get(film, "")
        return Picture(film, tuple(reasons), findings.get(film, ""), data, path)

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    source = files("mammo_synth.films.audit").joinpath("page.html.j2").read_text("utf-8")
    return environment.from_string(source).render(
        title=title,
        audit=found,
        most=MOST,
        shortcut=found.shortcut.words[:1].upper() + found.shortcut.words[1:],
        refused=[picture(film, reasons) for film, reasons in refused.items()],
        warnings=[picture(film, reasons) for film, reasons in warned.items()],
        copies=[(copy, picture(copy.first), picture(copy.second)) for copy in found.copies[:MOST]],
    )


def _reasons(said: Sequence[Refused | Warning]) -> dict[str, list[str]]:
    """All that is said of each of the first `MOST` films: a film stands on the page once."""
    found: dict[str, list[str]] = {one.film: [] for one in said}
    for film in list(islice(found, MOST, None)):
        del found[film]
    for one in said:
        if one.film in found and one.reason not in found[one.film]:
            found[one.film].append(one.reason)
    return found
