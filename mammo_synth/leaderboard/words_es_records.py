"""What records say in English, in Spanish: why there is no value, names of columns, notes."""

from __future__ import annotations

from mammo_synth.bench.subgroups import (
    DENSITY_CLASSES,
    NO_SUBGROUPS,
    NO_SUBGROUPS_THEN,
    NOT_SAID,
)
from mammo_synth.leaderboard.groups import NOT_VERIFIED

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
