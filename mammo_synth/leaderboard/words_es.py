"""The sentences of `mammo_synth.leaderboard.words` in Spanish, under the same names.

Decimals keep their point, as in the files and in English; thousands are set apart by a narrow
space, so that no comma can be read as a decimal one.
"""

from __future__ import annotations

from mammo_synth.bench.published import Published
from mammo_synth.leaderboard import words, words_rows
from mammo_synth.leaderboard.model import BASELINE, SOURCE_NAMES, TWIN, Row, Table
from mammo_synth.leaderboard.tiers import TIER_NAMES_ES as TIER_NAMES
from mammo_synth.leaderboard.tiers import TIER_WORDS_ES as TIER_WORDS
from mammo_synth.leaderboard.words import DASH as DASH
from mammo_synth.leaderboard.words import interval as interval
from mammo_synth.leaderboard.words import number as number
from mammo_synth.leaderboard.words import signed as signed
from mammo_synth.leaderboard.words import thresholds as thresholds
from mammo_synth.leaderboard.words_es_numbers import count as count
from mammo_synth.leaderboard.words_es_numbers import signed_interval as signed_interval
from mammo_synth.leaderboard.words_es_records import AGAIN as AGAIN
from mammo_synth.leaderboard.words_es_records import again as again
from mammo_synth.leaderboard.words_es_records import known as known
from mammo_synth.leaderboard.words_es_records import recipe as recipe
from mammo_synth.leaderboard.words_es_records import rerun_warning as rerun_warning
from mammo_synth.leaderboard.words_es_records import weights as weights
from mammo_synth.leaderboard.words_rows import rerun_differences as rerun_differences
from mammo_synth.leaderboard.words_rows import stated_weights as stated_weights

METRIC_NAMES = {
    "auroc": "AUROC",
    "balanced_accuracy": "Exactitud balanceada",
    "recall": "Sensibilidad (recall)",
    "specificity": "Especificidad",
    "accuracy": "Exactitud",
    "precision": "Precisión",
    "f1": "F1",
    "average_precision": "Precisión media",
}
POSITIONS = ("solo\nreales", "otras tantas\nsintéticas", *words.POSITIONS[2:])
SPOKEN = ("TRTR", "su gemelo sintético, de la misma cantidad", *words.POSITIONS[2:])

