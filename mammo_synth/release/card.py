"""Renders the card (README.md) of a release from its facts; never written by hand.

The YAML at the top is what `datasets` and the Hub read: configurations as lists of shards, with
version and digest (so that a rebuilt folder is never served from a stale cache), features and
exact split sizes. The text comes from ``dataset_cards/release.md.j2``.
"""

from __future__ import annotations

from typing import Any

import jinja2
import yaml

from mammo_synth.configurations import (
    CANCER,
    CELLS,
    CONFIGURATIONS,
    DEFAULT,
    LABELS,
    NORMAL,
    stored_images,
)
from mammo_synth.films.enough import REAL_ROLE
from mammo_synth.films.record import ROLES
from mammo_synth.release.folder import SPLITS
from mammo_synth.release.schema import COLUMNS, features_yaml
from mammo_synth.release.version import MEANING
from mammo_synth.resources import resource

TEMPLATE = "dataset_cards/release.md.j2"
SIZE_CATEGORIES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
)


def render_card(settings: dict[str, Any], facts: dict[str, Any]) -> str:
    """Markdown of the card.

    Args:
        settings: The release's settings (name, version, size, truncation).
        facts: The release's facts, as in its manifest.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource(TEMPLATE).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    body = environment.get_template(resource(TEMPLATE).name).render(
        settings=settings,
        facts=facts,
        metadata_title=title(facts),
        configurations=_configuration_rows(settings["size"]),
        cells=[cell.name for cell in CELLS],
        default=DEFAULT,
        stored=stored_images(settings["size"]) + sum(_real_test(facts).values()),
        listed=sum(
            split["rows"]
            for entry in facts["configurations"].values()
            for split in entry["splits"].values()
        ),
        real_test=_real_test(facts),
        columns=COLUMNS,
        meaning=MEANING,
        real_role=REAL_ROLE,
        roles=ROLES,
        labels=(LABELS[CANCER], LABELS[NORMAL]),
        simulated=facts["terms"]["simulated"],
    )
    front = yaml.safe_dump(
        card_metadata(settings, facts), sort_keys=False, allow_unicode=True, width=1000
    )
    return f"---\n{front}---\n{body}"


def title(facts: dict[str, Any]) -> str:
    """Name for people: a phantom release says so in it, a study release too."""
    name = "mammo-synth: synthetic mammograms"
    if facts["terms"]["simulated"]:
        name += " (phantom: made from simulated films)"
    if facts["protocol"] == "study":
        name += " (study protocol: real films may overlap)"
    return name


def card_metadata(settings: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """The card's YAML: what the Hub indexes and what `datasets` loads by."""
    terms = facts["terms"]
    stored = sum(shard["rows"] for shard in facts["shards"])
    metadata: dict[str, Any] = {
        "pretty_name": title(facts),
        "license": terms["licence_id"],
        "language": ["en"],
        "task_categories": ["image-classification"],
        "size_categories": [
            next((name for bound, name in SIZE_CATEGORIES if stored < bound), "1M<n<10M")
        ],
        "annotations_creators": ["machine-generated"],
        "source_datasets": ["original" if terms["simulated"] else "extended"],
        "tags": _tags(facts),
        "configs": [],
        "dataset_info": [],
    }
    if terms["licence_id"] in ("other", "unknown"):
        metadata["license_name"] = "films-of-the-source"
        metadata["license_details"] = terms["licence"]
    for name in CONFIGURATIONS:
        entry = facts["configurations"][name]
        # Manifests sort their keys; the order here is the reader's: train, test, real_test.
        splits = [
            (split, entry["splits"][split]) for split in SPLITS if entry["splits"][split]["rows"]
        ]
        size = sum(values["bytes"] for _, values in splits)
        config: dict[str, Any] = {
            "config_name": name,
            "version": settings["version"],
            "description": f"release {settings['version']}, shards {entry['digest'][:16]}",
            "data_files": [{"split": split, "path": values["shards"]} for split, values in splits],
        }
        if name == DEFAULT:
            config["default"] = True
        metadata["configs"].append(config)
        metadata["dataset_info"].append(
            {
                "config_name": name,
                "features": features_yaml(),
                "splits": [
                    {"name": split, "num_bytes": values["bytes"], "num_examples": values["rows"]}
                    for split, values in splits
                ],
                "download_size": size,
                "dataset_size": size,
            }
        )
    return metadata


def _tags(facts: dict[str, Any]) -> list[str]:
    tags = ["mammography", "breast-cancer", "medical", "synthetic", "stylegan2-ada", "image"]
    if facts["terms"]["simulated"]:
        tags.append("phantom")
    if facts["protocol"] == "study":
        tags.append("study-protocol")
    return tags


def _configuration_rows(size: int) -> list[dict[str, Any]]:
    """One row of counts per configuration, for the table."""
    rows = []
    for one in CONFIGURATIONS.values():
        counts = one.counts(size)
        rows.append(
            {
                "name": one.name,
                "counts": [counts[cell] for cell in CELLS],
                "total": sum(counts.values()),
            }
        )
    return rows


def _real_test(facts: dict[str, Any]) -> dict[str, int]:
    """Held-out films by label name."""
    counts = {LABELS[CANCER]: 0, LABELS[NORMAL]: 0}
    for shard in facts["shards"]:
        if shard["split"] == "real_test":
            counts[LABELS[shard["label"]]] += shard["rows"]
    return counts
