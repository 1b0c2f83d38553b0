"""Checks a release against its own promises, from the stored bytes alone.

Digests, documents, counts by the rule, prefixes, schema, images, labels, seeds, generators, what it
says of its quality report, and the lines that must not be crossed: no image and no patient in train
and test, no real_test patient anywhere else. No shard is parsed before its digest was found right.
Memory is that of one row group (`mammo_synth.release.verify_rows`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mammo_synth import __version__
from mammo_synth.configurations import CELLS, CONFIGURATIONS, LABELS, REAL, Cell
from mammo_synth.files import sha256_file, sha256_json
from mammo_synth.manifest import MANIFEST_NAME, list_files
from mammo_synth.progress import SILENT, Progress
from mammo_synth.release.choose import CARD, readable_facts
from mammo_synth.release.damage import damaged_rows
from mammo_synth.release.folder import SPLITS, Release
from mammo_synth.release.forms import PACKED, REFERENCED, REHYDRATED, held_shards
from mammo_synth.release.gate import check_quality
from mammo_synth.release.verify_rows import cell_of, check_rows

MOST_PROBLEMS = 50
_MB = 1_000_000


def verify_release(release: Release, *, progress: Progress = SILENT) -> list[str]:
    """One sentence per broken promise; an empty list is a sound release.

    At most `MOST_PROBLEMS` are named; a tampered file is always among the first. The manifest is
    what all else is held against: compare its digest (`Release.sha256`) with the published one.

    Raises:
        BadInput: The manifest is not one of a whole release.
    """
    with readable_facts(release):
        problems = list(_check_files(release, progress))
        if problems:
            # Every later check would only repeat in other words that the bytes are not the ones
            # made, and reading them may end the process.
            return problems[:MOST_PROBLEMS]
        problems += _check_shard_list(release)
        problems += _check_counts(release)
        if problems:
            return problems[:MOST_PROBLEMS]
        problems += _check_documents(release)
        problems += check_quality(release)
        for problem in check_rows(release, progress):
            problems.append(problem)
            if len(problems) >= MOST_PROBLEMS:
                break
        return problems


def _check_files(release: Release, progress: Progress) -> Iterator[str]:
    """Every file is there with its digest, and no other file is."""
    folder, files = release.folder, release.manifest.files
    shards = {entry["path"] for entry in release.manifest.facts["shards"]}
    present = set(list_files(folder))
    progress.start("MB to check", sum(entry.bytes for entry in files.values()) // _MB)
    read = 0
    for name, entry in files.items():
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            yield f"{MANIFEST_NAME} names '{name}', outside the folder."
        elif name not in present:
            yield f"{path} is missing."
        elif path.stat().st_size != entry.bytes:
            yield (
                f"{path} has {path.stat().st_size:,} bytes, the manifest says {entry.bytes:,} "
                "(so its sha256 differs)."
            )
        elif sha256_file(path) != entry.sha256:
            rows = damaged_rows(release, name) if name in shards else []
            found = f" Found in it: {' '.join(rows)}" if rows else ""
            yield f"{path} is not the file the manifest describes (sha256 differs).{found}"
        read += entry.bytes
        progress.advance(read // _MB - (read - entry.bytes) // _MB)
    progress.finish()
    for name in sorted(present - set(files)):
        yield f"{folder / name} is not in the manifest."


def _check_shard_list(release: Release) -> Iterator[str]:
    """What the manifest says of shards and configurations agrees with its own list of files."""
    facts, files = release.manifest.facts, release.manifest.files
    if facts["real"] not in (PACKED, REFERENCED, REHYDRATED):
        yield f"The manifest says that its real films are '{facts['real']}'."
    if facts["real"] == PACKED and not facts["terms"]["redistributable"]:
        yield "Real films are packed whose terms do not allow passing them on."
    ends: Counter[Cell] = Counter()
    for entry in facts["shards"]:
        path, cell = entry["path"], cell_of(entry)
        left_out = facts["real"] == REFERENCED and entry["origin"] == REAL
        file = files.get(path)
        if left_out and (entry["sha256"] is not None or file is not None):
            yield f"{path} holds real films, which a {REFERENCED} release leaves out."
        elif not left_out and (
            file is None or (file.sha256, file.bytes) != (entry["sha256"], entry["bytes"])
        ):
            yield f"{path}: the manifest says two things of its digest or size."
        if entry["start"] != ends[cell]:
            yield f"{path} begins at image {entry['start']} of its cell, not at {ends[cell]}."
        ends[cell] += entry["rows"]
    listed = {
        path
        for entry in facts["configurations"].values()
        for split in entry["splits"].values()
        for path in split["shards"]
    }
    for path in sorted({entry["path"] for entry in facts["shards"]} - listed):
        yield f"{path} is in no configuration."
    for path in sorted(files):
        if path.endswith(".parquet") and path not in {*held_shards(facts), *facts["references"]}:
            yield f"{path} is neither a shard nor a table of references."
    yield from _check_held_out(release, ends)


def _check_held_out(release: Release, cells: Counter[Cell]) -> Iterator[str]:
    """real_test has all the films that were held out."""
    held_out = release.manifest.facts["films"]["real_test"]
    for label, name in enumerate(LABELS):
        rows = cells[Cell("real_test", label, REAL)]
        if rows != held_out[name]:
            yield f"real_test has {rows} {name} films, {held_out[name]} were held out."


def _check_counts(release: Release) -> Iterator[str]:
    """Every configuration has the counts of the rule, as a prefix of every cell."""
    facts = release.manifest.facts
    by_path = {entry["path"]: entry for entry in facts["shards"]}
    for name in CONFIGURATIONS:
        if name not in facts["configurations"]:
            yield f"Configuration {name} is missing."
            continue
        entry = facts["configurations"][name]
        splits = entry["splits"]
        unknown = [p for s in SPLITS for p in splits[s]["shards"] if p not in by_path]
        if unknown:
            yield f"{name}: {unknown[0]} is not among the shards."
            continue
        expected = CONFIGURATIONS[name].counts(release.size)
        held: Counter[Cell] = Counter()
        listed: list[Any] = []
        # In the order of the manifest, as the digest was made.
        for split in SPLITS:
            shards = [by_path[path] for path in splits[split]["shards"]]
            for shard in shards:
                cell = cell_of(shard)
                if cell.split != split:
                    yield f"{name}: {shard['path']} is of {cell.split}, and listed in {split}."
                if shard["start"] != held[cell]:
                    yield f"{name}: {shard['path']} leaves a gap in its cell's prefix."
                held[cell] += shard["rows"]
                listed.append([shard["path"], shard["sha256"]])
            for what in ("rows", "bytes"):
                total = sum(shard[what] for shard in shards)
                if total != splits[split][what]:
                    yield f"{name}: {split} has {total} {what}, not {splits[split][what]}."
        for cell in CELLS:
            if held[cell] != expected[cell]:
                yield (
                    f"{name}: cell {cell.name} has {held[cell]} images, the rule says "
                    f"{expected[cell]}."
                )
        real_test = sum(e["rows"] for e in facts["shards"] if e["split"] == "real_test")
        if splits["real_test"]["rows"] != real_test:
            yield f"{name}: real_test does not have all {real_test} films."
        if sha256_json(listed) != entry["digest"]:
            yield f"{name}: its digest is not that of its shards."


def _check_documents(release: Release) -> Iterator[str]:
    """Every text file is the one that the manifest gives, rendered again."""
    from jinja2 import TemplateError

    from mammo_synth.release.documents import documents

    made_by = release.manifest.package_version
    other = f" (mammo-synth {made_by} made it, this is {__version__})"
    note = other if made_by != __version__ else ""
    try:
        texts = documents(release.manifest.settings, release.manifest.facts)
    except (KeyError, TypeError, ValueError, AttributeError, TemplateError) as error:
        yield f"No card can be made of the manifest ({type(error).__name__}: {error})."
        return
    for name, text in texts.items():
        path = release.folder / name
        if not path.is_file():
            yield f"{name} is missing."
        elif path.read_bytes() != text.encode():
            what = "card" if name == CARD else "file"
            yield f"{name} is not the {what} that the manifest gives{note}."
