"""What records say in English, in Spanish: why there is no value, names of columns, notes; and
what is said of them, as in `mammo_synth.leaderboard.words_records`."""

from __future__ import annotations

from mammo_synth.bench.reproduction import Reproduction
from mammo_synth.bench.subgroups import (
    DENSITY_CLASSES,
    NO_SUBGROUPS,
    NO_SUBGROUPS_THEN,
    NOT_SAID,
)
from mammo_synth.leaderboard import words_rows
from mammo_synth.leaderboard.groups import NOT_VERIFIED
from mammo_synth.leaderboard.model import Row, Series

AGAIN = {
    "identical": "las mismas puntuaciones",
    "agrees": "concuerda con el registro",
    "differs": "difiere del registro",
    "undecided": "estas películas son demasiado pocas para decir si concuerda",
}

_NOTES = {
    DENSITY_CLASSES: "Las clases de densidad son las de la propia fuente, palabra por palabra: "
    "nombres iguales de dos fuentes no tienen por qué significar lo mismo.",
    NO_SUBGROUPS: "Ni proyección, ni lado, ni fuente, ni densidad distinguen las películas de "
    "prueba: no hay subgrupos.",
    NO_SUBGROUPS_THEN: "El registro era del formato 1, que no tenía subgrupos.",
    NOT_VERIFIED: "Faltan los intervalos: no se recalcularon para este registro. `mammo-synth "
    "leaderboard check` lo hace una vez.",
}
_KNOWN = {
    NOT_SAID: "sin decir",
    "no cancer films": "ninguna película con cáncer",
    "no normal films": "ninguna película normal",
    "fewer than 10 patients": "menos de 10 pacientes",
    "view": "proyección",
    "laterality": "lado",
    "source": "fuente",
    "density": "densidad",
}


def known(sentence: str) -> str:
    """A sentence that a record holds; one that nobody has translated stays as it is."""
    for english, spanish in _NOTES.items():
        sentence = sentence.replace(english, spanish)
    return _KNOWN.get(sentence, sentence)


def weights(series: Series) -> str:
    """Where training started from."""
    origins = {"none": "sin pesos", "random": "pesos al azar"}
    return words_rows.weights(series, "pesos no declarados", origins, "pesos {origin}")


def recipe(series: Series) -> str:
    """Name and digest of the recipe."""
    return words_rows.recipe(series, "predicciones traídas", "receta {name}")


def again(found: Reproduction) -> str:
    """Who ran a record again, when, and what came of it."""
    sentence = (
        "Repetido por {who} el {day}: {verdict}. Repetición menos registro (intervalo del 95 %): "
        "AUROC {auroc}, exactitud balanceada {balanced}."
    )
    return words_rows.again(found, AGAIN, sentence, to="a")


def rerun_warning(row: Row) -> str:
    """A warning where a record of the row was run again and did not come out; or nothing."""
    return words_rows.rerun_warning(row, "una repetición difiere")
