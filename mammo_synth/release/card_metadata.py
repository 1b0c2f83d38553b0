"""The YAML of a release's card: what the Hub indexes and what `datasets` loads by.

Configurations are lists of shards, with version and digest in their description (so that a
rebuilt folder is never served from a stale cache), features and exact split sizes. Only what the
folder holds whole is offered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mammo_synth.release.card_facts import complete, held
from mammo_synth.release.card_words import title
from mammo_synth.release.forms import PACKED, REFERENCED, default_configuration, loadable
from mammo_synth.release.schema import columns_of, features_yaml

LICENCE_FILE = "LICENSE.md"
SIZE_CATEGORIES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
)


def card_metadata(settings: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The card's YAML as a dict, in the reader's order."""
    facts = complete(facts)
    terms, source = facts["terms"], str(facts["source"])
    simulated = bool(terms["simulated"])
    images, _ = held(facts)
    real_inside = not simulated and facts["real"] != REFERENCED
    metadata: dict[str, Any] = {
        "pretty_name": title(facts),
        "license": terms["licence_id"],
        **_other_licence(terms, source),
        "language": ["en"],
        "task_categories": ["image-classification"],
        "size_categories": [
            next((name for bound, name in SIZE_CATEGORIES if images < bound), "1M<n<10M")
        ],
        # Labels of real films are the source's own; all others come from a program.
        "annotations_creators": ["machine-generated", *(["found"] if real_inside else [])],
        "source_datasets": ["original" if simulated else f"extended|other-{source}"],
        "tags": _tags(facts),
        **_gate(facts),
        "configs": [],
        "dataset_info": [],
    }
    default = default_configuration(facts)
    for name, offered in loadable(facts).items():
        entry = facts["configurations"][name]
        splits = [(split, entry["splits"][split]) for split in offered]
        size = sum(values["bytes"] for _, values in splits)
        config: dict[str, Any] = {
            "config_name": name,
            "version": settings["version"],
            "description": f"release {settings['version']}, shards {entry['digest'][:16]}",
            "data_files": [{"split": split, "path": values["shards"]} for split, values in splits],
        }
        if name == default:
            config["default"] = True
        metadata["configs"].append(config)
        metadata["dataset_info"].append(
            {
                "config_name": name,
                "features": features_yaml(columns_of(facts)),
                "splits": [
                    {"name": split, "num_bytes": values["bytes"], "num_examples": values["rows"]}
                    for split, values in splits
                ],
                "download_size": size,
                "dataset_size": size,
            }
        )
    return metadata


def _other_licence(terms: Mapping[str, Any], source: str) -> dict[str, str]:
    """Name and file of a licence that the Hub has no identifier for."""
    if terms["licence_id"] != "other":
        return {}
    return {"license_name": f"terms-of-{source.replace('_', '-')}", "license_link": LICENCE_FILE}


def _gate(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the Hub asks before it gives out films of patients, where access is gated."""
    if facts["real"] != PACKED or facts["terms"]["simulated"]:
        return {}
    return {
        "extra_gated_heading": "This data set holds mammograms of patients",
        "extra_gated_prompt": (
            "A part of the images are real films. They may be used under the terms of their "
            f"source ({facts['terms']['licence']}), for research and teaching, never for diagnosis "
            "or any decision about a patient. The configurations that end in 100syn hold no real "
            "film in train and test."
        ),
        "extra_gated_fields": {
            "Name": "text",
            "Institution": "text",
            "Country": "country",
            "Purpose": {"type": "select", "options": ["Research", "Teaching"]},
            "I will not use this data for diagnosis or any decision about a patient": "checkbox",
            "I will not try to identify any person": "checkbox",
            "I will keep to the terms of the films and cite their source": "checkbox",
        },
        "extra_gated_button_content": "I agree",
    }


def _tags(facts: Mapping[str, Any]) -> list[str]:
    tags = ["mammography", "breast-cancer", "medical", "synthetic", "stylegan2-ada", "image"]
    if facts["terms"]["simulated"]:
        tags.append("phantom")
    if facts["protocol"] == "study":
        tags.append("study-protocol")
    return tags
