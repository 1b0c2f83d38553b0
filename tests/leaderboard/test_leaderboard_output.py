"""What readers see: Markdown, page, JSON, figure, terminal; escaping and determinism."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import shutil
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pytest
from PIL import Image

from mammo_synth.leaderboard import figure, fractions, markdown, page, terminal, words
from mammo_synth.leaderboard.curves import charts
from mammo_synth.leaderboard.model import Board, Estimate, Table
from mammo_synth.leaderboard.render import FILES, Rendered, read_board, render
from mammo_synth.manifest import check_folder, verify_chain
from mammo_synth.svg import ticks
from tests.leaderboard.board_factory import HOSTILE, Cell, World, write_cell

SMALL = World(patients=20, test_size=20, epochs=2)
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Reader(HTMLParser):
    """Collects elements and checks that they close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def tags(self, name: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.found if tag == name]


@pytest.fixture(scope="module")
def html(rendered: Rendered) -> str:
    return rendered.files["index.html"].read_text("utf-8")


@pytest.fixture(scope="module")
def reader(html: str) -> Reader:
    return Reader(html)


def page_data(html: str) -> dict[str, Any]:
    """What the page gives its script."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html)
    assert found is not None
    return json.loads(found[1])


def test_page_is_one_well_formed_file_without_network(html: str, reader: Reader) -> None:
    assert reader.open == []
    assert html.startswith("<!doctype html>")
    for tag, attrs in reader.found:
        assert tag not in {"link", "iframe", "object", "embed", "img"}
        for name, value in attrs.items():
            assert not name.startswith("on"), "no inline handlers"
            if name in {"href", "src", "xlink:href"}:
                assert (value or "").startswith(("#", "index.es.html", "../")), value
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert len(html) < 1_000_000


def test_only_the_pages_own_script_may_run(html: str) -> None:
    script = re.search(r"<script>(.*?)</script>", html, re.S)
    policy = re.search(r"script-src 'sha256-(.*?)'", html)
    assert script is not None and policy is not None
    digest = hashlib.sha256(script[1].encode()).digest()
    assert base64.b64encode(digest).decode() == policy[1]
    assert "innerHTML" not in script[1] and "eval(" not in script[1]


def test_page_ids_are_unique_and_links_reach(html: str, reader: Reader, rendered: Rendered) -> None:
    ids = [attrs["id"] for _, attrs in reader.found if "id" in attrs]
    assert len(ids) == len(set(ids))
    out = rendered.files["index.html"].parent
    files = set()
    for attrs in reader.tags("a"):
        address = attrs["href"] or ""
        if address.startswith("#"):
            assert address[1:] in ids
        else:
            assert (out / unquote(address)).is_file(), address
            files.add((out / unquote(address)).name)
    assert files == {
        "index.es.html",
        "record.json",
        "predictions-real_test.parquet",
        "predictions-test.parquet",
    }
    for _, attrs in reader.found:
        if "aria-labelledby" in attrs:
            assert attrs["aria-labelledby"] in ids
    assert set(page_data(html)["rows"]) <= set(ids)


def test_page_tables_are_accessible(reader: Reader) -> None:
    assert len(reader.tags("caption")) == len(reader.tags("table"))
    assert all("scope" in attrs for attrs in reader.tags("th"))
    sorts = [attrs["aria-sort"] for attrs in reader.tags("th") if "aria-sort" in attrs]
    assert sorts.count("ascending") == 3, "one column of each ranking is the sorted one"
    assert all(
        attrs.get("aria-label") or attrs.get("aria-hidden") == "true"
        for attrs in reader.tags("svg")
    )
    assert reader.tags("html")[0]["lang"] == "en"


def test_page_says_what_honesty_asks(html: str, board: Board) -> None:
    assert words.NOTICE in html
    assert words.PHANTOM_REST in html
    assert words.STUDY_PROTOCOL in html
    assert "not distinguishable from chance" in html
    assert html.count(words.WHY_AUROC) == len(board.tables) + 1
    assert unescape(html).count(words.tie_rule(board.resamples)) == 1
    assert words.TWIN_RULE in html
    assert "vgg16: TRTR minus its twin +" in html
    assert words.PUBLISHED_TITLE in html
    assert "Not measured, so without a rank: 30-70-95syn, 70-30-90syn" in html
    assert "mammo-synth 1.0.0 (sha256 " in html
    assert "80 real films (24 cancer, 56 normal) of 40 patients" in html


def test_what_a_series_lacks_is_a_row_without_rank(html: str, phantom: Table) -> None:
    start = html.index("(simulated films), strict protocol</h2>")
    section = html[start : html.index('id="published"')]
    rows = re.findall(r'<tbody class="missing".*?</tbody>', section, re.S)
    assert len(rows) == 1
    assert "small-cnn" in rows[0] and '<span class="tag">missing</span>' in rows[0]
    assert "0." not in re.sub("<.*?>", "", rows[0])
    ranked = re.findall(r'<tbody class="ranked"', section)
    assert len(ranked) == len(phantom.of_kind("ranked")) == 16


def test_every_run_is_there_with_its_files_and_its_numbers(html: str, board: Board) -> None:
    data = page_data(html)
    seen = 0
    for table in board.tables:
        for row in table.rows:
            shown = data["rows"][f"r-{row.runs[0].sha256[:12]}"]
            for run, drawn in zip(row.runs, shown["t"], strict=True):
                seen += 1
                assert drawn["p"] == run.path
                assert drawn["h"][0] == run.sha256
                assert quote(run.path) in html
                for split, scored in run.scored.items():
                    c = scored.confusion
                    cut = round(scored.threshold * 1000)
                    assert [split, cut, c["tp"], c["fn"], c["fp"], c["tn"]] in drawn["x"]
    assert seen == board.records == sum(len(row["t"]) for row in data["rows"].values())
    published = 4 * 9
    assert html.count('<svg class="curve"') == published


def test_main_facts_of_a_run_need_no_script(html: str, phantom: Table) -> None:
    run = phantom.of_kind("ranked")[0].runs[0]
    c = run.scored["real_test"].confusion
    assert c["tp"] + c["fn"] == phantom.test_set.cancer
    said = f"{c['tp']} of {c['tp'] + c['fn']} cancer films and {c['tn']} of {c['tn'] + c['fp']}"
    assert said in html


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    world = World(source=HOSTILE, patients=20, test_size=20, epochs=2)
    write_cell(tmp_path, world, Cell(recipe=HOSTILE, rule=HOSTILE, settings={HOSTILE: HOSTILE}))
    board = read_board(tmp_path)
    shown = page.document(board)
    assert "<script>alert" not in shown
    assert "<img" not in shown
    found = Reader(shown)
    assert found.open == []
    assert [attrs.get("type") for attrs in found.tags("script")] == ["application/json", None]
    assert any(HOSTILE in text for text in found.text), "it is shown, as text"
    rows = [line for line in markdown.document(board).splitlines() if "alert" in line]
    assert rows
    assert not any("<script" in line.replace(r"\<", "") for line in rows)
    assert figure.png(board)[:4] == b"\x89PNG"


def test_hostile_series_names_stay_text_in_charts() -> None:
    line = fractions.Line(HOSTILE, 0, Estimate(0.6, 0.5, 0.7), ())
    every = [fractions.Panel("50-50", (line,))]
    for svg in (*fractions.draw(every, "auroc", 0.5), fractions.legend(every)[0].svg):
        assert "<script>" not in svg
        assert Reader(svg).open == []


def test_terminal_has_no_control_characters(tmp_path: Path) -> None:
    write_cell(tmp_path, World(source="x\x1b[2J\x07", patients=20, test_size=20), Cell())
    shown = terminal.table(read_board(tmp_path))
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_same_records_same_bytes(rendered: Rendered, results: Path, tmp_path: Path) -> None:
    # The pages link to the records, so page and records move together.
    start = rendered.files["index.html"].parent
    moved = tmp_path / "a" / "b" / "c" / "board"
    shutil.copytree(results, moved / os.path.relpath(results, start))
    again = render(moved / os.path.relpath(results, start), moved)
    for name in FILES:
        assert again.files[name].read_bytes() == rendered.files[name].read_bytes(), name


def test_manifest_verifies_and_rendering_again_changes_nothing(
    tmp_path: Path,
) -> None:
    write_cell(tmp_path / "results", SMALL, Cell())
    out = tmp_path / "out"
    render(tmp_path / "results", out)
    assert check_folder(out) == []
    links = verify_chain(out)
    assert [link.kind for link in links] == ["leaderboard", "file"]
    before = (out / "manifest.json").read_bytes()
    render(tmp_path / "results", out)
    assert (out / "manifest.json").read_bytes() == before


def test_a_single_record_makes_a_whole_board(tmp_path: Path) -> None:
    write_cell(tmp_path / "r", SMALL, Cell(brought=True, weights="none"))
    done = render(tmp_path / "r", tmp_path / "out")
    shown = done.files["index.html"].read_text("utf-8")
    assert Reader(shown).open == []
    assert "brought predictions" in shown
    assert "Made from 1 record," in shown
    (row,) = done.board.tables[0].rows
    assert (row.rank, row.tied, row.gap.value) == (1, False, None)


def test_markdown_tables_are_rectangular(rendered: Rendered) -> None:
    text = rendered.files["LEADERBOARD.md"].read_text("utf-8")
    blocks = re.findall(r"(?:^\|.*\|\n?)+", text, re.M)
    assert len(blocks) == 4
    for block in blocks:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.strip().splitlines()}
        assert len(widths) == 1
    for sentence in (words.NOTICE, words.PHANTOM, words.STUDY_PROTOCOL, words.WHY_AUROC):
        assert sentence in text
    assert "chance line" in text
    assert "| TRTR | real | vgg16 |" in text
    assert "| twin | synthetic-reduced | vgg16 |" in text
    assert "- vgg16: TRTR minus its twin +" in text
    assert "not distinguishable from chance" in text


def test_published_rows_are_apart_and_read_for_cancer(rendered: Rendered, html: str) -> None:
    text = rendered.files["LEADERBOARD.md"].read_text("utf-8")
    assert (
        "| 30-70-100syn | 0.546 | 0.705 | 0.604 | 0.651 | 0.410 | 0.604 | 0.307 | 0.352 | 0.507"
        in text
    )
    assert (
        "| 30-70-90syn | 0.584 | 0.700 | 0.710 | 0.705 | 0.290 | 0.710 | 0.300 | 0.295 | 0.500"
        in text
    )
    assert (
        "| 50-50-95syn | 0.506 | 0.696 | 0.521 | 0.596 | 0.469 | 0.521 | 0.296 | 0.363 | 0.495"
        in text
    )
    repeated = next(line for line in text.splitlines() if line.startswith("| 70-30-90syn | 0.584"))
    assert "digit for digit the row of 30-70-90syn" in repeated
    assert "digit for digit the row of 30-70-90syn" in html
    value = json.loads(rendered.files["leaderboard.json"].read_text())
    assert value["published"]["ranked"] is False
    assert [r["duplicate_of"] for r in value["published"]["rows"]] == [
        None,
        None,
        None,
        "30-70-90syn",
    ]


def test_json_holds_what_the_page_ranks(rendered: Rendered, phantom: Table) -> None:
    value = json.loads(rendered.files["leaderboard.json"].read_text())
    assert value["ranked_on"]["metric"] == "auroc"
    assert value["positive_class"] == "cancer"
    (table,) = [t for t in value["tables"] if t["simulated"]]
    ranked = [line for line in table["lines"] if line["kind"] == "ranked"]
    assert [line["rank"] for line in ranked] == [r.rank for r in phantom.of_kind("ranked")]
    assert {line["kind"] for line in table["lines"]} == {
        "ranked",
        "baseline",
        "twin",
        "chance",
        "control",
    }
    first = table["image_for_image"][0]["auroc_trtr_minus_twin"]
    assert first["low"] < first["value"] < first["high"]


def test_terminal_table(board: Board) -> None:
    text = terminal.table(board)
    body = [line for line in text.splitlines() if line.startswith(("1", "chance", "TRTR", "twin"))]
    assert len(body) >= 8
    assert words.NOTICE in text
    assert words.PHANTOM in text
    assert all(len(line) <= 100 for line in body)


def test_figure_is_a_picture_with_ink(rendered: Rendered) -> None:
    picture = Image.open(io.BytesIO(rendered.files["leaderboard.png"].read_bytes()))
    pixels = np.asarray(picture.convert("L"))
    assert picture.size[0] > 1000
    assert pixels.min() < 60
    assert 0.01 < (pixels < 200).mean() < 0.3


def test_fraction_panels_leave_missing_cells_open(phantom: Table) -> None:
    panel = next(p for p in fractions.panels(phantom, "auroc") if p.class_ratio == "30-70")
    by_name = {line.name: line for line in panel.lines}
    assert "background-only" not in by_name
    assert [point.position for point in by_name["vgg16"].points] == [2, 3, 4]
    assert [point.position for point in by_name["small-cnn"].points] == [2, 4]
    assert [point.position for point in by_name["small-cnn"].places] == [0, 1, 2, 4]
    twin = by_name["vgg16"].twin
    assert twin is not None
    assert twin in [row.metrics["auroc"] for row in phantom.of_kind("twin")]
    drawn = fractions.draw([panel], "auroc", 0.5)[0]
    # small-cnn has 90 % and 100 % but not 95 %: no line may join what nobody measured.
    assert drawn.count("<polyline") == 1
    assert "TRTR" in drawn
    assert ">synthetic,</text>" in drawn and ">same count</text>" in drawn
    assert f"its synthetic twin of the same count {words.number(twin.value)}" in drawn


def test_curves_break_where_a_value_is_undefined() -> None:
    names = ("loss", "accuracy", "precision", "recall")
    entries = [
        {"epoch": e} | {f"{v}{n}": 0.5 for n in names for v in ("", "val_")} for e in range(5)
    ]
    entries[2]["val_precision"] = None
    drawn = {chart.name: chart.svg for chart in charts(entries, 3, "run")}
    assert drawn["recall"].count("<polyline") == 2
    assert drawn["precision"].count("<polyline") == 3
    assert all('class="best"' in svg for svg in drawn.values())
    assert charts([], None, "run") == []
    single = charts(entries[:1], 0, "run")
    assert "<circle" in single[0].svg, "one epoch is a dot"


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.43, 0.61), (0.0, 7.3), (0.5, 0.5)])
def test_ticks_cover_and_read_as_printed(low: float, high: float) -> None:
    marks, digits = ticks(low, high)
    assert marks[0] <= low + 1e-9
    assert marks[-1] >= high - 1e-9
    assert 1 <= len(marks) <= 9
    assert all(float(f"{mark:.{digits}f}") == pytest.approx(mark, abs=1e-9) for mark in marks)


def test_numbers_are_written_alike() -> None:
    assert words.number(None) == "–"
    assert words.signed(-0.0001) == "0.000"
    assert words.signed(0.21) == "+0.210"
    assert words.signed(-0.21) == "−0.210"
    assert words.interval(Estimate(0.5)) == ""
    assert words.interval(Estimate(0.5, 0.456, 0.544)) == "0.46–0.54"
    assert markdown.text("a|b\n<i>") == r"a\|b \<i\>"
