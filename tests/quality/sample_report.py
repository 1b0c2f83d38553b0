"""A whole quality report as its parts write it, small: for the page, and for looking at it."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.png import encode_png
from mammo_synth.quality.extractors import make_extractor
from mammo_synth.quality.features import Extractor
from mammo_synth.quality.judgement import privacy_facts
from mammo_synth.quality.measures import (
    MEASURES,
    FloorSettings,
    IntervalSettings,
    Measure,
    in_units,
    measured,
)
from mammo_synth.quality.measures.histogram import histograms
from mammo_synth.quality.measures.spectrum import spectra
from mammo_synth.quality.parts import plain
from mammo_synth.quality.privacy.neighbours import nearest
from mammo_synth.quality.privacy.pairs import pairs_picture
from mammo_synth.quality.privacy.report import PrivacyReport, assess_privacy
from mammo_synth.quality.privacy.sets import FeatureSets, FilmSet, Scores
from mammo_synth.quality.report import FORMAT
from tests.quality.privacy_films import phantoms

DIGEST = "0123456789abcdef" * 4
LABELS = ("cancer", "normal")
TRAINING, HELD_OUT, POOL = 16, 8, 12  # patients, two films each
SHARES = np.round(np.linspace(0, 1, 51), 2)
Images = npt.NDArray[np.uint8]


def sample_content() -> dict[str, Any]:
    """A report: cancer passes the gate; normal, with two copies in its pool, does not."""
    return copy.deepcopy(_content())


@cache
def sample_pictures() -> dict[str, bytes]:
    """Its pictures by file name."""
    found = {}
    for label in LABELS:
        tiles = np.concatenate(np.concatenate(_pool(label)[:24].reshape(4, 6, 64, 64), 1), 1)
        found[f"montages/{label}-random.png"] = encode_png(np.kron(tiles, np.ones((2, 2), "u1")))
        pool, films, pairs = _pool(label), _films().images, _privacy(label).closest
        sheet = pairs_picture(pairs, lambda i, p=pool: p[i], lambda i, f=films: f[i])
        found[f"montages/{label}-pairs.png"] = encode_png(sheet)
    return found


@cache
def _content() -> dict[str, Any]:
    privacy = {label: privacy_facts(_privacy(label), range(1000)) for label in LABELS}
    rows = _measures()
    verdict = {
        **privacy["normal"]["verdict"],
        "reasons": [f"Normal: {reason}" for reason in privacy["normal"]["verdict"]["reasons"]],
        "warnings": [
            f"{label.capitalize()}: {warning}"
            for label in LABELS
            for warning in privacy[label]["verdict"]["warnings"]
        ],
    }
    count = {"films": 2 * TRAINING, "patients": TRAINING}
    held_out = {"films": 2 * HELD_OUT, "patients": HELD_OUT}
    return dict(plain({
        "format": FORMAT,
        "prepared_manifest": DIGEST,
        "source": "phantom",
        "simulated": True,
        "protocol": "strict",
        "terms": {"licence": "Apache-2.0", "redistributable": True, "simulated": True},
        "image_size": 64,
        "pools": {
            label: {
                "generator": DIGEST, "truncation": 0.85, "seeds": f"{start}-{start + 22},{9999}",
                "images": 2 * POOL, "learned_from": learned,
            }
            for label, start, learned in zip(
                LABELS, (0, 100), ("these films", "unknown"), strict=True
            )
        },
        "films": {label: {"train": count, "held_out": held_out} for label in LABELS},
        "extractors": [
            {"name": e.name, "dimension": e.dimension, "digest": e.digest, "weights": e.weights}
            for e in _extractors()
        ],
        "measures": rows,
        "curves": {label: _curves(label) for label in LABELS},
        "shortcuts": _shortcuts(),
        "privacy": privacy,
        "verdict": verdict,
        "card": [
            {
                "measure": row["text"], "label": row["label"], "better": row["better"],
                "value": row["floor"]["value_at_floor_counts"], "floor": row["floor"]["median"],
                "low": row["floor"]["low"], "high": row["floor"]["high"],
            }
            for row in rows
            if row["floor"] and row["extractor"] != "pixels"
            if row["name"] in ("frechet", "recall", "spectrum")
        ],
        "montages": [
            {"name": f"{label}-{name}", "label": label, "file": f"montages/{label}-{name}.png",
             "text": text}
            for label in LABELS
            for name, text in (
                ("random", f"24 synthetic {label} images, drawn at random; below each its seed."),
                ("pairs", f"The {label} images most like a training film, and the difference."),
            )
        ],
        "remarks": ["What the normal generator learned from is not known."],
    }))  # fmt: skip


def _extractors() -> tuple[Extractor, ...]:
    return make_extractor("radiomics"), make_extractor("pixels")


def _films() -> FilmSet:
    return _named(phantoms(0, TRAINING), "film", 0)


def _held_out() -> FilmSet:
    return _named(phantoms(100, HELD_OUT), "held", 100)


def _named(films: Images, name: str, first: int) -> FilmSet:
    patients = tuple(f"p{first + i // 2}" for i in range(len(films)))
    return FilmSet(films, tuple(f"{name}-{i:03}" for i in range(len(films))), patients)


@cache
def _pool(label: str) -> Images:
    pool = phantoms(200, POOL).copy()
    if label == "normal":
        pool = pool[::-1].copy()
        pool[4], pool[7] = _films().images[9][:, ::-1], _films().images[11]
        pool[7][:3] = 0
        pool[1:3] = pool[0]
    return pool


@cache
def _features(name: str, kind: str) -> npt.NDArray[np.float64]:
    sets = {"training": _films().images, "held out": _held_out().images}
    extractor = next(one for one in _extractors() if one.name == name)
    return np.asarray(extractor(sets[kind] if kind in sets else _pool(kind)), np.float64)


@cache
def _privacy(label: str) -> PrivacyReport:
    features = {
        one.name: FeatureSets(
            *(_features(one.name, kind) for kind in (label, "training", "held out"))
        )
        for one in _extractors()
    }
    random = np.random.default_rng(1)
    scores = Scores(random.normal(1, 1, 2 * TRAINING), random.normal(0, 1, 2 * HELD_OUT))
    return assess_privacy(_pool(label), _films(), _held_out(), features, scores=scores)


def _measures() -> list[dict[str, Any]]:
    rows = []
    for extractor in (*_extractors(), None):
        for measure in MEASURES.values():
            if (measure.on == "features") != (extractor is not None):
                continue
            for label in ("pooled", *LABELS):
                rows.append(_measure(measure, extractor, label))
    # What a report says where a number is missing.
    rows[0]["held_out"] = None
    last = rows[-1]
    last.update(value=None, interval=None, floor=None, held_out=None)
    last["reason"] = "A floor was asked for from 3 patients in 20 splits."
    return rows


def _measure(measure: Measure, extractor: Extractor | None, label: str) -> dict[str, Any]:
    pools = LABELS if label == "pooled" else (label,)
    if extractor is None:
        sets = [measure.rows(one) for one in (_films().images, _held_out().images)]
        images = np.concatenate([measure.rows(_pool(one)) for one in pools])
    else:
        sets = [_features(extractor.name, kind) for kind in ("training", "held out")]
        images = np.concatenate([_features(extractor.name, one) for one in pools])
        *sets, images = in_units(extractor.name, *sets, images)
    films, held = sets
    found = measured(
        measure, films, images, patients=_films().patients,
        intervals=IntervalSettings(replicates=4), floors=FloorSettings(splits=24),
    )  # fmt: skip
    n = len(held)
    return plain({
        **found.as_dict(),
        "extractor": extractor.name if extractor else None,
        "weights": extractor.weights if extractor else {},
        "label": label,
        "held_out": {
            "films": n, "count": n, "synthetic": measure.value(held, images[:n]),
            "training": measure.value(held, films[:n]),
        },
        "reason": None,
    })  # fmt: skip


def _curves(label: str) -> dict[str, Any]:
    images = {"films": _films().images, "synthetic": _pool(label), "held_out": _held_out().images}
    power = {kind: 10 * spectra(one).mean(axis=0) for kind, one in images.items()}
    shares = {
        kind: histograms(one).mean(axis=0).reshape(64, 4).sum(axis=1)
        for kind, one in images.items()
    }
    distances = {}
    for extractor in _extractors():
        films, fake, held = in_units(
            extractor.name,
            *(_features(extractor.name, kind) for kind in ("training", label, "held out")),
        )
        distances[extractor.name] = {
            "share": SHARES,
            "synthetic": np.quantile(nearest(fake, films).distance[:, 0], SHARES),
            "held_out": np.quantile(nearest(held, films).distance[:, 0], SHARES),
        }
    return {
        "spectrum": {"frequency": list(range(1, 33)), **power},
        "histogram": {"level": list(range(0, 256, 4)), **shares},
        "distances": distances,
    }


def _shortcuts() -> dict[str, Any]:
    probes = [
        ("class", "synthetic", "background", 0.93, 0.9, 0.96, 0, 48),
        ("class", "synthetic", "spectrum", 0.55, 0.47, 0.63, 0, 48),
        ("class", "films", "background", 0.51, 0.4, 0.62, 64, 0),
        ("class", "films", "spectrum", None, None, None, 64, 0),
        ("origin", "pooled", "small classifier", 0.99, 0.98, 1.0, 64, 48),
        ("origin", "cancer", "background", 0.61, 0.52, 0.7, 32, 24),
        ("origin", "normal", "spectrum", 0.4, 0.32, 0.48, 32, 24),
    ]
    keys = ("question", "of", "by", "auroc", "low", "high", "films", "images")
    return {
        "probes": [
            {
                **dict(zip(keys, probe, strict=True)),
                "reason": None if probe[3] else "There are films of 3 patients; 8 are needed.",
                "level": 0.95,
            }
            for probe in probes
        ],
        "warnings": [
            "The background of synthetic images alone tells cancer from normal (AUROC 0.93, "
            "interval 0.90 to 0.96; films 0.51): a classifier trained on them may learn the "
            "generators' fingerprints, not the disease."
        ],
    }