NOTICE = (
    "Datos sintéticos para investigación y docencia. Nada de esto es un producto sanitario, y "
    "ninguna imagen ni clasificador de esta página puede usarse para diagnosticar."
)
PHANTOM_REST = (
    "Estos números vienen de películas que dibujó un programa: muestran que la evaluación "
    "funciona y no dicen nada sobre mamografías reales."
)
STUDY_PROTOCOL = (
    "Protocolo del estudio. Las reglas del estudio de 2021: cáncer significa cualquier tumor, "
    "también los benignos, y las películas reales pueden estar a la vez en el entrenamiento y en "
    "la prueba. Solo para reproducir el estudio; nunca se ordena junto al protocolo estricto."
)
STRICT_PROTOCOL = (
    "Protocolo estricto. Cáncer significa maligno; ni pacientes, ni películas, ni semillas pasan "
    "del entrenamiento a la prueba."
)
PROTOCOLS = {"strict": STRICT_PROTOCOL, "study": STUDY_PROTOCOL}
IMAGE_FOR_IMAGE = (
    "Películas reales frente a otras tantas imágenes sintéticas (bootstrap pareado, intervalo "
    "del 95 %)"
)
WHY_AUROC = (
    "El orden sigue el AUROC en real_test: no necesita punto de operación, de modo que un umbral "
    "elegido con imágenes sintéticas de validación no puede mover un puesto, y el azar vale 0.500 "
    "con cualquier proporción de clases. La exactitud balanceada, a su lado, dice qué resulta del "
    "punto de operación elegido."
)
CHANCE_RULE = (
    "De una fila cuyo intervalo de AUROC incluye 0.500 se dice que no se distingue del azar. El "
    "intervalo es el de una fila: de cuarenta filas al nivel del azar, más o menos una queda por "
    "encima de 0.500 por casualidad. La línea de azar y TRTR (entrenado y probado con películas "
    "reales) están en cada tabla sin puesto; también los controles, que no ven tejido o no ven "
    "imagen y de los que se espera azar."
)
TWIN_RULE = (
    "TRTR aprende de muchas menos imágenes que cualquier configuración. Su gemelo, "
    "synthetic-reduced, aprende solo de imágenes sintéticas, de cada clase tantas como películas "
    "tiene TRTR: entre los dos cambia el tipo de imagen y no el número. El gemelo tampoco tiene "
    "puesto."
)
MISSING_RULE = (
    "Una celda es configuración, clasificador y réplica. Lo que no se midió figura como faltante. "
    "Una fila de una configuración a la que le faltan réplicas está incompleta: no tiene puesto ni "
    "lugar en los gráficos. Debe tener tantas como tenga al menos la mitad de las configuraciones "
    "de su clasificador, sin saltos entre ellas."
)
REFUSAL = (
    "Cada número que se muestra se recalcula a partir de las predicciones guardadas junto a cada "
    "registro. Un registro que no concuerda con sus predicciones no se omite: la página no se hace "
    "y se nombra el archivo."
)
NUMBERS = (
    "Los decimales llevan punto, como en los archivos. Nombres de clasificadores, recetas, ajustes "
    "y configuraciones están como los escriben los registros."
)
PUBLISHED_TITLE = "Publicado en 2021, no medido aquí, nunca ordenado"
VERDICTS = {
    "chance": "no se distingue del azar",
    "below": "peor que el azar",
    "undefined": "AUROC sin definir",
}
_RULES = {
    "max balanced accuracy": "máxima exactitud balanceada",
    "fixed 0.5": "fijo en 0.5",
    "given": "dado",
}
_READINGS = {
    "none": "sin intervalo",
    "same": "no se distinguen",
    "real": "mejor con películas reales",
    "synthetic": "mejor con imágenes sintéticas",
}
_CHOSEN = {"validation": "elegido con datos de validación", "given": "dado con las predicciones"}
_PLAIN = {BASELINE: "real (TRTR)", TWIN: f"{TWIN} (el gemelo de TRTR)"}
_RANKS = {"twin": "gemelo", "chance": "azar", "incomplete": "incompleta"}
_SOURCES = {**SOURCE_NAMES, "phantom": "Phantom", "folder": "Películas de una carpeta"}


def interval_rule(resamples: int) -> str:
    """How the intervals are made."""
    return (
        "Los valores son medias de las réplicas. Los intervalos son del 95 %, por percentiles de "
        f"un bootstrap de {count(resamples)} remuestreos que sortea pacientes, no imágenes."
    )


def tie_rule(resamples: int) -> str:
    """When two rows share a rank."""
    return (
        "Empates: la mejor fila abre un grupo y se compara con cada fila que está debajo por un "
        f"bootstrap pareado de los mismos pacientes ({count(resamples)} remuestreos), con los "
        "valores p corregidos por el método de Holm según el número de comparaciones. Comparten "
        "su puesto las filas hasta la primera que difiere en AUROC (p corregido de 0.05 o menos), "
        "que abre el grupo siguiente. Si ningún remuestreo invierte una diferencia, su valor p es "
        "el de la curva normal."
    )


def title(table: Table) -> str:
    """Film source and protocol."""
    source = _SOURCES.get(table.source, table.source)
    kind = "películas simuladas" if table.simulated else "películas reales"
    protocol = {"strict": "protocolo estricto", "study": "protocolo del estudio"}
    named = f"{source} ({kind}), {protocol.get(table.protocol, table.protocol)}"
    return named + (table.apart and f", {table.apart}")


def release(table: Table) -> str:
    """Release name, version, digest and revision."""
    r = table.release
    text = f"{r['name']} {r['version']} (sha256 {r['sha256'][:8]})"
    return f"{text}, revisión {r['revision']}" if r["revision"] else text


def rank(text: str) -> str:
    """What stands in the rank column."""
    return _RANKS.get(text, text)


def records(n: int) -> str:
    """``1 registro`` or ``3 registros``."""
    return f"{count(n)} registro" if n == 1 else f"{count(n)} registros"


