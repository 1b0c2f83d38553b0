"""What only the page says: headings, labels of controls, captions. Its values stand in
`words_page_en` and `words_page_es`.

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
