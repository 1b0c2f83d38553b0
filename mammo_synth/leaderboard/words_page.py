"""What only the page says: headings, labels of controls, captions. One value for each language.

Sentences that other forms of the leaderboard share are in `mammo_synth.leaderboard.words`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Labels:
    """The page's own words; braces are filled in by the page or its script."""

    lang: str
    thousands: str
    """Between groups of three digits."""
    title: str
    lede: str
    never: str
    on_this_page: str
    other_language: str
    other_lang: str
    other_page: str
    published: str
    how_to_read: str
    release: str
    images: str
    images_value: str
    test: str
    ranked_on: str
    simulated: str
    # Sorting and filtering.
    tools: str
    tools_hint: str
    sort_by: str
    reverse: str
    rank: str
    name_column: str
    configuration: str
    classifier: str
    class_ratio: str
    synthetic_fraction: str
    date: str
    date_from: str
    date_to: str
    every: str
    reset: str
    shown: str
    sorted_by: str
    ascending: str
    descending: str
    # The ranking.
    caption: str
    gap: str
    operating_point: str
    gap_note: str
    bar_note: str
    missing_row: str
    missing_tag: str
    chance_line: str
    guessing: str
    not_measured: str
    image_for_image: str
    missing: str
    # What a row opens to.
    settings: str
    measured: str
    replicate: str
    replicate_seed: str
    calls: str
    cut: str
    made: str
    record_file: str
    predictions_file: str
    predictions_test_file: str
    new_tab: str
    curves: str
    curves_note: str
    no_curves: str
    no_curves_brought: str
    roc: str
    roc_x: str
    roc_y: str
    roc_note: str
    pr: str
    pr_x: str
    pr_y: str
    confusion: str
    own_test: str
    cancer: str
    normal: str
    called_cancer: str
    called_normal: str
    images_table: str
    train: str
    validation: str
    synthetic: str
    real: str
    subgroups: str
    group: str
    films: str
    patients: str
    record: str
    environment: str
    scored_on: str
    epochs: str
    epochs_best: str
    seconds: str
    test_set: str
    predictions: str
    packages: str
    parameters: str
    weights: str
    recipe: str
    reading: str
    checked: str
    submitted: str
    code: str
    weights_link: str
    not_published: str
    other_mammograms: str
    epoch: str
    undefined: str
    ends_at: str
    loss: str
    accuracy: str
    precision: str
    recall: str
    loading_needs_script: str
    yes: str
    no: str
    none: str
    # The study's question.
    fractions: str
    fractions_note: str
    fractions_rest: str
    against: str
    fractions_title: str
    ratio_head: str
    chance: str
    # Published rows.
    published_caption: str
    as_printed: str
    reread: str
    note: str
    published_note: str
    published_curves: str
    published_curves_note: str
    published_run: str
    footer: str
    footer_newest: str


