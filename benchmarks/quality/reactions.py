"""How every measure reacts: a set with itself, other films, and five flaws of a generator.

    python benchmarks/quality/reactions.py PREPARED [--out FILE] [--splits 20] [--most 450]

Films of a prepared set are split by patient into a third, the films, and the rest. As many images
as there are films play the synthetic set:

    identical   the films themselves
    others      films of the rest, at random: the floor
    blurred     those, blurred by a Gaussian of 1 % of the side
    noisy       those, with noise of 10 grey levels
    dropped     of the rest the half at one end of the first principal component of 16 x 16 pixels
    copies      others, of which 10 % are replaced by films

That is repeated over random splits. A set is called worse (better) where its median over the splits
lies beyond the middle 95 % of what the others give; ``share`` is the share of splits in which it is
worse than the others of the same split. Then, for the first split, what `assess_privacy` says of
each set, with films as training films and half of the rest held out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from alterations import ALTERATIONS, blur, noise
from common import Films, Images, arguments, by_patient, films_of, finish

from mammo_synth.quality.extractors import make_extractor
from mammo_synth.quality.features import Features, extract
from mammo_synth.quality.measures import MEASURES, Measure, in_units
from mammo_synth.quality.privacy.report import assess_privacy
from mammo_synth.quality.privacy.sets import FeatureSets

WEIGHTS = Path("../shared/data/weights/squeezenet1.1_notop_tf_dim_ordering_tf_kernels.h5")
EXTRACTORS = ("radiomics", "pixels", "squeezenet")
CONDITIONS = ("identical", "others", "blurred", "noisy", "dropped", "copies")
BLURRED, NOISY, COPIES = 0.01, 10, 0.10
TO_FILMS = ("frechet", "frechet_infinity", "kid", "precision", "recall", "density", "coverage")
MUST: dict[str, tuple[str, ...]] = {
    "blurred": (*TO_FILMS, "spectrum", "slope"),
    "noisy": (*TO_FILMS, "spectrum", "slope"),
    "dropped": ("frechet", "frechet_infinity", "kid", "recall", "coverage", "diversity", "vendi"),
}
"""Measures that must find a set worse. 32 x 32 pixels are too coarse for blur and noise, so nothing
is asked of them there."""

Rows = dict[str, Features]
Places = npt.NDArray[np.intp]


def rows_of(pixels: Images, weights: Path) -> Rows:
    """Features by extractor, and rows of the measures on images, of all films."""
    found = {
        name: extract(
            make_extractor(name, weights=weights if name == "squeezenet" else None), pixels
        )
        for name in EXTRACTORS
        if name != "squeezenet" or weights.is_file()
    }
    of_images = {m.rows.__name__: m.rows for m in MEASURES.values() if m.on == "images"}
    return found | {name: rows(pixels) for name, rows in of_images.items()}


def first_component(pixels: Images) -> Any:
    """Of 16 x 16 means of pixels, ``[N]``."""
    side = pixels.shape[1] // 16
    small = pixels.reshape(len(pixels), 16, side, 16, side).mean(axis=(2, 4)).reshape(-1, 256)
    return np.linalg.svd(small - small.mean(axis=0), full_matrices=False)[0][:, 0]


def chosen(films: Films, component: Features, seed: int) -> dict[str, Places]:
    """Places of the films, the others, and the half that is left of the rest."""
    random = np.random.default_rng(seed)
    place = {name: i for i, name in enumerate(films.ids)}
    groups = [np.array([place[x] for x in g.ids]) for g in by_patient(films, 3, seed)]
    real, rest = groups[0], np.concatenate(groups[1:])
    count = min(len(real), len(rest) // 2)
    real = random.permutation(real)[:count]
    others = random.permutation(rest)[:count]
    return {
        "films": real,
        "others": others,
        "dropped": rest[np.argsort(component[rest])][:count],
        "held_out": np.setdiff1d(rest, others),
    }


def sets_of(sets: dict[str, Rows], name: str, at: dict[str, Places]) -> dict[str, Features]:
    """Rows of the films and of each condition."""
    whole, real, others = sets["whole"][name], at["films"], at["others"]
    copies = round(COPIES * len(others))
    return {
        "films": whole[real],
        "identical": whole[real],
        "others": whole[others],
        "blurred": sets["blurred"][name][others],
        "noisy": sets["noisy"][name][others],
        "dropped": whole[at["dropped"]],
        "copies": np.concatenate([whole[real[:copies]], whole[others[copies:]]]),
    }


def one_measure(
    measure: Measure, space: str, sets: dict[str, Rows], splits: list[dict[str, Places]]
) -> dict[str, Any]:
    """Values of each condition over the splits, and what they say."""
    values: dict[str, list[float]] = {name: [] for name in CONDITIONS}
    for at in splits:
        rows = sets_of(sets, space, at)
        real = rows.pop("films")
        for name, fake in rows.items():
            values[name].append(measure.value(*in_units(space, real, fake)))
    sign = 1 if measure.better == "lower" else -1
    badness = {name: sign * np.array(found) for name, found in values.items()}
    low, high = np.quantile(badness["others"], (0.025, 0.975))
    said = {}
    for name, bad in badness.items():
        median = float(np.median(bad))
        state = "worse" if median > high else "better" if median < low else "as others"
        said[name] = {
            "median": sign * median + 0.0,
            "state": state,
            "share": float((bad > badness["others"]).mean()),
        }
    ends = sorted((sign * float(low), sign * float(high)))
    return {"measure": measure.name, "space": space, "floor": ends, "conditions": said}


def privacy(films: Films, sets: dict[str, Rows], at: dict[str, Places]) -> dict[str, Any]:
    """What `assess_privacy` says of each condition; beside copies as they are, altered ones."""
    random = np.random.default_rng(0)
    pixels, real, others, held = films.pixels, at["films"], at["others"], at["held_out"]
    known = set(films.of(others).patients)
    held = np.array([i for i in held if films.patients[i] not in known], np.intp)
    copies = round(COPIES * len(others))
    hidden = ALTERATIONS["mirrored, crop of 5 %, gamma 0.8, noise 5"]
    altered = np.stack([hidden(pixels[i], random) for i in real[:copies]])
    pools = {
        "identical": pixels[real],
        "others": pixels[others],
        "blurred": np.stack([blur(BLURRED)(pixels[i], random) for i in others]),
        "noisy": np.stack([noise(NOISY)(pixels[i], random) for i in others]),
        "dropped": pixels[at["dropped"]],
        "copies": np.concatenate([pixels[real[:copies]], pixels[others[copies:]]]),
        "altered copies": np.concatenate([altered, pixels[others[copies:]]]),
    }
    found = {}
    for name, pool in pools.items():
        features = {}
        for space in ("radiomics",):
            fake = extract(make_extractor(space), pool)
            whole = sets["whole"][space]
            features[space] = FeatureSets(fake, whole[real], whole[held])
        report = assess_privacy(
            pool, films.of(real).as_set(), films.of(held).as_set(), features
        ).as_dict()
        found[name] = {
            "images": len(pool),
            "exact": report["copies"]["exact"],
            "near": report["copies"]["near"],
            "authentic": {k: v["share"] for k, v in report["authenticity"].items()},
            "authentic_floor": {k: v["floor"] for k, v in report["authenticity"].items()},
            "membership": {k: v["auroc"] for k, v in report["membership"].items()},
            "closer": {k: v["closer"] for k, v in report["nearest"].items()},
            "passed": report["verdict"]["passed"],
            "reasons": report["verdict"]["reasons"],
            "warnings": report["verdict"]["warnings"],
        }
    return found


def must(condition: str, measure: str, space: str) -> bool:
    """Whether this measure must find this condition worse."""
    if space == "pixels" and condition in ("blurred", "noisy"):
        return False
    return measure in MUST.get(condition, ())


def main() -> None:
    """Print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--most", type=int, default=450, help="films used")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="of squeezenet")
    given = parser.parse_args()
    films, prepared = films_of(given.prepared)
    films = films.of(np.random.default_rng(0).permutation(len(films))[: given.most])
    random = np.random.default_rng(0)
    sets = {"whole": rows_of(films.pixels, given.weights)}
    for name, alter in (("blurred", blur(BLURRED)), ("noisy", noise(NOISY))):
        pixels = np.stack([alter(film, random) for film in films.pixels])
        sets[name] = rows_of(pixels, given.weights)
    component = first_component(films.pixels)
    splits = [chosen(films, component, seed) for seed in range(given.splits)]
    print(f"{prepared.source}, {prepared.size} px, {len(splits[0]['films'])} films of each side")
    print("| measure | of | " + " | ".join(CONDITIONS) + " |")
    print("|---|---|" + "---:|" * len(CONDITIONS))
    rows, missed = [], []
    for measure in MEASURES.values():
        names = [x for x in EXTRACTORS if x in sets["whole"]]
        for space in names if measure.on == "features" else [measure.rows.__name__]:
            row = one_measure(measure, space, sets, splits)
            rows.append(row)
            cells = []
            for name, one in row["conditions"].items():
                asked = must(name, measure.name, space)
                one["must"] = asked
                mark = {"worse": " ↓", "better": " ↑"}.get(one["state"], "")
                cells.append(f"{one['median']:.3g}{mark}{' *' if asked else ''}")
                if asked and one["state"] != "worse":
                    missed.append((measure.name, space, name, one["share"]))
            print(f"| {measure.name} | {space} | " + " | ".join(cells) + " |", flush=True)
    print("must react and did not:", missed)
    found = {"source": prepared.source, "size": prepared.size, "films": len(splits[0]["films"])}
    found |= {"splits": len(splits), "measures": rows, "privacy": privacy(films, sets, splits[0])}
    for name, one in found["privacy"].items():
        print(name, one)
    finish(found, given.out)


if __name__ == "__main__":
    main()
