"""The assessment of pools against films, from folders to a finished report.

Every image is read from where it lies, described once by every extractor, and compared; every
finished part is kept in a hidden folder until the report stands, so a killed run goes on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mammo_synth.configurations import LABELS
from mammo_synth.errors import BadInput
from mammo_synth.files import sha256_file, sha256_json, write_json, write_text
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.manifest import is_current, relative_input, write_manifest
from mammo_synth.progress import SILENT, Progress
from mammo_synth.quality.feature_cache import FeatureCache
from mammo_synth.quality.features import Extractor
from mammo_synth.quality.measures import MEASURES, Measure, find_measure
from mammo_synth.step import step_folder

from .content import report_content
from .curves import curves
from .description import Compared, Described, describe
from .fidelity import Task, measure_rows
from .films import HELD_OUT, TRAINING, Learned, films_of, generator_file, learned
from .looking import shortcuts_of
from .page import render_page
from .parts import Parts, plain
from .pictures import Pictures, draw_montages, privacy_part
from .pools import Pool, report_inputs
from .report import KIND, REPORT_NAME, QualityReport, check_content
from .summaries import SPECTRA, Summary, smallest_side, summaries_of, summary_name

PAGE_NAME = "report.html"
WORK = ".work"


@dataclass(frozen=True)
class AssessSettings:
    """What determines a report, beside pools, films and extractors.

    Attributes:
        measures: Names of measures, in the order of the table.
        resamples: Draws for each interval and splits for each floor; None: as many as take minutes.
        seed: Of all draws.
    """

    measures: tuple[str, ...] = tuple(MEASURES)
    resamples: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resamples is not None and self.resamples < 2:
            raise BadInput(
                f"{self.resamples} resamples were asked for; 2 or more were expected.",
                hint="Leave --resamples away for the usual number.",
            )


@dataclass(frozen=True)
class Tools:
    """What an assessment works with.

    Attributes:
        extractors: The first gives the numbers of the card, and realism.
        cache: Folder of features that outlives the report; None: they are kept until it stands.
        generators: Files of the generators by label, where a pool does not lead to them.
        discriminators: Training checkpoints by label, for membership inference.
        device: For generators and discriminators: auto, cpu or cuda.
    """

    extractors: tuple[Extractor, ...]
    cache: Path | None = None
    generators: Mapping[str, Path] = field(default_factory=dict)
    discriminators: Mapping[str, Path] = field(default_factory=dict)
    device: str = "auto"


def assess(
    pools: Mapping[str, Pool],
    prepared: PreparedSet,
    out: Path,
    settings: AssessSettings,
    tools: Tools,
    *,
    replace: bool = False,
    progress: Progress = SILENT,
) -> QualityReport:
    """Make (or finish, or recognise) the report of ``pools`` in ``out``.

    Args:
        pools: By label, of `mammo_synth.quality.pools.open_pools`.
        prepared: The films that the generators were trained on.
        out: Folder of the report.
        settings: Measures, draws, seed.
        tools: Extractors and files.
        replace: Replace a finished report of other settings in ``out``.
        progress: Told of every part.

    Raises:
        BadInput: Pools and films do not belong together, or ``out`` holds something else.
    """
    files = generator_files(pools, tools.generators)
    origins = check_together(pools, prepared, files)
    measures = chosen_measures(settings.measures, prepared.size)
    said = _settings(pools, settings, tools, files)
    inputs = (
        relative_input("prepared-set", prepared.folder, out),
        *report_inputs(list(pools.values()), out),
    )
    if is_current(out, KIND, settings=said, seed=settings.seed, inputs=inputs):
        return QualityReport.open(out)
    compared = _compared(pools, prepared, origins)
    plan = sha256_json({"settings": said, "seed": settings.seed, "in": [i.sha256 for i in inputs]})
    with step_folder(out, plan, replace=KIND if replace else None) as folder:
        work = folder / WORK
        parts = Parts(work)
        cache = FeatureCache(tools.cache or work / "features")
        summaries = {
            name: describe(compared, Summary(name, prepared.size), cache, progress)
            for name in summaries_of(prepared.size)
        }
        features = [describe(compared, one, cache, progress) for one in tools.extractors]
        rows = measure_rows(
            _tasks(measures, tools.extractors, features, summaries), compared, parts,
            resamples=settings.resamples, seed=settings.seed, progress=progress,
        )  # fmt: skip
        labels = {label: origin.labels for label, origin in origins.items()}
        drawn = parts.get("curves", partial(curves, compared, summaries, features, labels))
        shortcuts = None
        if SPECTRA in summaries:  # smaller images have no spectrum to look at
            look = partial(shortcuts_of, compared, settings.seed, progress)
            shortcuts = parts.get("shortcuts", look)
        pictures = Pictures(folder, parts)
        may_show = bool(prepared.terms["redistributable"])
        privacy, pairs = {}, {}
        for label in pools:
            privacy[label], pairs[label] = privacy_part(
                pictures, compared, label, labels[label], features,
                discriminator=tools.discriminators.get(label), device=tools.device,
                show_films=may_show, seed=settings.seed, progress=progress,
            )  # fmt: skip
        montages = draw_montages(
            pictures, compared, features[0], origins, files,
            show_films=may_show, device=tools.device, seed=settings.seed, progress=progress,
        )  # fmt: skip
        sheets = [sheet for label in pools for sheet in (pairs[label], *montages[label])]
        missing = [sheet["reason"] for sheet in sheets if sheet["reason"]]
        shown = [sheet["montage"] for sheet in sheets if sheet["montage"]]
        content = report_content(
            compared, prepared, origins, tools.extractors,
            measures=rows, curves=drawn, shortcuts=shortcuts, privacy=privacy,
            montages=shown, missing=missing,
        )  # fmt: skip
        check_content(content, "The report")
        write_json(folder / REPORT_NAME, content)
        png = {one["file"]: (folder / one["file"]).read_bytes() for one in shown}
        told = json.loads((folder / REPORT_NAME).read_bytes())
        write_text(folder / PAGE_NAME, render_page(told, png))
        write_manifest(
            folder, KIND, settings=said, seed=settings.seed, inputs=inputs,
            facts={"passed": content["verdict"]["passed"], "labels": list(pools)},
        )  # fmt: skip
        # Last: whoever is killed before finds every part again.
        shutil.rmtree(work, ignore_errors=True)
    return QualityReport.open(out)


def check_together(
    pools: Mapping[str, Pool], prepared: PreparedSet, files: Mapping[str, Path | None]
) -> dict[str, Learned]:
    """What each pool's generator learned from; ``files`` are those at hand, by label.

    Raises:
        BadInput: Images and films are of different sizes, a release is of other films, or there are
            no training films of a label.
    """
    for label, pool in pools.items():
        if pool.images.side != prepared.size:
            raise BadInput(
                f"The {label} images in '{pool.folder}' are {pool.images.side} px, the prepared "
                f"films {prepared.size} px.",
                hint="Give the prepared set that the generator was trained on.",
            )
        if pool.prepared_manifest not in (None, prepared.manifest.sha256):
            raise BadInput(
                f"The real share of the release '{pool.folder}' is not from the prepared set "
                f"'{prepared.folder}'.",
                hint="Give the prepared set that the release was built from.",
            )
        if prepared.count("train", LABELS.index(label)) == 0:
            raise BadInput(
                f"The prepared set '{prepared.folder}' has no {label} training films.",
                hint="Give the prepared set that the generator was trained on.",
            )
    return {label: learned(pool, prepared, files.get(label)) for label, pool in pools.items()}


def generator_files(pools: Mapping[str, Pool], given: Mapping[str, Path]) -> dict[str, Path | None]:
    """The file of each pool's generator; None where it is not at hand."""
    return {label: generator_file(pool, given.get(label)) for label, pool in pools.items()}