ENGLISH = Labels(
    lang="en",
    thousands=",",
    title="mammo-synth leaderboard",
    lede="How well do classifiers that learned from synthetic mammograms find cancer on a common "
    "set of test films?",
    never="Never for diagnosis.",
    on_this_page="On this page",
    other_language="Español",
    other_lang="es",
    other_page="index.es.html",
    published="Published 2021",
    how_to_read="How to read this",
    release="Release",
    images="Images",
    images_value="{size} per configuration, {pixels} px",
    test="Test",
    ranked_on="What ranks:",
    simulated="Simulated films.",
    tools="Sort and filter",
    tools_hint="A rank is a row's place among all rows, whatever is shown. Chance, TRTR and its "
    "twin stay in sight as references.",
    sort_by="Sort by",
    reverse="Reverse order",
    rank="Rank",
    name_column="Configuration × classifier",
    configuration="Configuration",
    classifier="Classifier",
    class_ratio="Class ratio (cancer-normal)",
    synthetic_fraction="Synthetic fraction",
    date="Date",
    date_from="Made from",
    date_to="Made until",
    every="all",
    reset="Show all",
    shown="{n} of {all} lines shown",
    sorted_by="sorted by {what}, {order}",
    ascending="ascending",
    descending="descending",
    caption="Ranked on AUROC; positive class: cancer. 95 % intervals in small print. Open the line "
    "under a row for its settings, curves and files.",
    gap="Shortcut gap",
    operating_point="Operating point",
    gap_note="Shortcut gap: balanced accuracy on the configuration's own test split minus that on "
    "real_test.",
    bar_note="Bar in the AUROC cell, from 0 to 1: dot and line for value and interval, upright red "
    "line for chance (0.5), short dotted line for TRTR of the same classifier.",
    missing_row="Not measured, so without a rank: {names}",
    missing_tag="missing",
    chance_line="chance line",
    guessing="guessing",
    not_measured="not measured",
    image_for_image="Image for image",
    missing="Missing replicates",
    settings="Settings",
    measured="What was measured",
    replicate="Replicate {k}",
    replicate_seed="Replicate {k}, seed {seed}",
    calls="AUROC {auroc}; {tp} of {cancer} cancer films and {tn} of {normal} normal films called "
    "rightly",
    cut="cut at {cut}",
    made="made {date}",
    record_file="record",
    predictions_file="predictions",
    predictions_test_file="predictions, own test split",
    new_tab="opens in a new tab",
    curves="Training curves",
    curves_note="Solid: train. Dashed: validation. Dotted upright: epoch whose weights were kept. "
    "Positive class: cancer.",
    no_curves="No training curves: this classifier does not learn in epochs.",
    no_curves_brought="No training curves: it was trained elsewhere, and only its "
    "predictions were brought.",
    roc="ROC curve, real_test",
    roc_x="1 − specificity",
    roc_y="sensitivity",
    roc_note="Ring: operating point. Dashed in red: chance. At most {n} points are drawn of each "
    "curve.",
    pr="Precision and recall, real_test",
    pr_x="recall (sensitivity)",
    pr_y="precision",
    confusion="Confusion matrix, {split} (cut at {cut})",
    own_test="own test split",
    cancer="Cancer",
    normal="Normal",
    called_cancer="Called cancer",
    called_normal="Called normal",
    images_table="Images by class and origin",
    train="train",
    validation="validation",
    synthetic="Synthetic",
    real="Real",
    subgroups="By subgroup of real_test (positive class: cancer; 95 % intervals in small print)",
    group="Subgroup",
    films="Films",
    patients="Patients",
    record="Record",
    environment="Environment",
    scored_on="Scored on",
    epochs="epochs",
    epochs_best="{n}, best {best}",
    seconds="seconds",
    test_set="test set, {split}",
    predictions="predictions, {split}",
    packages="packages",
    parameters="parameters",
    weights="first weights",
    recipe="recipe",
    reading="Reading",
    checked="Checked:",
    submitted="Submitted by",
    code="code",
    weights_link="weights",
    not_published="not published",
    other_mammograms="other mammograms trained on",
    epoch="epoch {n}",
    undefined="undefined",
    ends_at="{name} ends at {value}",
    loss="loss",
    accuracy="accuracy",
    precision="precision",
    recall="recall",
    loading_needs_script="Settings, curves, confusion matrices, subgroups and environment are "
    "drawn by the page's script, which is off here; the record holds them all.",
    yes="yes",
    no="no",
    none="none",
    fractions="What the synthetic fraction does",
    fractions_note="Each panel is one class ratio of the training images. The leftmost place is "
    "the TRTR baseline, trained on real films only; its level runs on as a dotted line. Beside it "
    "stands its twin, trained on as many synthetic images. Lines join neighbours only: a gap is a "
    "missing cell. Dashed in red: chance.",
    fractions_rest="Drawn are the {n} classifiers with the best AUROC of a ranked row, of {all}; "
    "the table has the numbers of all.",
    against="{metric} against synthetic fraction",
    fractions_title="{metric} against synthetic fraction, class ratio {ratio}",
    ratio_head="{ratio} cancer-normal",
    chance="chance",
    published_caption="The same rows twice: as printed, and read for cancer. Not comparable with "
    "the tables above.",
    as_printed="As printed, positive class: normal",
    reread="Read for cancer, positive class: cancer",
    note="Note",
    published_note="Chance on these films: balanced accuracy 0.500. The study printed no results "
    "as numbers for {names}.",
    published_curves="Training curves as published (positive class: normal)",
    published_curves_note="Solid: train. Dashed: validation, split off the training images.",
    published_run="{name} as published, positive class normal",
    footer="Made from {records}, by mammo-synth {version}: a pure function of the records and the "
    "predictions beside them.",
    footer_newest="Made from {records}, the newest of {date}, by mammo-synth {version}: a pure "
    "function of the records and the predictions beside them.",
)
