"""The sentences of the page."""

from __future__ import annotations

from collections.abc import Mapping

NOTICE = (
    "These images are synthetic, for research and teaching. Nothing on this page is a medical "
    "device, and no image here may be used for diagnosis."
)
SIMULATED = (
    "The films are phantoms that a program drew: these numbers show that the assessment works and "
    "say nothing about real mammograms."
)
STUDY = (
    "Study protocol. The rules of the 2021 study: cancer means any tumour, benign ones included, "
    "and real films may stand both in training and in the test."
)
STRICT = "Strict protocol. Cancer means malignant; patients and seeds never cross to the test."

PASSED = "Passed. No threshold of the privacy gate is crossed."
FAILED = "Not passed. These images should not be published as they are."
OVERRIDDEN = "Not passed, and released all the same by a person's decision."
GATE_SCOPE = (
    "The gate judges privacy only: whether images copy training films or give away who was among "
    "them. Whether the images are good enough for your purpose is for you to read below."
)
FLOOR = (
    "How to read the numbers: few films make every distance large, even between films. So beside "
    "each number stands its floor, the same number between films and films of other patients. "
    "No generator needs to be better than that."
)
POOLED = (
    "“Both classes” takes cancer and normal together, in the proportions that the films have; each "
    "class also stands alone."
)
EQUAL_COUNTS = (
    "Most of these numbers depend on how many images are compared, so compare the two columns “at "
    "equal counts”. The chance says how many random splits of the films do as badly as the "
    "synthetic images: near 0 they are told apart from films, at 0.5 or more they are not."
)
HELD_OUT = (
    "Held-out films are of patients that the generator did not see. A generator that copies its "
    "training films is nearer to those than to held-out films."
)
TEXTURE = (
    "Power spectra show how strong coarse and fine detail is; histograms show how bright the "
    "breast is. Where the dashed line leaves the solid one by more than the dotted one does, "
    "synthetic images differ from films by more than other films do."
)
SPECTRUM = (
    "Mean power spectrum. Left: coarse structure; right: fine texture and grain. A dashed line "
    "below the solid one at the right means blur, above it noise."
)
DIFFERENCE = (
    "The same, as the difference from the training films (the solid line at 0): +3 dB is twice the "
    "power, −3 dB is half of it. The dotted line shows how far other films differ."
)
HISTOGRAM = (
    "Mean histogram of grey levels inside the breast: share of its pixels in each step of grey, "
    "dark at the left."
)
DISTANCES = (
    "Share of images within a distance of their nearest training film, by {space}. A dashed line "
    "left of the dotted one: synthetic images are closer to training films than films of unseen "
    "patients are."
)
COPIES = (
    "Every synthetic image was compared with every training film, also mirrored, turned, shifted "
    "and scaled: {images} with {films}, {pairs} pairs."
)
NEAREST = (
    "Closer: the chance that a synthetic image is closer to its nearest training film than a "
    "held-out film is to its own; 0.5 means alike. The p-values are one-sided; a small p for "
    "“closer” speaks for copying, a small p for “farther” for images unlike films."
)
MEMBERSHIP = (
    "Can someone who has the pool tell which films the generator learned from? AUROC 0.5 is "
    "chance, 1 is always. Films only are compared, so this does not depend on how real the "
    "synthetic images look."
)
AUTHENTICITY = (
    "A synthetic image is authentic if it is farther from its nearest training film than that "
    "film is from the next training film. Compare with the same share of held-out films: much "
    "less means images that hug training films."
)
DUPLICATES = (
    "Images of the pool that repeat one another: no matter of privacy, but the pool then holds "
    "fewer images than it seems."
)
CLOSEST = (
    "The images that agree most with a training film after alignment. Agreement 1 is a copy; p is "
    "the share of held-out films that agree as much with a training film."
)
SHORTCUTS = (
    "Two generators leave two fingerprints. If the background or the spectrum alone tells cancer "
    "from normal, a classifier trained on these images can learn that instead of the disease. "
    "AUROC 0.5 is chance; beside each number for synthetic images stands that of films."
)
MONTAGES = "What the numbers cannot show. Look for repeated, blurred or impossible images."
NO_HELD_OUT = "There are no held-out films of two or more patients, so this was not tested."
WITHHELD = (
    "The terms of the films do not allow that they are passed on, so no film is shown: grey tiles "
    "stand in their place."
)
INTERVALS = (
    "Intervals (95 % unless said otherwise) say how far a number would move with other patients "
    "and other seeds: halves of patients and of seeds are drawn without replacement (the delete‑d "
    "jackknife). They hold at these counts."
)
FLOORS = (
    "Floors are taken between disjoint halves of the training films, split at random by patient, "
    "and the synthetic images are measured against the same halves at the same counts. The range "
    "beside the median holds 95 % of the splits."
)

