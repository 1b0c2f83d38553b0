"""Columns of a release: the one table from which Parquet metadata and card YAML are made.

Every shard of every split has the same schema, so that `datasets` can join any of them. A release
names its columns in its manifest: one that was built before a column came to be lacks it, and all
that reads or describes the release goes by the columns that it has (`columns_of`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from mammo_synth.configurations import LABELS, ORIGINS
from mammo_synth.errors import BadInput

COLUMNS: dict[str, str] = {
    "image": "image, 8-bit grey PNG, chest wall on the left",
    "label": "class: normal = 0, cancer = 1; cancer is the positive class",
    "origin": "class: synthetic = 0, real = 1",
    "image_id": "unique in the release",
    "patient_id": "pseudonym of the patient; real rows only",
    "source": "collection of the film, or of the films the generator learned from",
    "view": "CC or MLO; real rows only, where the source says",
    "laterality": "L or R of the original; real rows only, where the source says",
    "density": "the source's own density class; real rows only, where the source says",
    "generator": "first 16 hex digits of the generator file's sha256; synthetic rows only",
    "seed": "seed of the image; synthetic rows only",
    "truncation": "truncation psi of the sample; synthetic rows only",
}
"""Column → what it holds, in order."""

DENSITY = "density"
LATER = frozenset({DENSITY})
"""Columns that a release may lack, since they came after the first releases. What a release without
them does not say is unknown (None), which is not the same as a column that says nothing."""

_CLASSES = {"label": LABELS, "origin": ORIGINS}
_SCALARS = {"seed": "int64", "truncation": "float64"}
_ARROW = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string()}


def _scalar(column: str) -> str:
    return _SCALARS.get(column, "string")


def columns_of(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns of a release in order, by the facts of its manifest.

    Raises:
        BadInput: They are not columns of a release, or are those of a later version.
    """
    named = facts.get("columns", [name for name in COLUMNS if name not in LATER])
    named = named if isinstance(named, list) else [named]
    known = [name for name in COLUMNS if name not in LATER or name in named]
    if named != known:
        raise BadInput(
            f"The release has the columns {', '.join(map(str, named))}; this version of "
            f"mammo-synth reads {', '.join(known)}.",
            hint="A later version wrote it, or its manifest was edited: install the version that "
            "its manifest.json names.",
        )
    return tuple(known)


def features_yaml(columns: Sequence[str] = tuple(COLUMNS)) -> list[dict[str, Any]]:
    """``dataset_info.features`` of the card, in the Hub's YAML form."""
    features: list[dict[str, Any]] = []
    for column in columns:
        dtype: Any = _scalar(column)
        if column == "image":
            dtype = {"image": {"mode": "L"}}
        elif column in _CLASSES:
            names = {str(value): name for value, name in enumerate(_CLASSES[column])}
            dtype = {"class_label": {"names": names}}
        features.append({"name": column, "dtype": dtype})
    return features


def features_json(columns: Sequence[str] = tuple(COLUMNS)) -> dict[str, Any]:
    """The same features in the form that `datasets` keeps in Parquet metadata."""
    features: dict[str, Any] = {}
    for column in columns:
        if column == "image":
            features[column] = {"mode": "L", "_type": "Image"}
        elif column in _CLASSES:
            features[column] = {"names": list(_CLASSES[column]), "_type": "ClassLabel"}
        else:
            features[column] = {"dtype": _scalar(column), "_type": "Value"}
    return features


def arrow_schema(columns: Sequence[str] = tuple(COLUMNS)) -> pa.Schema:
    """Arrow schema of a shard, with the metadata that lets `datasets` read it without a card."""
    fields = []
    for column in columns:
        if column == "image":
            fields.append(
                pa.field(column, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
            )
        elif column in _CLASSES:
            fields.append(pa.field(column, pa.int64()))
        else:
            fields.append(pa.field(column, _ARROW[_scalar(column)]))
    info = json.dumps({"info": {"features": features_json(columns)}}, sort_keys=True)
    return pa.schema(fields, metadata={b"huggingface": info.encode()})
