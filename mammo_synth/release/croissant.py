"""The Croissant file of a release (MLCommons, JSON-LD): files, columns, and how to use the data
responsibly. Made from settings and facts alone, so the same release has the same bytes."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mammo_synth.configurations import LABELS, ORIGINS
from mammo_synth.release import card_facts
from mammo_synth.release.card_words import LICENCE_URLS, NOT_ASSESSED, Words
from mammo_synth.release.forms import held_shards, loadable
from mammo_synth.release.quality_words import QualityWords
from mammo_synth.release.schema import COLUMNS, DENSITY, columns_of

CROISSANT_NAME = "croissant.json"
_PARQUET = "application/x-parquet"
_TYPES = {
    "image": "sc:ImageObject",
    "label": "sc:Integer",
    "origin": "sc:Integer",
    "seed": "sc:Integer",
    "truncation": "sc:Float",
}

# The context that the standard asks for, word by word.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def render_croissant(settings: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """The text of ``croissant.json``."""
    return json.dumps(croissant(settings, facts), indent=1, ensure_ascii=False) + "\n"


def croissant(settings: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The release as a Croissant 1.0 document.

    One FileObject for each shard in the folder; one FileSet and one RecordSet for each split of
    each configuration that can be loaded, called ``50-50-90syn/train`` and the like. Splits are
    record sets of their own because readers that filter by a field would take shards of other
    configurations along. Fields refer to no enumeration, so that readers stream instead of joining
    tables in memory. Paths are relative to the file.

    Args:
        settings: The release's settings. ``date`` (ISO, optional) is when it was published; without
            it ``datePublished``, which the standard recommends, is left out: nothing else here
            knows a date.
        facts: The release's facts, as in its manifest.
    """
    facts = card_facts.complete(facts)
    words = Words.of(settings, facts)
    licence = facts["terms"]["licence_id"]
    date = settings.get("date")
    description = [words.diagnosis, words.phantom, words.study, words.private, words.uses]
    return {
        "@context": copy.deepcopy(_CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.0",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": settings["name"],
        "alternateName": words.title,
        "description": " ".join(part for part in description if part),
        "version": settings["version"],
        **({"datePublished": date} if date else {}),
        "license": LICENCE_URLS.get(licence, facts["terms"]["licence"]),
        "creator": {"@type": "sc:Organization", "name": "The mammo-synth authors"},
        "citeAs": f"{facts['terms']['citation']} mammo-synth, release {settings['version']}.",
        "inLanguage": "en",
        "keywords": ["mammography", "breast cancer", "synthetic data", "StyleGAN2-ADA"]
        + (["phantom"] if facts["terms"]["simulated"] else []),
        **_responsible(settings, facts, words),
        "distribution": [*_files(facts), *_file_sets(facts)],
        "recordSet": [*_enumerations(), *_record_sets(facts)],
    }


def _responsible(
    settings: Mapping[str, Any], facts: Mapping[str, Any], words: Words
) -> dict[str, Any]:
    """The responsible-AI extension (RAI 1.0): collection, labels, biases, uses, privacy."""
    generators = card_facts.generators(facts)
    made = [
        f"Generator of {g.label}: StyleGAN2-ADA, {g.kimg}, sha256 {g.sha256}, learned from source "
        f"{g.source}"
        for g in generators
    ]
    measured = [
        f"{row['measure']}, {row['label']}: {_number(row['value'])}, floor "
        f"{_number(row['floor'])}, {row['better']} is better."
        for row in facts["quality"] or ()
    ]
    if (quality := QualityWords.of(facts)) is not None:
        measured += quality.sentences
    simulated = facts["terms"]["simulated"]
    return {
        "rai:dataCollection": (
            f"{words.films.capitalize()} of source {facts['source']}, split by patient before "
            "anything learned; two generators, one for each class, learned from them and were "
            f"sampled at truncation psi {settings['truncation']}. {'. '.join(made)}."
        ),
        "rai:dataCollectionType": [
            "Simulations" if simulated else "Secondary data analysis",
            "Images drawn by generators",
        ],
        "rai:dataCollectionMissingData": (
            f"view, laterality{', density' if DENSITY in columns_of(facts) else ''} and patient_id "
            "are null for synthetic rows, and where the source does not say; generator, seed and "
            "truncation are null for films."
        ),
        "rai:dataCollectionRawData": (
            f"{words.films.capitalize()} of source {facts['source']}: {facts['terms']['citation']}"
        ),
        "rai:dataPreprocessingProtocol": [
            "The breast is found, plates and borders are left out, the film is cropped, grey "
            "values run between two percentiles inside the breast, chest wall to the left, "
            f"{facts['image_size']} × {facts['image_size']} px, 8 bits. Every film of every class "
            "goes the same way."
        ],
        "rai:dataAnnotationProtocol": [f"Cancer is positive (1). {words.cancer}", *words.labels],
        "rai:annotationsPerItem": "1",
        "rai:machineAnnotationTools": [f"StyleGAN2-ADA generator {g.sha256}" for g in generators],
        "rai:dataBiases": list(words.biases),
        "rai:dataLimitations": [*words.limits, *(measured or [NOT_ASSESSED])],
        "rai:dataUseCases": [words.uses, *(f"Out of scope: {use}." for use in words.out_of_scope)],
        "rai:dataSocialImpact": (
            "Synthetic films can be studied where films of patients may not be passed on. Taken "
            "for films of patients they would mislead: their anatomy and tumours may be wrong."
        ),
        "rai:personalSensitiveInformation": [words.sensitive],
        "rai:dataReleaseMaintenancePlan": words.maintenance,
    }


def _number(value: float | None) -> str:
    return "not measured" if value is None else str(value)


def _files(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    held = held_shards(facts)
    for shard in facts["shards"]:
        if shard["path"] in held:
            yield {
                "@type": "cr:FileObject",
                "@id": shard["path"],
                "name": shard["path"],
                "description": (
                    f"{shard['rows']} rows of split {shard['split']}, {LABELS[shard['label']]}, "
                    f"{ORIGINS[shard['origin']]}"
                ),
                "contentUrl": shard["path"],
                "contentSize": f"{shard['bytes']} B",
                "encodingFormat": _PARQUET,
                "sha256": shard["sha256"],
            }


def _file_sets(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, splits in loadable(facts).items():
        for split in splits:
            yield {
                "@type": "cr:FileSet",
                "@id": f"{name}/{split}/shards",
                "name": f"{name}/{split}/shards",
                "description": f"Shards of configuration {name}, split {split}",
                "encodingFormat": _PARQUET,
                "includes": facts["configurations"][name]["splits"][split]["shards"],
            }


def _enumerations() -> Iterator[dict[str, Any]]:
    """The names of the classes, and of the splits."""
    for name, names in (("labels", LABELS), ("origins", ORIGINS)):
        yield {
            "@type": "cr:RecordSet",
            "@id": name,
            "name": name,
            "dataType": "sc:Enumeration",
            "key": {"@id": f"{name}/value"},
            "field": [_plain(f"{name}/value", "sc:Integer"), _plain(f"{name}/name", "sc:Text")],
            "data": [
                {f"{name}/value": value, f"{name}/name": text} for value, text in enumerate(names)
            ],
        }
    yield {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [_plain("splits/name", "sc:Text")],
        "data": [{"splits/name": split} for split in ("train", "test", "real_test")],
    }


def _plain(identity: str, kind: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": identity,
        "name": identity.rsplit("/", 1)[-1],
        "dataType": kind,
    }


def _record_sets(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    columns = columns_of(facts)
    for name, splits in loadable(facts).items():
        for split in splits:
            rows = facts["configurations"][name]["splits"][split]["rows"]
            yield {
                "@type": "cr:RecordSet",
                "@id": f"{name}/{split}",
                "name": f"{name}/{split}",
                "description": f"Configuration {name}, split {split}: {rows} rows",
                "key": {"@id": f"{name}/{split}/image_id"},
                "field": list(_fields(f"{name}/{split}", columns)),
            }


def _fields(record_set: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    files = {"fileSet": {"@id": f"{record_set}/shards"}}
    yield {
        **_plain(f"{record_set}/split", "sc:Text"),
        "description": "train, test or real_test",
        "source": {
            **files,
            "extract": {"fileProperty": "fullpath"},
            "transform": {"regex": "^data/([^/]+)/.*$"},
        },
    }
    for column in columns:
        source: dict[str, Any] = {**files, "extract": {"column": column}}
        if column == "image":
            source["transform"] = {"jsonPath": "bytes"}
        yield {
            **_plain(f"{record_set}/{column}", _TYPES.get(column, "sc:Text")),
            "description": COLUMNS[column],
            "source": source,
        }
