"""The reader of quality reports: what it takes, and what it refuses with words."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mammo_synth.errors import BadInput
from mammo_synth.manifest import write_manifest
from mammo_synth.quality.measures import MEASURES
from mammo_synth.quality.report import FORMAT, KIND, REPORT_NAME, QualityReport, check_content

DIGEST = "0" * 64


def content() -> dict[str, Any]:
    """The least report that holds one of everything."""
    measure = MEASURES["frechet"]
    count = {"films": 14, "patients": 9}
    floor = {
        "median": 2.0, "low": 1.0, "high": 3.0, "value_at_floor_counts": 2.5, "chance": 0.2,
        "count": 7, "splits": 20, "level": 0.95,
    }  # fmt: skip
    verdict: dict[str, Any] = {
        "passed": False, "reasons": ["A copy."], "warnings": [], "settings": {}, "override": None,
    }  # fmt: skip
    return {
        "format": FORMAT,
        "prepared_manifest": DIGEST,
        "source": "mias",
        "simulated": False,
        "protocol": "strict",
        "terms": {"licence": "research", "redistributable": False, "simulated": False},
        "image_size": 64,
        "pools": {
            "cancer": {
                "generator": DIGEST, "truncation": 1.0, "seeds": "0-9,12", "images": 11,
                "learned_from": "these films",
            }
        },
        "films": {"cancer": {"train": count, "held_out": {"films": 0, "patients": 0}}},
        "extractors": [{"name": "radiomics", "dimension": 3, "digest": DIGEST, "weights": {}}],
        "measures": [
            {
                "extractor": "radiomics", "weights": {}, "label": "cancer", "name": measure.name,
                "text": measure.text, "better": measure.better, "unit": measure.unit,
                "films": 14, "images": 11, "value": 2.7,
                "interval": {"low": 2.0, "high": 3.4, "level": 0.95},
                "floor": floor, "held_out": None, "reason": None,
            },
            {
                "extractor": None, "weights": {}, "label": "cancer", "name": "slope", "text": "",
                "better": "lower", "unit": "", "films": 3, "images": 11, "value": None,
                "interval": None, "floor": None, "held_out": None, "reason": "Too few films.",
            },
        ],
        "curves": {},
        "shortcuts": None,
        "privacy": {"cancer": {"images": {}, "copies": {}, "closest": [], "verdict": verdict}},
        "verdict": verdict,
        "card": [
            {
                "measure": "frechet", "label": "cancer", "value": 2.7, "floor": 2.0,
                "better": "lower",
            }
        ],
        "montages": [
            {"name": "random", "label": "cancer", "file": "montages/random.png", "text": "Random"}
        ],
        "remarks": [],
    }  # fmt: skip


def write(folder: Path, what: Any) -> Path:
    """A report's folder with this content."""
    folder.mkdir(exist_ok=True)
    (folder / REPORT_NAME).write_text(json.dumps(what))
    write_manifest(folder, KIND, settings={}, seed=0)
    return folder


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    report = QualityReport.open(write(tmp_path / "report", content()))
    assert report.content == content()
    assert not report.passed
    assert report.reasons == ("A copy.",)
    assert report.labels == ("cancer",)
    assert report.manifest.kind == KIND


def _set(*path: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(what: Any) -> None:
        for key in path[:-1]:
            what = what[key]
        what[path[-1]] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("prepared_manifest", value="abc"),
        _set("pools", value={}),
        _set("pools", value={"benign": {}}),
        _set("pools", "cancer", "seeds", value="0-9,"),
        _set("pools", "cancer", "images", value=0),
        _set("verdict", "passed", value="yes"),
        _set("verdict", value={"passed": True}),
        _set("measures", 0, "better", value="larger"),
        _set("measures", 0, "floor", "chance", value=1.5),
        _set("measures", 0, "value", value="2.7"),
        _set("montages", 0, "file", value="montages/../../films.png"),
        _set("montages", 0, "file", value="/montages/random.png"),
        _set("more", value=1),
        lambda what: what.pop("privacy"),
    ],
)
def test_what_breaks_the_schema_is_refused(change: Callable[[Any], Any]) -> None:
    what = copy.deepcopy(content())
    check_content(what, "it")
    change(what)
    with pytest.raises(BadInput, match="does not follow the schema"):
        check_content(what, "it")


@pytest.mark.parametrize("what", [[], "text", None, {}, {**content(), "format": "other/2"}])
def test_another_format_is_named(what: Any, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="this version reads"):
        QualityReport.open(write(tmp_path / "report", what))


def test_a_verdict_that_was_edited_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "report", content())
    changed = content()
    changed["verdict"]["passed"] = True
    (folder / REPORT_NAME).write_text(json.dumps(changed))
    with pytest.raises(BadInput, match="sha256 differs"):
        QualityReport.open(folder)


def test_no_report_is_told_apart_from_a_broken_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no folder"):
        QualityReport.open(tmp_path / "none")
    folder = tmp_path / "report"
    folder.mkdir()
    write_manifest(folder, KIND, settings={}, seed=0)
    with pytest.raises(BadInput, match=r"has no report\.json"):
        QualityReport.open(folder)
    (folder / REPORT_NAME).write_text("{")
    write_manifest(folder, KIND, settings={}, seed=0)
    with pytest.raises(BadInput, match="not valid JSON"):
        QualityReport.open(folder)
    (folder / REPORT_NAME).unlink()
    write_manifest(folder, "pool", settings={}, seed=0)
    with pytest.raises(BadInput, match="a pool folder"):
        QualityReport.open(folder)