def chosen_measures(names: Sequence[str], side: int) -> list[Measure]:
    """The measures of these names that images of ``side`` pixels allow.

    Raises:
        BadInput: An unknown name, or none that is left.
    """
    wanted = [find_measure(name) for name in dict.fromkeys(names)]
    left = [m for m in wanted if m.on != "images" or side >= smallest_side(m)]
    if not left:
        raise BadInput(
            f"None of the measures {', '.join(names)} takes images of {side} px.",
            hint=f"Choose of {', '.join(MEASURES)}.",
        )
    return left


def _settings(
    pools: Mapping[str, Pool],
    settings: AssessSettings,
    tools: Tools,
    files: Mapping[str, Path | None],
) -> dict[str, Any]:
    said: dict[str, Any] = plain({
        **{key: value for key, value in asdict(settings).items() if key != "seed"},
        "pools": {label: pool.described() for label, pool in pools.items()},
        "extractors": {one.name: one.digest for one in tools.extractors},
        "discriminators": {
            label: sha256_file(path) for label, path in tools.discriminators.items()
        },
        "generators_at_hand": [label for label, file in files.items() if file is not None],
    })  # fmt: skip
    return said


def _compared(
    pools: Mapping[str, Pool], prepared: PreparedSet, origins: Mapping[str, Learned]
) -> Compared:
    labels = {label for one in origins.values() for label in one.labels}
    training = films_of(prepared, TRAINING, labels)
    everyone = films_of(prepared, TRAINING)
    held_out = films_of(prepared, HELD_OUT, labels, without=set(everyone.patients))
    return Compared(pools, training, held_out)


def _tasks(
    measures: Sequence[Measure],
    extractors: Sequence[Extractor],
    features: Sequence[Described],
    summaries: Mapping[str, Described],
) -> list[Task]:
    tasks = [
        Task(measure, rows, extractor)
        for extractor, rows in zip(extractors, features, strict=True)
        for measure in measures
        if measure.on == "features"
    ]
    return tasks + [
        Task(measure, summaries[summary_name(measure)], None)
        for measure in measures
        if measure.on == "images"
    ]
