"""The sentences that every form of the leaderboard says alike."""

from __future__ import annotations

from mammo_synth.bench.fractions import POSITIONS as POSITIONS
from mammo_synth.bench.published import Published
from mammo_synth.leaderboard import words_rows
from mammo_synth.leaderboard.model import BASELINE, TWIN, Row, Table
from mammo_synth.leaderboard.model import METRIC_NAMES as METRIC_NAMES
from mammo_synth.leaderboard.tiers import TIER_NAMES as TIER_NAMES
from mammo_synth.leaderboard.tiers import TIER_WORDS as TIER_WORDS
from mammo_synth.leaderboard.words_numbers import DASH as DASH
from mammo_synth.leaderboard.words_numbers import count as count
from mammo_synth.leaderboard.words_numbers import interval as interval
from mammo_synth.leaderboard.words_numbers import number as number
from mammo_synth.leaderboard.words_numbers import signed as signed
from mammo_synth.leaderboard.words_numbers import signed_interval as signed_interval
from mammo_synth.leaderboard.words_records import AGAIN as AGAIN
from mammo_synth.leaderboard.words_records import again as again
from mammo_synth.leaderboard.words_records import recipe as recipe
from mammo_synth.leaderboard.words_records import rerun_warning as rerun_warning
from mammo_synth.leaderboard.words_records import weights as weights
from mammo_synth.leaderboard.words_rows import rerun_differences as rerun_differences
from mammo_synth.leaderboard.words_rows import stated_weights as stated_weights

NOTICE = (
    "Synthetic data for research and teaching. Nothing here is a medical device, and no image or "
    "classifier named here may be used for diagnosis."
)
PHANTOM_REST = (
    "These numbers come from phantom films that a program drew: they show that "
    "the benchmark works and are not evidence about real mammograms."
)
PHANTOM = f"Simulated films. {PHANTOM_REST}"
STUDY_PROTOCOL = (
    "Study protocol. The rules of the 2021 study: cancer means any tumour, benign ones included, "
    "and real films may stand both in training and in the test. For reproducing the study only; "
    "never ranked with the strict protocol."
)
STRICT_PROTOCOL = (
    "Strict protocol. Cancer means malignant; patients, films and seeds never cross from training "
    "to test."
)
IMAGE_FOR_IMAGE = "Real films against as many synthetic images (paired bootstrap, 95 % interval)"
POSITIVE = "positive class: cancer"
WHY_AUROC = (
    "Ranked on AUROC on the real_test split: it needs no operating point, so a threshold chosen "
    "on synthetic validation images cannot move a rank, and its chance level is 0.500 at any "
    "class ratio. Balanced accuracy beside it says what the chosen operating point makes of it."
)
SHORT_WHY_AUROC = "ranked on AUROC (needs no operating point)"
CHANCE_RULE = (
    "A row whose AUROC interval includes 0.500 is called not distinguishable from chance. The "
    "interval is that of one row: of forty rows at chance about one lies above 0.500 by luck. The "
    "chance line and TRTR (trained on real, tested on real) stand in every table without a rank; "
    "so do controls, which see no tissue or no image and are expected at chance."
)
TWIN_RULE = (
    "TRTR learns from far fewer images than any configuration. Its twin, synthetic-reduced, learns "
    "from synthetic images alone, of each label as many as TRTR has films: the two differ in the "
    "kind of image and not in the number. The twin has no rank either."
)
MISSING_RULE = (
    "A cell is configuration, classifier and replicate. What was not measured is listed as "
    "missing. A row of a configuration that lacks replicates is incomplete: it has no rank and no "
    "place in the charts. It should have as many as half of its classifier's configurations have "
    "or more, none left out in between."
)
REFUSAL = (
    "Every number shown is recomputed from the predictions kept beside each record. A record that "
    "does not fit its predictions is not left out: rendering stops and names the file."
)
REREAD = (
    "The study printed precision and recall of the class normal without saying so: with cancer "
    "positive, its own accuracy would not come out. The right half reads the same numbers for "
    "cancer. Prevalence of cancer is {prevalence}, so a precision of {prevalence} and a balanced "
    "accuracy of 0.500 are what guessing gives."
)
PUBLISHED_TITLE = "Published 2021, not measured here, never ranked"

SUMMARY_ES = (
    "Esta página ordena clasificadores entrenados con mamografías sintéticas y evaluados con un "
    "mismo conjunto de películas de prueba. La clase positiva es siempre cáncer. El orden sigue el "
    "AUROC, que no necesita umbral, con intervalos del 95 % por paciente; los puestos que no se "
    "pueden distinguir figuran como empates, y lo que no se distingue del azar se dice.",
    "Dos referencias figuran sin puesto: TRTR («real»), entrenado solo con películas reales, y su "
    "gemelo («synthetic-reduced»), entrenado solo con imágenes sintéticas, de cada clase tantas "
    "como películas tiene TRTR: entre los dos cambia el tipo de imagen, no el número.",
    "Las películas simuladas (phantom) nunca se mezclan con películas reales y no dicen nada sobre "
    "mamografías reales. Datos sintéticos para investigación y docencia: nunca para diagnóstico.",
)

