"""Rows of others: what submitters say, what a second run gave, what brought predictions leave open;
in page, Markdown and JSON, with links that leave the page where it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from mammo_synth.bench.predictions import read_predictions, write_predictions
from mammo_synth.bench.record import read_record
from mammo_synth.bench.reproduction import (
    FORMAT,
    PREDICTIONS_NAME,
    REPRODUCTION_NAME,
    VERDICTS,
    agreement,
)
from mammo_synth.bench.results import predictions_name
from mammo_synth.bench.subgroups import SUBGROUP_METRICS
from mammo_synth.files import sha256_file, write_json
from mammo_synth.leaderboard import words, words_es
from mammo_synth.leaderboard.export import document as document_of
from mammo_synth.leaderboard.model import Board
from mammo_synth.leaderboard.render import Rendered, render
from mammo_synth.leaderboard.submission import SUBMISSION_NAME, Submission, document
from mammo_synth.leaderboard.words_page_en import ENGLISH
from mammo_synth.leaderboard.words_page_es import SPANISH
from tests.leaderboard.board_factory import Cell, World, scores, write_cell
from tests.leaderboard.browser import Browser

WORLD = World(patients=40, test_size=20, epochs=2)
SAID = Submission("Lab A", "https://example.org/code", None, "DDSM")
FILES = "https://example.org/files"


def run_again(record: Path, skill: float | None) -> None:
    """Put a reproduction beside ``record``: its own scores, or others of this skill."""
    said, truth = read_record(record), WORLD.real_test()
    kept = read_predictions(record.with_name(predictions_name("real_test")))
    again = kept.p_cancer if skill is None else scores(truth, skill, 99)
    path = record.with_name(PREDICTIONS_NAME)
    write_predictions(path, truth.image_id, again)
    thresholds: Any = dict.fromkeys(("recorded", "again"), said["operating_point"]["threshold"])
    found = agreement(truth.label, truth.patients, kept.p_cancer, again, thresholds, resamples=1000)
    reproduction = {
        "format": FORMAT,
        "who": "Ada & M.",
        "when": "2026-03-04T05:06:07Z",
        "package_version": "0.1.0",
        "record": {"sha256": sha256_file(record), "package_version": "0.1.0"},
        "environment": said["environment"],
        "thresholds": thresholds,
        "predictions": {"file": path.name, "sha256": sha256_file(path)},
        "agreement": found,
    }
    write_json(record.with_name(REPRODUCTION_NAME), reproduction)


@pytest.fixture(scope="module")
def posted(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """vgg16: a posted replicate that a second run does not give again, and one that it gives; a
    better row that lacks a replicate; small-cnn without curves; brought predictions. Links lead
    to the web."""
    folder = tmp_path_factory.mktemp("posted")
    results = folder / "results"
    first, second = (write_cell(results, WORLD, Cell(replicate=k, skill=2.5)) for k in range(2))
    run_again(first, skill=-2.0)
    run_again(second, skill=None)
    write_json(first.with_name(SUBMISSION_NAME), document(SAID, sha256_file(first)))
    write_cell(results, World(patients=40, test_size=20, epochs=0), Cell(classifier="small-cnn"))
    write_cell(results, WORLD, Cell("50-50-100syn", skill=9))
    brought = Cell("50-50-90syn", "densenet", brought=True, weights="none")
    write_cell(results, WORLD, brought)
    return render(results, folder / "board", records_url=FILES)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    one = Browser(tmp_path_factory.mktemp("profile"))
    yield one
    assert one.errors == []
    one.close()


def replace_verified(board: Board, verified: bool) -> Board:
    """The board as if its stored intervals had been recomputed, or not."""
    tables = [
        replace(
            table,
            rows=tuple(
                replace(row, runs=tuple(replace(run, verified=verified) for run in row.runs))
                for row in table.rows
            ),
        )
        for table in board.tables
    ]
    return replace(board, tables=tuple(tables))


def text_of(html: str) -> str:
    shown = re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]*>", " ", html, flags=re.S)
    return " ".join(unescape(shown).split())


def row_of(posted: Rendered, classifier: str) -> dict[str, Any]:
    value = json.loads(posted.files["leaderboard.json"].read_text("utf-8"))
    (table,) = value["tables"]
    (line,) = [
        line
        for line in table["lines"]
        if (line["kind"], line.get("name")) == ("ranked", classifier)
    ]
    return line


def test_every_verdict_has_words() -> None:
    assert words.AGAIN.keys() == words_es.AGAIN.keys() == set(VERDICTS)


@pytest.mark.parametrize(
    ("name", "warning"),
    [("index.html", "a second run differs"), ("index.es.html", "una repetición difiere")],
)
def test_a_second_run_is_told_whatever_came_of_it(
    posted: Rendered, name: str, warning: str
) -> None:
    html = posted.files[name].read_text("utf-8")
    spoken = words_es if name.endswith("es.html") else words
    other, same = re.findall(r"<br>(.*?)</li>", html)
    for told, verdict in ((other, "differs"), (same, "identical")):
        assert "Ada &amp; M." in told and "2026-03-04" in told
        assert f": {spoken.AGAIN[verdict]}. " in told
    below = r"AUROC −0\.\d{3} \(−0\.\d{3} (to|a) −0\.\d{3}\), [a-z ]+ −0\.\d{3} \(−0\.\d{3} "
    assert re.search(below, other)
    assert "AUROC 0.000 (0.000 " in same
    assert html.count(f" · {warning} · ") == 1, "seen before the row is opened"
    markdown = posted.files["LEADERBOARD.md"].read_text("utf-8")
    assert markdown.count("a second run differs") == 1


def test_json_says_whose_rows_they_are_and_how_far_checked(posted: Rendered) -> None:
    value = json.loads(posted.files["leaderboard.json"].read_text("utf-8"))
    assert value["format"] == "mammo-synth/leaderboard/2"
    row = row_of(posted, "vgg16")
    assert (row["tier"], row["date"], row["replicates_due"]) == ("recomputed", "2026-01-02", 2)
    first, second = row["replicates"]
    assert first["submission"] == {
        "submitter": "Lab A",
        "code": "https://example.org/code",
        "weights": None,
        "other_mammograms": "DDSM",
    }
    assert second["submission"] is None
    assert (first["tier"], second["tier"]) == ("recomputed", "reproduced")
    again = first["reproduction"]
    assert (again["who"], again["when"]) == ("Ada & M.", "2026-03-04T05:06:07Z")
    assert (again["verdict"], second["reproduction"]["verdict"]) == ("differs", "identical")
    assert again["again_minus_recorded"]["auroc"]["high"] < -0.05
    brought = row_of(posted, "densenet")
    assert brought["series"]["weights"] is None is brought["replicates"][0]["reproduction"]
    assert row["series"]["weights"] == "imagenet"


@pytest.mark.parametrize("full", [True, False])
def test_json_has_the_subgroups_and_no_interval_that_nobody_recomputed(
    posted: Rendered, full: bool
) -> None:
    (table,) = posted.board.tables
    run = next(row for row in table.rows if row.series.classifier == "vgg16").runs[0]
    (shown,) = [
        one
        for line in document_of(replace_verified(posted.board, full))["tables"][0]["lines"]
        for one in line.get("replicates", [])
        if one["record"] == run.path
    ]
    found = run.record["evaluations"]["real_test"]["subgroups"]
    assert found is not None
    assert [one["group"] for one in shown["subgroups"]] == ["CC", "MLO"]
    for one, said in zip(shown["subgroups"], found, strict=True):
        counts = [(each["cancer"], each["normal"], each["patients"]) for each in (one, said)]
        assert counts[0] == counts[1]
        for metric in SUBGROUP_METRICS:
            kept = said["metrics"][metric]
            wanted = [kept["value"], *((kept["low"], kept["high"]) if full else (None, None))]
            assert list(one["metrics"][metric].values()) == [
                None if value is None else pytest.approx(value, abs=1e-6) for value in wanted
            ]


def test_brought_predictions_claim_nothing_of_their_training(posted: Rendered) -> None:
    for name, said, wrong in (
        ("index.html", "weights not stated", "no weights"),
        ("index.es.html", "pesos no declarados", "sin pesos"),
        ("LEADERBOARD.md", "weights not stated", "no weights"),
    ):
        text = posted.files[name].read_text("utf-8")
        assert said in text, name
        assert wrong not in text, name


def test_unpublished_weights_are_said(posted: Rendered) -> None:
    for name, say in (("index.html", ENGLISH), ("index.es.html", SPANISH)):
        text = text_of(posted.files[name].read_text("utf-8"))
        assert f"{say.weights_link}: {say.not_published} · {say.other_mammograms}: DDSM" in text


@pytest.mark.parametrize(("name", "say"), [("index.html", ENGLISH), ("index.es.html", SPANISH)])
def test_what_a_row_opens_to_says_what_is_not_known(
    browser: Browser, posted: Rendered, name: str, say: Any
) -> None:
    browser.open(posted.files[name])
    browser.open_details()
    text = {
        kind: browser.run(f"document.querySelector('.ranked[data-m={kind}]').innerText")
        for kind in ("vgg16", "small-cnn", "densenet")
    }
    assert say.no_curves_brought in text["densenet"] and say.no_curves in text["small-cnn"]
    assert say.no_curves_brought not in text["small-cnn"] + text["vgg16"]
    heads = [head in text["densenet"] for head in (say.scored_on, say.environment)]
    assert heads == [True, False]
    assert say.scored_on not in text["vgg16"] and say.environment in text["vgg16"]
    browser.screenshot(f"posted-{name}.png", ".ranked[data-m=vgg16]")
    browser.screenshot(f"brought-{name}.png", ".ranked[data-m=densenet]")


@pytest.mark.parametrize(("name", "say"), [("index.html", ENGLISH), ("index.es.html", SPANISH)])
def test_links_to_the_web_leave_the_page_open_and_say_so(
    browser: Browser, posted: Rendered, name: str, say: Any
) -> None:
    """A Space stands in a frame, in which another site would not open."""
    browser.open(posted.files[name])
    browser.open_details()
    links = browser.run(
        "[...document.querySelectorAll('a')].map(a => [a.getAttribute('href'), a.target, a.rel])"
    )
    web = [one for one in links if one[0].startswith("http")]
    assert {link.split("/")[3] for link, _, _ in web} == {"files", "code"}
    assert {target for _, target, _ in web} == {"_blank"}
    assert all("noopener" in rel for _, _, rel in web)
    assert {target for link, target, _ in links if not link.startswith("http")} == {""}
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    told = [
        (node["name"]["value"], node.get("description", {}).get("value", ""))
        for node in nodes
        if node["role"]["value"] == "link" and not node["ignored"]
    ]
    assert len([name for name, said in told if said == say.new_tab]) == len(web)
    assert all("\u2197" not in name for name, _ in told), "the arrow is for the eye"


def test_rows_without_a_rank_stay_below_however_sorted(browser: Browser, posted: Rendered) -> None:
    browser.open(posted.files["index.html"])
    kinds = "[...document.querySelector('#t0-table').tBodies].map(b => b.className)"
    first = browser.run(kinds)
    assert first.count("ranked") == 3
    assert first.index("incomplete") > max(i for i, kind in enumerate(first) if kind == "ranked")
    for _ in range(2):
        browser.click("#t0-table th:nth-child(3) button")
        shown = browser.run(kinds)
        below = ["incomplete", *["missing"] * first.count("missing")]
        assert shown[-len(below) :] == below


def test_links_between_files_open_where_they_stand(rendered: Rendered) -> None:
    html = rendered.files["index.html"].read_text("utf-8")
    assert 'href="../' in html
    assert "target=" not in re.sub(r"<style.*?</style>", "", html, flags=re.S)
