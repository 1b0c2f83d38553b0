"""What the manifest of a release says: the one account that card, Croissant file, benchmark and
verification are made from or held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mammo_synth.configurations import CONFIGURATIONS, LABELS, Cell
from mammo_synth.files import sha256_file, sha256_json
from mammo_synth.films.prepared import PreparedSet
from mammo_synth.release.plan import Shard, shards_of
from mammo_synth.release.schema import COLUMNS
from mammo_synth.release.shards import Generator

_NOT_OF_THE_FILMS = ("split", "films_sha256", "strict_files")
"""Settings of a prepared set that do not matter to somebody who prepares single films of it."""


def release_facts(
    prepared: PreparedSet,
    generators: Mapping[int, Generator],
    real: str,
) -> dict[str, Any]:
    """Facts of a release but those of its shards (`shard_facts`), tables and report.

    Args:
        prepared: The films behind it.
        generators: By label.
        real: A form of `mammo_synth.release.forms`.
    """
    preparation = {
        key: value
        for key, value in prepared.manifest.settings.items()
        if key not in _NOT_OF_THE_FILMS
    }
    return {
        "image_size": prepared.size,
        "protocol": prepared.protocol,
        "source": prepared.source,
        "terms": prepared.terms,
        "films": prepared.manifest.facts["films"],
        "patients": prepared.manifest.facts["patients"],
        "shortcut": prepared.manifest.facts["shortcut"],
        "preparation": preparation,
        "generators": {
            LABELS[label]: {"sha256": g.sha256, **g.description} for label, g in generators.items()
        },
        "columns": list(COLUMNS),
        "real": real,
    }


def shard_facts(folder: Path, shards: Sequence[Shard], size: int) -> dict[str, Any]:
    """``shards`` and ``configurations``: what each shard and each configuration holds.

    A shard that is not in the folder (real films that may not be passed on) has no digest, and
    no bytes. A configuration's digest changes with any byte of any of its shards.

    Args:
        folder: The release.
        shards: All that its plan has.
        size: Images per configuration.
    """
    held = [shard for shard in shards if (folder / shard.path).is_file()]
    digests = {shard.path: sha256_file(folder / shard.path) for shard in held}
    sizes = {shard.path: (folder / shard.path).stat().st_size for shard in held}
    configurations: dict[str, Any] = {}
    for name in CONFIGURATIONS:
        splits: dict[str, dict[str, Any]] = {}
        for split, chosen in shards_of(name, size, shards).items():
            splits[split] = {
                "shards": [shard.path for shard in chosen],
                "rows": sum(shard.rows for shard in chosen),
                "bytes": sum(sizes.get(shard.path, 0) for shard in chosen),
            }
        listed = [
            [path, digests.get(path)] for split in splits.values() for path in split["shards"]
        ]
        configurations[name] = {"splits": splits, "digest": sha256_json(listed)}
    return {
        "configurations": configurations,
        "shards": [
            {
                "path": shard.path,
                "split": shard.cell.split,
                "label": shard.cell.label,
                "origin": shard.cell.origin,
                "start": shard.start,
                "rows": shard.rows,
                "bytes": sizes.get(shard.path, 0),
                "sha256": digests.get(shard.path),
            }
            for shard in shards
        ],
    }


def planned_shards(facts: Mapping[str, Any]) -> list[Shard]:
    """The shards of a release's plan, as its manifest has them: the inverse of `shard_facts`."""
    return [
        Shard(
            Cell(entry["split"], entry["label"], entry["origin"]),
            entry["start"],
            entry["start"] + entry["rows"],
        )
        for entry in facts["shards"]
    ]
