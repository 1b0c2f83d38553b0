"""Privacy: what was compared, what was found, and by which thresholds it was judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import words
from .charts import Line, auroc, lines
from .model import LABEL_NAMES, Cell, Chart, Content, Row, Table, labels_of, plain_table
from .numbers import DASH, between, chance, count, number, percent
from .texture import data, drawn

COPY_WORDS = {"exact": "exact copy", "near": "near copy", "": "no copy"}
DISCRIMINATOR = "discriminator"


@dataclass(frozen=True)
class Part:
    """What the page says of one label.

    Attributes:
        name: Heading.
        label: Of the pool.
        compared: What was compared with what.
        verdict: The gate's words on this label.
        copies, nearest, membership, authenticity, duplicates: Tables.
        copied: Whether there is any copy.
        closest: The pairs most alike.
        distances: Charts, by space.
    """

    name: str
    label: str
    compared: str
    verdict: str
    copies: Table
    copied: bool
    closest: Table
    nearest: Table
    distances: tuple[Chart, ...]
    membership: Table
    authenticity: Table
    duplicates: Table


def parts(privacy: Mapping[str, Content], curves: Mapping[str, Content]) -> list[Part]:
    """One part for each label."""
    return [
        _part(label, privacy[label], curves.get(label, {}).get("distances") or {})
        for label in labels_of(privacy)
    ]


def thresholds(settings: Content) -> Table:
    """The gate's settings, explained."""
    rows = [
        (name.replace("_", " "), f"{value:g}" if isinstance(value, float) else str(value),
         words.THRESHOLDS.get(name, ""))
        for name, value in settings.items()
    ]  # fmt: skip
    return plain_table(
        "Thresholds of the privacy gate.", ("Setting", "Value", "What it means"), rows
    )


def _part(label: str, found: Content, distances: Mapping[str, Content]) -> Part:
    images = found["images"]
    synthetic, training = images.get("synthetic"), images.get("training")
    pairs = None if synthetic is None or training is None else synthetic * training
    verdict = found["verdict"]
    name = LABEL_NAMES[label]
    return Part(
        name=name,
        label=label,
        compared=words.COPIES.format(
            images=count(synthetic, "synthetic image"),
            films=count(training, "training film"),
            pairs=count(pairs),
        ),
        verdict=words.PASSED if verdict["passed"] else words.FAILED,
        copies=_copies(found, name),
        copied=any(found["copies"].get(kind) for kind in ("exact", "near")),
        closest=_closest(found["closest"], name),
        nearest=_nearest(found.get("nearest") or {}, verdict.get("settings") or {}, name),
        distances=tuple(_distances(space, curve, name) for space, curve in distances.items()),
        membership=_membership(found.get("membership") or {}, verdict.get("settings") or {}, name),
        authenticity=_authenticity(found.get("authenticity") or {}, name),
        duplicates=_duplicates(found.get("duplicates") or {}, name),
    )


def _copies(found: Content, name: str) -> Table:
    copies, hashes = found["copies"], found.get("hashes") or {}
    allowed = found["verdict"].get("settings") or {}
    rows = [
        (
            "Exact copies: the same pixels, mirrored or not",
            count(copies.get("exact")),
            f"at most {allowed.get('exact_copies', 0)} allowed",
        ),
        (
            "Near copies: the same tissue after alignment",
            count(copies.get("near")),
            f"at most {allowed.get('near_copies', 0)} allowed",
        ),
    ]
    if hashes:
        rows.append(
            (
                f"Perceptual hash within {hashes['bits']} of 64 bits of a training film's",
                f"{percent(hashes['near_share'])} of synthetic images",
                f"{percent(hashes['near_share_held_out'])} of held-out films",
            )
        )
    return plain_table(f"{name}: copies of training films.", ("What", "Found", "Beside it"), rows)


def _closest(pairs: list[Content], name: str) -> Table:
    rows = [
        (
            f"{place}. seed {pair['seed']}",
            str(pair["film"]),
            number(pair["alike"]),
            chance(pair["p_value"]),
            str(pair["aligned"]),
            COPY_WORDS.get(pair["copy"], str(pair["copy"])),
        )
        for place, pair in enumerate(pairs, 1)
    ]
    heads = ("Image (its place in the pool)", "Training film", "Agreement", "p", "Laid on the film",
             "Judged")  # fmt: skip
    return plain_table(f"{name}: the {len(rows)} pairs most alike, most alike first.", heads, rows)