def repeated(first: str) -> str:
    """The warning about a published row that repeats another."""
    return f"como se imprimió, cifra por cifra la fila de {first}: probablemente una errata"


def study_source(study: Published) -> str:
    """Where the published rows come from and what they were measured on."""
    n = study.cancer + study.normal
    return (
        f"{study.source} Con {count(n)} películas reales de DDSM ({count(study.cancer)} con "
        f"cáncer, {count(study.normal)} normales), según las reglas del protocolo del estudio."
    )


def reread(study: Published) -> str:
    """Why the study's numbers are read twice."""
    prevalence = number(study.cancer / (study.cancer + study.normal))
    return (
        "El estudio imprimió precisión y sensibilidad de la clase normal sin decirlo: con cáncer "
        "como clase positiva no saldría su propia exactitud. La mitad derecha lee los mismos "
        f"números para cáncer. La prevalencia de cáncer es {prevalence}, así que adivinar da una "
        f"precisión de {prevalence} y una exactitud balanceada de 0.500."
    )


def rules(resamples: int) -> list[str]:
    """How to read a leaderboard, one paragraph each."""
    return [
        WHY_AUROC,
        interval_rule(resamples),
        tie_rule(resamples),
        CHANCE_RULE,
        TWIN_RULE,
        f"{MISSING_RULE} {REFUSAL}",
        tier_rule(),
        NUMBERS,
    ]


def tier_rule() -> str:
    """What the tiers of a row mean."""
    said = words_rows.tiers(TIER_NAMES, TIER_WORDS)
    return f"Cada fila dice hasta dónde se comprobaron sus registros. {said}"


def verification(records: int, verified: int) -> str:
    """How many records were verified in full, and what that means for the others."""
    left = records - verified
    if not left:
        return "Se recalculó cada número guardado de cada registro."
    return (
        f"Cada número que se muestra se recalculó con las predicciones. De {count(left)} de los "
        f"{count(records)} registros no se recalcularon los intervalos guardados, y los de sus "
        "subgrupos se omiten."
    )


def chance_rule(table: Table) -> str:
    """What a classifier scores that never looks at the image, on this test set."""
    prevalence = table.test_set.prevalence
    return (
        "Azar: un clasificador que no mira la imagen tiene AUROC y exactitud balanceada 0.500, y "
        f"precisión y precisión media {prevalence:.3f}, la prevalencia. Responder siempre normal "
        f"ya da una exactitud de {1 - prevalence:.3f}."
    )


def undefined_reason(row: Row, metric: str) -> str:
    """Why a metric of ``row`` has no value."""
    return words_rows.undefined(
        row, metric, "sin definir en {bad} de {n} réplicas (nada se dio por cáncer)"
    )


def operating_point(row: Row) -> str:
    """How the operating point of a row was chosen."""
    return words_rows.operating_point(row, _RULES, _CHOSEN)


def replicates(row: Row) -> str:
    """``1 réplica``, ``3 réplicas``, or ``2 de 3 réplicas`` where one is missing."""
    return words_rows.replicates(row, "réplica", "réplicas", "de")


def verdict(row: Row) -> str:
    """The row's flag in words, or nothing when it is above chance."""
    return VERDICTS.get(row.verdict, "")


def test_set(table: Table) -> str:
    """The test set in numbers, with the positive class."""
    t = table.test_set
    films = "películas simuladas" if table.simulated else "películas reales"
    return (
        f"real_test: {count(t.n)} {films} ({count(t.cancer)} con cáncer, {count(t.normal)} "
        f"normales) de {count(t.patients)} pacientes, conjunto {t.digest[:8]}; clase positiva: "
        "cáncer"
    )


def image_for_image(table: Table) -> list[str]:
    """One sentence for each series that has TRTR and its twin: what films are worth to it."""
    sentence = "{name}: TRTR menos su gemelo {value} de AUROC{span}, {reading}"
    return words_rows.image_for_image(table, sentence, _READINGS, to="a")


def missing(table: Table) -> list[str]:
    """One sentence for each series that lacks configurations or replicates."""
    short = "{name} tiene {n} de {due} réplicas"
    return words_rows.missing(table, "sin medir: {names}", short, _PLAIN)
