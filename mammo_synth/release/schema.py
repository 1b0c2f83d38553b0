"""Columns of a release: the one table from which Parquet metadata and card YAML are made.

Every shard of every split has the same schema, so that `datasets` can join any of them.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from mammo_synth.configurations import LABELS, ORIGINS

COLUMNS: dict[str, str] = {
    "image": "image, 8-bit grey PNG, chest wall on the left",
    "label": "class: normal = 0, cancer = 1; cancer is the positive class",
    "origin": "class: synthetic = 0, real = 1",
    "image_id": "unique in the release",
    "patient_id": "pseudonym of the patient; real rows only",
    "source": "collection of the film, or of the films the generator learned from",
    "view": "CC or MLO; real rows only, where the source says",
    "laterality": "L or R of the original; real rows only, where the source says",
    "generator": "first 16 hex digits of the generator file's sha256; synthetic rows only",
    "seed": "seed of the image; synthetic rows only",
    "truncation": "truncation psi of the sample; synthetic rows only",
}
"""Column → what it holds, in order."""

_CLASSES = {"label": LABELS, "origin": ORIGINS}
_SCALARS = {"seed": "int64", "truncation": "float64"}
_ARROW = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string()}


def _scalar(column: str) -> str:
    return _SCALARS.get(column, "string")


def features_yaml() -> list[dict[str, Any]]:
    """``dataset_info.features`` of the card, in the Hub's YAML form."""
    features: list[dict[str, Any]] = []
    for column in COLUMNS:
        dtype: Any = _scalar(column)
        if column == "image":
            dtype = {"image": {"mode": "L"}}
        elif column in _CLASSES:
            names = {str(value): name for value, name in enumerate(_CLASSES[column])}
            dtype = {"class_label": {"names": names}}
        features.append({"name": column, "dtype": dtype})
    return features


def _features_json() -> dict[str, Any]:
    """The same features in the form that `datasets` keeps in Parquet metadata."""
    features: dict[str, Any] = {}
    for column in COLUMNS:
        if column == "image":
            features[column] = {"mode": "L", "_type": "Image"}
        elif column in _CLASSES:
            features[column] = {"names": list(_CLASSES[column]), "_type": "ClassLabel"}
        else:
            features[column] = {"dtype": _scalar(column), "_type": "Value"}
    return features


def arrow_schema() -> pa.Schema:
    """Arrow schema of a shard, with the metadata that lets `datasets` read it without a card."""
    fields = []
    for column in COLUMNS:
        if column == "image":
            fields.append(
                pa.field(column, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
            )
        elif column in _CLASSES:
            fields.append(pa.field(column, pa.int64()))
        else:
            fields.append(pa.field(column, _ARROW[_scalar(column)]))
    info = json.dumps({"info": {"features": _features_json()}}, sort_keys=True)
    return pa.schema(fields, metadata={b"huggingface": info.encode()})
