"""The audit as one page that needs no network: tables, copies, and a picture of everything refused.

It holds small pictures of films, so it must not be passed on where their terms forbid that.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from mammo_synth.films.audit.look import Look
from mammo_synth.films.audit.report import Audit

MOST = 300
"""Pictures of one kind; more are counted."""


@dataclass(frozen=True)
class Picture:
    """One film on the page."""

    film: str
    reason: str
    finding: str
    data: str  # base64 of a PNG, or "" where nothing decoded
    file: str


def render_page(
    found: Audit, looks: Sequence[Look], title: str, paths: Mapping[str, str] | None = None
) -> str:
    """HTML of an audit and the looks that it came from. ``paths``: files to show beside image
    ids."""
    known = {look.image_id: look for look in looks}

    def picture(film: str, reason: str) -> Picture:
        look = known.get(film)
        finding, data = (look.finding, _png(look)) if look else ("", "")
        return Picture(film, reason, finding, data, (paths or {}).get(film, ""))

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    source = files("mammo_synth.films.audit").joinpath("page.html.j2").read_text("utf-8")
    return environment.from_string(source).render(
        title=title,
        audit=found,
        most=MOST,
        refused=[picture(r.film, r.reason) for r in found.refused[:MOST]],
        warnings=[picture(w.film, w.reason) for w in found.warnings[:MOST]],
        copies=[
            (copy, picture(copy.first, ""), picture(copy.second, ""))
            for copy in found.copies[:MOST]
        ],
    )


def _png(look: Look) -> str:
    return base64.b64encode(look.thumb).decode()