HOW_TO_READ: Mapping[str, str] = {
    "frechet": "Compares mean and spread of all features: 0 for equal sets.",
    "frechet_infinity": "The same without the part that comes from having few images; it may fall "
    "below 0 by chance.",
    "kid": "Compares features pair by pair: 0 on average for equal sets, below 0 by chance.",
    "precision": "Share of synthetic images that look like some film; low means unreal images.",
    "recall": "Share of films that look like some synthetic image; low means kinds of film that "
    "the generator does not draw.",
    "density": "How crowded synthetic images are around films; far below the floor means unreal "
    "images.",
    "coverage": "Share of films with a synthetic image close by; low means kinds of film that are "
    "missing.",
    "diversity": "How different images are from one another: 1 is as varied as films, much above "
    "1 may be noise.",
    "vendi": "How many different images there are: falls with each kind of film that is lost and "
    "with repeats.",
    "spectrum": "Difference in the strength of coarse and fine detail: 0 for equal texture.",
    "slope": "Difference in how fast detail fades from coarse to fine: blur and noise show here.",
    "histogram": "By how many of 256 grey levels a pixel of the breast would have to change on "
    "average.",
    "exposure": "By how many of 256 grey levels the brightness of whole images differs on average.",
}
"""By the name of a measure."""

BETTER = {"lower": "↓ lower is better", "higher": "↑ higher is better"}

THRESHOLDS: Mapping[str, str] = {
    "near_copy": "An image that agrees so well with a training film after alignment counts as a "
    "near copy of it.",
    "exact_copies": "So many exact copies of training films may be in the pool.",
    "near_copies": "So many near copies of training films may be in the pool.",
    "membership": "The lower end of the interval of a membership AUROC may not be above this.",
    "p_closer": "Level of the one-sided tests of “closer”, divided by their number.",
    "closer": "A test of “closer” counts only if its chance is above this as well: with thousands "
    "of images any difference has a small p-value.",
    "least_held_out": "With fewer held-out films the verdict warns: the tests then say little.",
    "discriminator": "Membership AUROC of the discriminator above which the verdict warns; it does "
    "not block, for no discriminator is published with a pool.",
    "authenticity": "A share of authentic images so much below that of held-out films is worth a "
    "warning.",
    "duplicates": "A larger share of near duplicates within the pool is worth a warning.",
}
"""By the name of a setting of the gate."""

PAPERS = (
    ("Fréchet distance: Heusel et al. 2017", "1706.08500"),
    ("Its value at infinitely many images: Chong and Forsyth 2020", "1911.07023"),
    ("Kernel distance: Bińkowski et al. 2018", "1801.01401"),
    ("Precision, recall and realism: Kynkäänniemi et al. 2019", "1904.06991"),
    ("Density and coverage: Naeem et al. 2020", "2002.09797"),
    ("Effective number of images: Friedman and Dieng 2023", "2210.02410"),
    ("Spectra of generated images: Durall et al. 2020", "2003.01826"),
    ("Authenticity: Alaa et al. 2022", "2102.08921"),
    ("Membership by distance: Chen et al. 2020", "1909.03935"),
    ("Membership by the discriminator: Hayes et al. 2019", "1705.07663"),
)
"""What the measures are from, with their numbers at arXiv."""


def apart(chance: float, splits: int) -> str:
    """What the chance of a floor says, in words."""
    if chance <= max(0.05, 1.001 / (1 + splits)):
        return "told apart from films"
    return "not clearly told apart" if chance < 0.5 else "not told apart from films"


def against_chance(low: float | None, high: float | None) -> str:
    """Where the interval of an AUROC stands."""
    if low is None or high is None:
        return ""
    if low > 0.5:
        return "better than chance"
    return "below chance" if high < 0.5 else "not told from chance"
