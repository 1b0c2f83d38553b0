"""What every card of a release and its Croissant file say in the same words: warnings, labels,
biases, uses, terms. A statement depends on nothing but the release's settings and facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mammo_synth.release.forms import REFERENCED, may_be_passed_on
from mammo_synth.release.schema import DENSITY, columns_of

NOT_ASSESSED = (
    "Not assessed for this release. Nothing should be concluded about how close these images are "
    "to films, nor about copies of training films among them."
)
LICENCE_URLS = {
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "cc-by-3.0": "https://creativecommons.org/licenses/by/3.0/",
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/",
}


@dataclass(frozen=True)
class Words:
    """Statements of one release, in plain sentences without mark-up unless said.

    Attributes:
        title: Name for people: a phantom release says so in it, a study release too.
        film, films: What its rows of origin ``real`` are.
        diagnosis: The first warning.
        phantom, study, private: Further warnings, None where they do not apply.
        cancer: What label 1 means here.
        labels: How labels came about, a list.
        biases: Known shortcuts and biases, a list.
        limits: What else limits it, a list.
        uses: What it is for.
        out_of_scope: What it is not for, diagnosis first, a list.
        sensitive: Personal and sensitive information.
        terms: Licence and terms.
        maintenance: Who looks after it, and how errors are handled.
    """

    title: str
    film: str
    films: str
    diagnosis: str
    phantom: str | None
    study: str | None
    private: str | None
    cancer: str
    labels: tuple[str, ...]
    biases: tuple[str, ...]
    limits: tuple[str, ...]
    uses: str
    out_of_scope: tuple[str, ...]
    sensitive: str
    terms: str
    maintenance: str

    @classmethod
    def of(cls, settings: Mapping[str, Any], facts: Mapping[str, Any]) -> Words:
        """The statements of a release; ``facts`` are complete (`card_facts.complete`)."""
        simulated = bool(facts["terms"]["simulated"])
        study = facts["protocol"] == "study"
        film = "phantom film" if simulated else "real film"
        return cls(
            title=title(facts),
            film=film,
            films=f"{film}s",
            diagnosis=(
                "Synthetic data for research and teaching. Never for diagnosis, nor for any "
                "decision about a patient."
            ),
            phantom=_PHANTOM if simulated else None,
            study=_STUDY if study else None,
            private=None if may_be_passed_on(facts) else _PRIVATE,
            cancer=_STUDY_CANCER if study else _STRICT_CANCER,
            labels=_labels(simulated),
            biases=_biases(facts, simulated),
            limits=_limits(facts, study),
            uses=_uses(simulated),
            out_of_scope=_out_of_scope(simulated),
            sensitive=_sensitive(facts, simulated),
            terms=_terms(facts, simulated),
            maintenance=_MAINTENANCE,
        )


def title(facts: Mapping[str, Any]) -> str:
    """Name for people: a phantom release says so in it, a study release too."""
    name = "mammo-synth: synthetic mammograms"
    if facts["terms"]["simulated"]:
        name += " (phantom: made from simulated films)"
    if facts["protocol"] == "study":
        name += " (study protocol: films may overlap)"
    return name


_PHANTOM = (
    "The films behind this release are simulated. Nothing here is evidence about mammograms of "
    "patients, and no result on it may stand in one ranking with results on real films."
)
_STUDY = (
    '"Cancer" here is any tumour, benign or malignant, and films may stand in more than one split, '
    "as in the 2021 study that this reproduces. Do not use it to claim anything about a classifier."
)
_PRIVATE = (
    "The rows of origin real hold pixels that the source's terms do not allow to be passed on. "
    "Keep this folder to yourself; do not publish it."
)
_STRICT_CANCER = (
    "A film is cancer if its own breast has a malignant finding. The healthy breast of a cancer "
    "patient is normal. Films with benign findings are in neither class."
)
_STUDY_CANCER = (
    "A film is cancer if its own breast has any tumour, benign or malignant (study protocol)."
)
_MAINTENANCE = (
    "Whoever publishes this release looks after it: ask, and report errors, where you found it. A "
    "wrong label, a copy of a film or a concern about privacy is answered with a new version. "
    "Earlier versions stay at their tags, so that results can be checked, unless privacy or rights "
    "ask for their removal."
)


def _labels(simulated: bool) -> tuple[str, ...]:
    of_film = (
        "The label of a phantom film is what the simulator put into it."
        if simulated
        else "The label of a real film is the finding that its source states; nobody read it again."
    )
    return (
        of_film,
        "The label of a synthetic image is the class of the films that its generator learned from: "
        "an intent, not a finding. No radiologist has looked at any synthetic image.",
    )


def _biases(facts: Mapping[str, Any], simulated: bool) -> tuple[str, ...]:
    whose = "the simulator's idea of anatomy and tumours" if simulated else "its patients, machines"
    return (
        "Two generators leave two fingerprints: a classifier may learn which generator drew an "
        "image instead of what a tumour looks like. test is mostly synthetic, so a high score on "
        "it may mean no more than that. Look at the gap between test and real_test.",
        f"One collection of films ({facts['source']}) is behind every image: {whose}, film look "
        "and label errors come with it, and the generators add mistakes of their own. Rare looks "
        "become rarer still.",
        "Class ratios are chosen (30 to 70 % cancer); among women screened cancer is well below "
        "1 %. No score here carries over to screening.",
        _unseen_groups(facts),
    )


def _unseen_groups(facts: Mapping[str, Any]) -> str:
    """Which groups of women the columns cannot tell."""
    if DENSITY not in columns_of(facts):
        return (
            "Age, ethnicity, breast density and device are not columns here, so differences "
            "between groups of women cannot be checked."
        )
    return (
        "Age, ethnicity and device are not columns here, and breast density is known where the "
        "source says it, in the source's own classes, so most differences between groups of women "
        "cannot be checked."
    )


def _limits(facts: Mapping[str, Any], study: bool) -> tuple[str, ...]:
    size = facts["image_size"]
    crossed = (
        "Films may stand in several splits, and whether a generator has seen the films of test and "
        "real_test was not checked (study protocol)."
        if study
        else "No patient of test or real_test was seen by a generator: the build refuses "
        "generators of which this is not known."
    )
    return (
        f"Every image is one view of one breast, {size} × {size} px, 8 bits, cropped to the "
        "breast: small calcifications and fine structure are lost.",
        crossed,
    )


def _uses(simulated: bool) -> str:
    text = (
        "Research and teaching about synthetic training data: how class ratio and synthetic "
        "fraction change a classifier, measured on held-out films"
    )
    return text + ("; here, how the method and the software work." if simulated else ".")


def _out_of_scope(simulated: bool) -> tuple[str, ...]:
    claims = (
        "Claims about mammograms of patients: everything here comes from simulated films"
        if simulated
        else "Claims about screening, or about other films, from scores on this release"
    )
    return (
        "Diagnosis, screening, triage, or any other decision about a patient",
        "Training or validating a medical product",
        "Teaching anyone to read mammograms: synthetic anatomy and tumours may be wrong",
        claims,
        "Attempts to identify a person, or to recover training films from images or generators",
    )


def _sensitive(facts: Mapping[str, Any], simulated: bool) -> str:
    if simulated:
        return "None: no image and no identifier comes from a person. Patients are simulated."
    synthetic = (
        "A generator can repeat films that it learned from, so a synthetic image may resemble a "
        "patient's film: see quality and privacy."
    )
    if facts["real"] == REFERENCED:
        return (
            "No pixel of a real film is in this folder. References name films by the source's own "
            f"image id and digests, patients by a pseudonym. {synthetic}"
        )
    return (
        "Rows of origin real are mammograms of patients: health data. Patients are named by a "
        "pseudonym; names, dates and other header fields of the source are not taken over, and "
        "label plates outside the breast are cropped or blackened, though a rest may remain. Do "
        f"not try to identify anyone. {synthetic}"
    )


def _terms(facts: Mapping[str, Any], simulated: bool) -> str:
    text = f"Films ({facts['source']}): {facts['terms']['licence']}."
    if simulated:
        return text
    if facts["real"] == REFERENCED:
        text += " Their pixels may not be passed on and are not in this folder."
    elif not facts["terms"]["redistributable"]:
        text += " Their pixels may not be passed on: this folder is for its owner alone."
    return (
        f"{text} Synthetic images were learned from these films; whether the same terms bind them "
        "is for you to check before you pass them on or use them commercially."
    )