VERDICTS = {
    "chance": "not distinguishable from chance",
    "below": "below chance",
    "undefined": "AUROC undefined",
}
_READINGS = {
    "none": "no interval",
    "same": "not told apart",
    "real": "real films better",
    "synthetic": "synthetic images better",
}
_CHOSEN = {"validation": "chosen on validation data", "given": "given with the predictions"}
_PLAIN = {BASELINE: "real (TRTR)", TWIN: f"{TWIN} (the twin of TRTR)"}
PROTOCOLS = {"strict": STRICT_PROTOCOL, "study": STUDY_PROTOCOL}
SPOKEN = ("TRTR", "its synthetic twin of the same count", *POSITIONS[2:])
"""`POSITIONS` as a screen reader is told them."""


def interval_rule(resamples: int) -> str:
    """How the intervals are made."""
    return (
        f"Values are means over replicates. Intervals are 95 % percentile intervals of a "
        f"bootstrap of {resamples:,} resamples that draws patients, not images."
    )


def tie_rule(resamples: int) -> str:
    """When two rows share a rank."""
    return (
        f"Ties: the best row opens a group and is compared with every row below it by a paired "
        f"bootstrap over the same patients ({resamples:,} resamples), with p values corrected by "
        f"Holm's method for the number of comparisons. Rows share its rank down to the first that "
        f"differs in AUROC (corrected p of 0.05 or less), which opens the next group. Where no "
        f"resample turns a difference round, the normal curve gives its p."
    )


def title(table: Table) -> str:
    """Film source and protocol."""
    return table.title


def release(table: Table) -> str:
    """Release name, version, digest and revision."""
    return table.release_text


def rank(text: str) -> str:
    """What stands in the rank column."""
    return text


def records(n: int) -> str:
    """``1 record`` or ``3 records``."""
    return f"{n:,} record" if n == 1 else f"{n:,} records"


def repeated(first: str) -> str:
    """The warning about a published row that repeats another."""
    return f"as printed, digit for digit the row of {first}: probably a misprint"


def known(sentence: str) -> str:
    """A sentence that a record holds, such as why a subgroup has no value."""
    return sentence


def study_source(study: Published) -> str:
    """Where the published rows come from and what they were measured on."""
    n = study.cancer + study.normal
    return (
        f"{study.source} On {n:,} real DDSM films ({study.cancer:,} cancer, "
        f"{study.normal:,} normal), rules of the study protocol."
    )


def reread(study: Published) -> str:
    """Why the study's numbers are read twice."""
    return REREAD.format(prevalence=number(study.cancer / (study.cancer + study.normal)))


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
    ]


def tier_rule() -> str:
    """What the tiers of a row mean."""
    said = words_rows.tiers(TIER_NAMES, TIER_WORDS)
    return f"Each row says how far its records were checked. {said}"


def verification(records: int, verified: int) -> str:
    """How many records were verified in full, and what that means for the others."""
    left = records - verified
    if not left:
        return "Every stored number of every record was recomputed."
    return (
        f"Every number shown is recomputed from predictions. Of {left:,} of {records:,} records "
        f"the stored intervals were not recomputed, and those of their subgroups are left out."
    )


def chance_rule(table: Table) -> str:
    """What a classifier scores that never looks at the image, on this test set."""
    prevalence = table.test_set.prevalence
    return (
        f"Chance: a classifier that does not look at the image has AUROC and balanced accuracy "
        f"0.500, and precision and average precision {prevalence:.3f}, the prevalence. Always "
        f"answering normal already has accuracy {1 - prevalence:.3f}."
    )


def undefined_reason(row: Row, metric: str) -> str:
    """Why a metric of ``row`` has no value."""
    return words_rows.undefined(
        row, metric, "undefined in {bad} of {n} replicates (no predicted cancer)"
    )


def thresholds(row: Row) -> str:
    """Operating points of a row's runs, as one value or a range."""
    values = sorted(run.scored["real_test"].threshold for run in row.runs)
    low, high = number(values[0]), number(values[-1])
    return low if low == high else f"{low}–{high}"


def operating_point(row: Row) -> str:
    """How the operating point of a row was chosen."""
    return words_rows.operating_point(row, {}, _CHOSEN)


def replicates(row: Row) -> str:
    """``1 replicate``, ``3 replicates``, or ``2 of 3 replicates`` where one is missing."""
    return words_rows.replicates(row, "replicate", "replicates", "of")


def verdict(row: Row) -> str:
    """The row's flag in words, or nothing when it is above chance."""
    return VERDICTS.get(row.verdict, "")


def test_set(table: Table) -> str:
    """The test set in numbers, with the positive class."""
    t = table.test_set
    films = "simulated films" if table.simulated else "real films"
    return (
        f"real_test: {t.n:,} {films} ({t.cancer:,} cancer, {t.normal:,} normal) of "
        f"{t.patients:,} patients, test set {t.digest[:8]}; {POSITIVE}"
    )


def image_for_image(table: Table) -> list[str]:
    """One sentence for each series that has TRTR and its twin: what films are worth to it."""
    sentence = "{name}: TRTR minus its twin {value} AUROC{span}, {reading}"
    return words_rows.image_for_image(table, sentence, _READINGS)


def missing(table: Table) -> list[str]:
    """One sentence for each series that lacks configurations or replicates."""
    short = "{name} has {n} of {due} replicates"
    return words_rows.missing(table, "not measured: {names}", short, _PLAIN)
