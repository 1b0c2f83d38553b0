"""Predictions: one score per film, `image_id` and `p_cancer`, as Parquet or CSV.

Parquet is what we write (exact float64); CSV is read as well, so that anyone's predictions can be
scored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from mammo_synth.errors import BadInput
from mammo_synth.files import atomic_path

COLUMNS = ("image_id", "p_cancer")
_SHOWN = 5


@dataclass(frozen=True)
class Predictions:
    """Scores of films.

    Attributes:
        image_id: Ids [n], in the order of the file.
        p_cancer: float64 [n], as found in the file: checked by `align`.
    """

    image_id: tuple[str, ...]
    p_cancer: npt.NDArray[np.float64]


def write_predictions(
    path: Path, image_id: Sequence[str], p_cancer: npt.NDArray[np.float64]
) -> None:
    """Write predictions as Parquet, atomically; equal content gives equal bytes."""
    table = pa.table(
        {
            "image_id": pa.array(list(image_id), pa.string()),
            "p_cancer": pa.array(p_cancer, pa.float64()),
        }
    )
    with atomic_path(path) as temporary:
        pa.parquet.write_table(table, temporary, compression="zstd", store_schema=False)


def read_predictions(path: Path) -> Predictions:
    """Read a Parquet or CSV file (by its suffix) of `image_id` and `p_cancer`.

    Other columns are ignored.

    Raises:
        BadInput: No such file, not readable, or a column is missing or not numeric.
    """
    table = _read_table(path)
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise BadInput(
            f"'{path}' has no column {' and '.join(missing)}; it has "
            f"{', '.join(table.column_names) or 'none'}.",
            hint="Predictions need image_id (text) and p_cancer (probability of cancer).",
        )
    doubled = [name for name in COLUMNS if table.column_names.count(name) > 1]
    if doubled:
        raise BadInput(
            f"'{path}' has more than one column {' and '.join(doubled)}.",
            hint="Keep the one that is meant.",
        )
    try:
        ids = table["image_id"].cast(pa.string()).to_pylist()
        scores = table["p_cancer"].cast(pa.float64()).to_pylist()
    except pa.ArrowInvalid as error:
        raise BadInput(
            f"'{path}': a column has the wrong type ({error}).",
            hint="image_id is text; p_cancer is a number between 0 and 1.",
        ) from error
    if None in ids:
        raise BadInput(
            f"'{path}' has {ids.count(None)} rows without an image_id, first at row "
            f"{ids.index(None)}.",
            hint="Give every row the image_id of its film.",
        )
    return Predictions(tuple(ids), np.array(scores, dtype=np.float64))  # null becomes NaN


def _read_table(path: Path) -> pa.Table:
    """The file as a table, ids as text even where they look like numbers."""
    if not path.is_file():
        raise BadInput(f"There is no predictions file '{path}'.", hint="Check the path.")
    suffix = path.suffix.lower()
    if suffix not in (".parquet", ".csv"):
        raise BadInput(
            f"'{path}' ends in '{suffix}'; predictions are .parquet or .csv.",
            hint="Convert the file, with the columns image_id and p_cancer.",
        )
    try:
        if suffix == ".parquet":
            return read_parquet(path)
        options = pa.csv.ConvertOptions(column_types={"image_id": pa.string()})
        return pa.csv.read_csv(path, convert_options=options)
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        raise BadInput(
            f"'{path}' cannot be read as {suffix[1:]} ({error}).",
            hint="It was cut short or is another format: write it again.",
        ) from error


def read_parquet(path: Path) -> pa.Table:
    """A whole Parquet file. `pyarrow.parquet.read_table` would take it for a data set, and import
    pandas for that, which takes longer than a hundred such files.

    Raises:
        pa.ArrowException, OSError: It cannot be read.
    """
    with pa.parquet.ParquetFile(path) as file:
        return file.read()


def align(predictions: Predictions, image_id: Sequence[str]) -> npt.NDArray[np.float64]:
    """Scores in the order of ``image_id``, float64 [n], checked.

    Raises:
        BadInput: Says exactly which films are missing, doubled or unknown, or have a score that
            is NaN or outside [0, 1].
    """
    given, wanted = Counter(predictions.image_id), set(image_id)
    bad = [
        name
        for name, p in zip(predictions.image_id, predictions.p_cancer, strict=True)
        if not 0 <= p <= 1 and not np.isnan(p)
    ]
    nan = [
        name
        for name, p in zip(predictions.image_id, predictions.p_cancer, strict=True)
        if np.isnan(p)
    ]
    problems = [
        _problem("missing", (name for name in image_id if name not in given)),
        _problem("doubled", (name for name, times in given.items() if times > 1)),
        _problem("unknown", (name for name in given if name not in wanted)),
        _problem("without a score (NaN)", nan),
        _problem("with a score outside [0, 1]", bad),
    ]
    found = [problem for problem in problems if problem]
    if found:
        raise BadInput(
            f"The predictions do not fit the {len(wanted)} films of the test set: "
            f"{'; '.join(found)}.",
            hint="Give exactly one p_cancer between 0 and 1 for each image_id of the split.",
        )
    position = {name: i for i, name in enumerate(predictions.image_id)}
    return predictions.p_cancer[[position[name] for name in image_id]]


def _problem(what: str, names: Iterable[str]) -> str:
    """``3 missing (a, b, c)``, or nothing where there are none."""
    listed = list(names)
    if not listed:
        return ""
    more = ", ..." if len(listed) > _SHOWN else ""
    return f"{len(listed)} {what} ({', '.join(listed[:_SHOWN])}{more})"