def _nearest(tests: Mapping[str, Content], settings: Content, name: str) -> Table:
    heads = (
        "Compared by", "Closer (0.5: alike)", "p, closer", "p, farther",
        "Among the closest 1 %", "Single images",
    )  # fmt: skip
    level = settings.get("p_closer")
    said = ""
    if level is not None and tests:
        said = (
            f" The gate asks further where p for closer is below {level / len(tests):g} and closer "
            f"is above {settings.get('closer', 0.5):g}."
        )
    rows = tuple(
        Row(
            Cell(space),
            (
                Cell(
                    number(test["closer"]),
                    (between(test["low"], test["high"]),),
                    auroc(test["closer"], test["low"], test["high"]),
                ),
                Cell(chance(test["p_closer"])),
                Cell(chance(test["p_farther"])),
                Cell(
                    f"{percent(test['near_share'])} of images",
                    (f"{percent(test['near_share_held_out'])} of held-out films",),
                ),
                Cell(
                    f"{count(test['flagged'])} flagged",
                    (f"least p of one image {chance(test['least_p'])}",),
                ),
            ),
        )
        for space, test in tests.items()
    )
    first = next(iter(tests.values()), None)
    of = ""
    if first:
        images, films = count(first["synthetic"], "synthetic image"), first["held_out"]
        patients = count(first["patients"], "patient")
        of = f": {images}, {count(films, 'held-out film')} of {patients}"
    return Table(f"{name}: distance to the nearest training film{of}.{said}", heads, rows)


def _membership(attacks: Mapping[str, Content], settings: Content, name: str) -> Table:
    rows = []
    for space, found in attacks.items():
        limit = settings.get("discriminator" if space == DISCRIMINATOR else "membership")
        does = "warns above" if space == DISCRIMINATOR else "lower end at most"
        counts = (
            count(found["members"], "training film"),
            count(found["others"], "held-out film"),
        )
        rows.append(
            Row(
                Cell(space),
                (
                    Cell(
                        number(found["auroc"]),
                        (between(found["low"], found["high"]),),
                        auroc(found["auroc"], found["low"], found["high"]),
                    ),
                    Cell("0.5", (words.against_chance(found["low"], found["high"]),)),
                    Cell(DASH if limit is None else f"{does} {limit:g}"),
                    Cell(counts[0], counts[1:]),
                ),
            )
        )
    heads = ("Attack by", "AUROC", "Chance", "The gate", "Films")
    return Table(f"{name}: telling training films from held-out films.", heads, tuple(rows))


def _authenticity(shares: Mapping[str, Content], name: str) -> Table:
    rows = [
        (space, percent(found["share"]), percent(found["floor"])) for space, found in shares.items()
    ]
    heads = ("Compared by", "Synthetic images", "Held-out films (the floor)")
    return plain_table(f"{name}: share of authentic images.", heads, rows)


def _duplicates(found: Mapping[str, Content], name: str) -> Table:
    kinds = (("pool", "Synthetic images"), ("training_films", "Training films (the floor)"))
    rows = [
        (
            said,
            count(found[key]["images"]),
            percent(found[key]["exact_share"]),
            percent(found[key]["near_share"]),
            "none" if found[key]["largest"] <= 1 else count(found[key]["largest"], "image"),
        )
        for key, said in kinds
        if key in found
    ]
    heads = ("Among", "Images", "Exact repeats", "Near repeats", "Largest cluster")
    return plain_table(f"{name}: images that repeat another of their own set.", heads, rows)


def _distances(space: str, curve: Content, name: str) -> Chart:
    share = curve["share"]
    percents = [100 * one for one in share]
    turned = [Line(line.kind, line.y, percents) for line in drawn(curve, share)]
    return Chart(
        words.DISTANCES.format(space=space),
        lines(
            f"{name}: distance to the nearest training film, by {space}",
            "distance to the nearest training film",
            "share of images, %",
            turned,
        ),
        data(curve, share, f"{name}, by {space}: distance within which that share lies.", "Share"),
    )
