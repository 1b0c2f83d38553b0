"""One built release in every form that a card must tell of, by its facts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from mammo_synth.configurations import REAL
from mammo_synth.films.sources.phantom import TERMS
from mammo_synth.release.documents import documents
from mammo_synth.release.folder import Release

FORMS = ("phantom", "study", "open", "rehydrated", "referenced")
OPEN = {"licence": "CC BY 4.0", "licence_id": "cc-by-4.0", "redistributable": True}
CLOSED = {"licence": "on request", "licence_id": "other", "redistributable": False}
QUALITY = [
    {"measure": "KID × 1000", "label": "cancer", "value": 12.345, "floor": 1.25, "better": "lower"},
    {"measure": "copies found", "label": "both", "value": 0, "floor": None, "better": "lower"},
]


def facts_in(release: Release, form: str, **changes: Any) -> dict[str, Any]:
    """The facts of ``release`` as if it had been built in ``form`` (one of `FORMS`)."""
    facts: dict[str, Any] = json.loads(json.dumps(release.manifest.facts))
    facts |= {"real": "packed", "references": [], "history": [], "shortcut": None}
    if form in ("phantom", "study"):
        facts |= {"source": "phantom", "terms": vars(TERMS)}
        facts["protocol"] = "study" if form == "study" else "strict"
    else:
        facts["source"] = "mias"
        facts["terms"] |= {"simulated": False, **(OPEN if form == "open" else CLOSED)}
    if form in ("rehydrated", "referenced"):
        facts["real"] = form
    if form == "referenced":
        for shard in facts["shards"]:
            if shard["origin"] == REAL:
                shard |= {"sha256": None, "bytes": 0}
    return {**facts, **changes}


def write_release(release: Release, facts: dict[str, Any], folder: Path) -> Path:
    """Shards in the folder, contact sheet and documents of ``release`` under other facts."""
    out = folder / "mammo-synth"
    for shard in facts["shards"]:
        if shard["sha256"] is not None:
            (out / shard["path"]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(release.folder / shard["path"], out / shard["path"])
    shutil.copyfile(release.folder / "contact-sheet.png", out / "contact-sheet.png")
    for name, text in documents(release.manifest.settings, facts).items():
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text(text, encoding="utf-8")
    return out
