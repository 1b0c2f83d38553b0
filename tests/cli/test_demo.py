"""The whole line, tiny: from simulated films to a ranked row, again in no time, walked back."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mammo_synth.cli.demo import DemoSettings, run_demo
from mammo_synth.configurations import CONFIGURATIONS, REFERENCES
from mammo_synth.manifest import verify_chain
from mammo_synth.quality.report import QualityReport
from mammo_synth.release.folder import Release
from mammo_synth.release.verify import verify_release

TINY = DemoSettings(
    patients=60,
    pixels=32,
    kimg=0.05,
    size=120,
    split=(50, 20, 30),
    configurations=("30-70-100syn", "50-50-90syn"),
    recipes=("vgg16-demo", "logistic-regression", "prior"),
    resamples=2,
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished demo; do not write to it."""
    out = tmp_path_factory.mktemp("demo") / "demo"
    run_demo(out, TINY, "cpu")
    return out


def test_the_release_is_sound_and_says_that_it_is_simulated(demo: Path) -> None:
    release = Release.open(demo / "mammo-synth")
    assert release.configurations == tuple(CONFIGURATIONS)
    assert release.simulated and release.source == "phantom" and release.protocol == "strict"
    assert verify_release(release) == []
    card = (release.folder / "README.md").read_text()
    assert "phantom" in card.lower() and "Never for diagnosis" in card


def test_the_release_shows_its_quality_report(demo: Path) -> None:
    report = QualityReport.open(demo / "quality")
    assert set(report.labels) == {"cancer", "normal"}
    assert all(one["learned_from"] == "these films" for one in report.content["pools"].values())
    facts = Release.open(demo / "mammo-synth").manifest.facts
    assert facts["quality_report"]["sha256"] == report.manifest.sha256
    assert "quality-report" in {link.kind for link in verify_chain(demo / "mammo-synth")}


def test_every_cell_has_a_record_with_its_predictions(demo: Path) -> None:
    records = sorted((demo / "results").rglob("record.json"))
    assert len(records) == (2 + len(REFERENCES)) * 3
    for path in records:
        record = json.loads(path.read_text())
        assert record["positive_class"] == "cancer"
        for evaluation in record["evaluations"].values():
            if evaluation is not None:
                assert (path.parent / evaluation["predictions"]["file"]).is_file()


def test_the_board_is_complete(demo: Path) -> None:
    board = demo / "leaderboard"
    text = (board / "LEADERBOARD.md").read_text()
    for name in CONFIGURATIONS:
        assert name in text
    for words in ("TRTR", "chance", "cancer", "Published", "simulated"):
        assert words.lower() in text.lower()
    page = (board / "index.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert (board / "leaderboard.png").read_bytes().startswith(b"\x89PNG")


def test_a_second_run_changes_nothing(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def state() -> dict[str, Any]:
        kept = ("prepared", "generators", "mammo-synth", "quality", "results")
        return {
            str(p): p.stat().st_mtime_ns
            for folder in kept
            for p in (demo / folder).rglob("*")
            if p.is_file()
        }

    before = state()
    board = (demo / "leaderboard" / "index.html").read_bytes()
    run_demo(demo, TINY, "cpu")
    assert state() == before
    assert (demo / "leaderboard" / "index.html").read_bytes() == board
    assert "Three things to try next" in capsys.readouterr().out


def test_the_same_settings_give_the_same_release(demo: Path, tmp_path: Path) -> None:
    for name in ("prepared", "generators"):
        shutil.copytree(demo / name, tmp_path / "demo" / name)
    stats = tmp_path / "demo" / "generators" / "cancer" / "stats.jsonl"
    stats.write_text(stats.read_text().replace('"sec_per_kimg": ', '"sec_per_kimg": 1'))
    again = replace(TINY, configurations=(), recipes=("prior",))
    run_demo(tmp_path / "demo", again, "cpu")
    first, second = (Release.open(f / "mammo-synth") for f in (demo, tmp_path / "demo"))
    assert first.sha256 == second.sha256


def test_the_release_is_walked_back_to_the_films(demo: Path) -> None:
    links = verify_chain(demo / "mammo-synth")
    made_from = ["prepared-set", *("file", "generator-run", "prepared-set") * 2]
    assert [link.kind for link in links] == ["release", *made_from, "quality-report", *made_from]
    assert all(link.found and not link.problems for link in links)
