"""Renders the cards of a release from its settings and facts; nobody writes one by hand.

The texts come from the templates in ``dataset_cards/``, what they state from
`mammo_synth.release.card_words`, and the YAML from `mammo_synth.release.card_metadata`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import jinja2
import yaml

from mammo_synth.configurations import CONFIGURATIONS, configuration
from mammo_synth.films.enough import REAL_ROLE
from mammo_synth.films.record import ROLES
from mammo_synth.release import card_facts
from mammo_synth.release.card_metadata import LICENCE_FILE, card_metadata
from mammo_synth.release.card_words import LICENCE_URLS, NOT_ASSESSED, Words
from mammo_synth.release.forms import REFERENCED, default_configuration, held_shards, loadable
from mammo_synth.release.quality_words import OVERRIDDEN, QualityWords
from mammo_synth.release.schema import COLUMNS, columns_of
from mammo_synth.release.version import MEANING
from mammo_synth.resources import resource

TEMPLATES = "dataset_cards"


def render_card(settings: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Markdown of the release's card (README.md), YAML included.

    Args:
        settings: The release's settings (name, version, size, truncation).
        facts: The release's facts, as in its manifest.
    """
    facts = card_facts.complete(facts)
    loads, default = loadable(facts), default_configuration(facts)
    rows = []
    for name in facts_order(facts):
        counts = list(card_facts.counts_of(name, settings["size"]).values())
        total = sum(map(sum, counts))
        rows.append({"name": name, "counts": counts, "total": total, "loads": name in loads})
    body = _render(
        "release.md.j2",
        settings,
        facts,
        configurations=rows,
        default=default,
        default_splits=loads.get(default, ()),
        loads=list(loads),
        stored=card_facts.stored(facts),
        listed=card_facts.listed(facts),
        bytes=card_facts.held(facts)[1],
        columns={name: COLUMNS[name] for name in columns_of(facts)},
        meaning=MEANING,
        real_role=REAL_ROLE,
        roles=ROLES,
        licence_file=LICENCE_FILE,
    )
    front = yaml.safe_dump(
        card_metadata(settings, facts), sort_keys=False, allow_unicode=True, width=1000
    )
    return f"---\n{front}---\n{body}"


def render_configuration_card(
    name: str, settings: Mapping[str, Any], facts: Mapping[str, Any]
) -> str:
    """Markdown of the card of one configuration.

    Args:
        name: A configuration of the release.
        settings: The release's settings.
        facts: The release's facts, as in its manifest.

    Raises:
        BadInput: There is no such configuration.
    """
    chosen = configuration(name)
    facts = card_facts.complete(facts)
    size, in_folder = settings["size"], held_shards(facts)
    entry = facts["configurations"][name]
    paths = {path for split in entry["splits"].values() for path in split["shards"]}
    others = [
        {
            "name": other,
            "class_ratio": CONFIGURATIONS[other].class_ratio,
            "synthetic_percent": CONFIGURATIONS[other].synthetic_percent,
            "common": card_facts.in_common(name, other, size),
        }
        for other in facts_order(facts)
        if other != name
    ]
    splits = loadable(facts).get(name, ())
    return _render(
        "configuration.md.j2",
        settings,
        facts,
        name=name,
        configuration=chosen,
        counts=card_facts.counts_of(name, size),
        chances=list(card_facts.chances(name, size, facts)),
        others=others,
        loads=bool(splits),
        splits=splits,
        digest=entry["digest"],
        bytes=sum(s["bytes"] for s in facts["shards"] if s["path"] in paths & in_folder),
    )


def render_licence(settings: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Markdown of the licence file: the terms of the films and of the generators."""
    facts = card_facts.complete(facts)
    url = LICENCE_URLS.get(facts["terms"]["licence_id"])
    return _render("license.md.j2", settings, facts, licence_url=url)


def facts_order(facts: Mapping[str, Any]) -> list[str]:
    """The release's configurations in the order of the study (a manifest sorts its keys)."""
    return [name for name in CONFIGURATIONS if name in facts["configurations"]]


def _render(
    template: str, settings: Mapping[str, Any], facts: Mapping[str, Any], **values: Any
) -> str:
    """A template with what all of them know."""
    return (
        _environment()
        .get_template(template)
        .render(
            settings=settings,
            facts=facts,
            words=Words.of(settings, facts),
            generators=card_facts.generators(facts),
            real_test=card_facts.real_test(facts),
            simulated=facts["terms"]["simulated"],
            referenced=facts["real"] == REFERENCED,
            quality=QualityWords.of(facts),
            overridden=OVERRIDDEN,
            not_assessed=NOT_ASSESSED,
            **values,
        )
    )


@cache
def _environment() -> jinja2.Environment:
    """The templates; compiling them takes longer than filling them in."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource(TEMPLATES)),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {
        "thousands": lambda n: f"{n:,}",
        "size": _size,
        "number": _number,
        "cell": lambda text: " ".join(str(text).split()).replace("|", "\\|"),
        "share": lambda x: f"{x:.3f}",
        "upper_first": lambda text: text[:1].upper() + text[1:],
        "lower_first": lambda text: text[:1].lower() + text[1:],
    }
    return environment


def _number(value: float | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _size(n: int) -> str:
    """Bytes as people read them (1 MB is a million)."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n >= factor:
            return f"{n / factor:.1f} {unit}"
    return f"{n} bytes"
