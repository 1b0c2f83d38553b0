"""How far a record was checked: its schema, every number, or the whole run again."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from mammo_synth.bench.reproduction import MARGIN, reproduction_of
from mammo_synth.bench.results import RECORD_NAME
from mammo_synth.errors import MammoSynthError
from mammo_synth.files import sha256_file


class Tier(StrEnum):
    """Tiers of a row, from the least to the most that was checked."""

    SCHEMA = "schema"
    RECOMPUTED = "recomputed"
    REPRODUCED = "reproduced"


TIER_NAMES = {
    Tier.SCHEMA: "schema valid",
    Tier.RECOMPUTED: "recomputed",
    Tier.REPRODUCED: "reproduced by a maintainer",
}
TIER_WORDS = {
    Tier.SCHEMA: "The record has the form of a record and its metrics were computed "
    "again; the intervals that it states were not.",
    Tier.RECOMPUTED: "Every number was computed again from the predictions beside the record; "
    "that the classifier gave these predictions is the submitter's word.",
    Tier.REPRODUCED: "A maintainer ran the same recipe, seed and replicate on the same release "
    "again, and the scores are the same, or the 95 % intervals of the differences in AUROC and in "
    f"balanced accuracy lie within {MARGIN} of 0. Where the films are too few to tell, it does not "
    "count.",
}
TIER_NAMES_ES = {
    Tier.SCHEMA: "esquema válido",
    Tier.RECOMPUTED: "recalculado",
    Tier.REPRODUCED: "reproducido por un mantenedor",
}
TIER_WORDS_ES = {
    Tier.SCHEMA: "El registro tiene la forma de un registro y sus métricas se "
    "calcularon de nuevo; los intervalos que declara, no.",
    Tier.RECOMPUTED: "Cada número se calculó de nuevo a partir de las predicciones que acompañan "
    "al registro; que el clasificador diera esas predicciones es palabra de quien lo envió.",
    Tier.REPRODUCED: "Un mantenedor repitió la misma receta, semilla y réplica con la misma "
    "versión de los datos, y las puntuaciones son iguales, o los intervalos del 95 % de las "
    f"diferencias de AUROC y de exactitud balanceada quedan a menos de {MARGIN} de 0. Si las "
    "películas son demasiado pocas para saberlo, no cuenta.",
}
_ORDER = tuple(Tier)


def tier_of(record_folder: Path, *, recomputed: bool = True) -> Tier:
    """The tier of the record in ``record_folder``, from the files in it.

    A reproduction counts only if it is of this very record and its verdict is that the scores are
    identical or agree, by the rule of `mammo_synth.bench.reproduction`. One that differs, is
    undecided or broken, or is of another record counts for nothing: `check` names what is wrong.

    Args:
        record_folder: Folder of a valid `record.json` and, where somebody ran it again, of
            `reproduction.json`, which the caller has checked.
        recomputed: Whether the caller has computed every number of the record again.
    """
    if not recomputed:
        return Tier.SCHEMA
    return Tier.REPRODUCED if _reproduced(record_folder / RECORD_NAME) else Tier.RECOMPUTED


def lowest(tiers: list[Tier]) -> Tier:
    """The tier of a row of several records: that of the least checked one; `SCHEMA` of none."""
    return min(tiers, key=_ORDER.index, default=Tier.SCHEMA)


def _reproduced(path: Path) -> bool:
    try:
        found = reproduction_of(path.parent)
    except MammoSynthError:
        return False
    if found is None:
        return False
    agrees = found["agreement"]["verdict"] in ("identical", "agrees")
    return agrees and found["record"]["sha256"] == sha256_file(path)
