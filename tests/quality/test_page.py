"""The page of a quality report: self-contained, complete, escaped, and readable by everyone."""

from __future__ import annotations

import itertools
import math
import re
import shutil
import subprocess
from dataclasses import fields
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mammo_synth.quality.measures import MEASURES
from mammo_synth.quality.page import render_page, words
from mammo_synth.quality.page.charts import Line, against_floor, lines
from mammo_synth.quality.page.numbers import between, chance, count, number, percent, shortened
from mammo_synth.quality.privacy.gate import GateSettings
from mammo_synth.quality.report import check_content
from tests.quality.sample_report import sample_content, sample_pictures
from tests.quality.test_report import content as least_content

VOID = {"meta", "img", "br", "link", "input", "hr"}
DRAWN = {"line", "circle", "polyline", "polygon", "path"}


class Outline(HTMLParser):
    """Tags with attributes, in order; and that each is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in DRAWN
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, *names: str) -> list[dict[str, str | None]]:
        """Attributes of all tags of these names."""
        return [attrs for tag, attrs in self.tags if tag in names]


@pytest.fixture(scope="module")
def page() -> str:
    return render_page(sample_content(), sample_pictures())


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    return Outline(page)


def _text(page: str) -> str:
    """What a reader sees, in one line."""
    body = page[page.index("<body") :]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_the_sample_is_a_report_and_the_page_its_function(page: str) -> None:
    check_content(sample_content(), "The sample")
    assert render_page(sample_content(), sample_pictures()) == page
    assert len(render_page(sample_content(), {})) < 1_000_000


def test_nothing_is_fetched_or_run(page: str, outline: Outline) -> None:
    assert not outline.all("script", "link", "iframe", "object", "base", "form")
    assert all((attrs["src"] or "").startswith("data:image/png;base64,") for attrs in
               outline.all("img"))  # fmt: skip
    addresses = [attrs["href"] or "" for attrs in outline.all("a")]
    assert all(address.startswith(("#", "https://arxiv.org/abs/")) for address in addresses)
    ids = {attrs["id"] for _, attrs in outline.tags if "id" in attrs}
    assert {address[1:] for address in addresses if address[0] == "#"} <= ids
    assert not any(key.startswith("on") for _, attrs in outline.tags for key in attrs)
    assert "url(" not in page and "@import" not in page
    assert "default-src 'none'" in page


def test_a_screen_reader_finds_its_way(page: str, outline: Outline) -> None:
    assert outline.all("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    tables = re.findall(r"<table.*?</table>", page, re.S)
    assert len(tables) > 25
    assert all(re.search(r"<caption>[^<]{9}", table) for table in tables)
    assert all("scope" in attrs for attrs in outline.all("th"))
    assert all(len(attrs["alt"] or "") > 20 for attrs in outline.all("img"))
    drawings = re.findall(r"<svg.*?</svg>", page, re.S)
    assert drawings and all('role="img"' in one and "<title>" in one for one in drawings)
    charts = [one for one in drawings if 'class="lines"' in one]
    assert len(charts) == 10 and all("<desc>" in one for one in charts)
    assert all({"tabindex", "aria-label"} <= attrs.keys() for _, attrs in outline.tags
               if attrs.get("role") == "region")  # fmt: skip
    assert len(outline.all("details")) == len(outline.all("summary"))
    ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_it_adapts_to_phone_paper_and_dark() -> None:
    page = render_page(least_content(), {})
    for wanted in ("prefers-color-scheme: dark", "max-width: 760px", "@media print", "viewport"):
        assert wanted in page


def test_every_number_stands_beside_its_floor(page: str) -> None:
    text = _text(page)
    for row in sample_content()["measures"]:
        if row["floor"] is None:
            continue
        floor = row["floor"]
        cells = [
            number(row["value"]),
            between(row["interval"]["low"], row["interval"]["high"]),
            number(floor["value_at_floor_counts"]),
            number(floor["median"]),
            between(floor["low"], floor["high"]),
            chance(floor["chance"]),
        ]
        shown = r".{0,40}".join(re.escape(" ".join(cell.split())) for cell in cells)
        assert re.search(shown, text), (row["name"], cells)
        assert words.HOW_TO_READ[row["name"]] in text


def test_words_say_what_styles_say(page: str) -> None:
    text = _text(page)
    for said in ("training films (solid)", "synthetic images (dashed)", "held-out films (dotted)",
                 "told apart from films", "lower is better", "exact copy"):  # fmt: skip
        assert said in text
    assert 'stroke-dasharray="8 4"' in page and 'stroke-dasharray="1.5 3.5"' in page


def test_privacy_and_shortcuts_are_told(page: str) -> None:
    text, content = _text(page), sample_content()
    assert "24 synthetic images with 32 training films, 768 pairs" in text
    for label, found in content["privacy"].items():
        for space, test in found["nearest"].items():
            assert space in text
            assert between(test["low"], test["high"]) in text
        for attack in found["membership"].values():
            assert between(attack["low"], attack["high"]) in text
        for share in found["authenticity"].values():
            assert f"{percent(share['share'])} {percent(share['floor'])}" in text
        assert all(pair["film"] in text for pair in found["closest"])
        assert f"{label} images, drawn at random" in text
    assert "There are films of 3 patients; 8 are needed." in text
    assert content["shortcuts"]["warnings"][0] in text
    assert "0.930 0.900 to 0.960" in text and "0.510 0.400 to 0.620" in text
    for digest in (content["prepared_manifest"], content["extractors"][0]["digest"]):
        assert digest in text


def _verdict(**change: Any) -> str:
    content = sample_content()
    content["verdict"].update(change)
    return _text(render_page(content, {}))


def test_the_verdict_is_in_words() -> None:
    failed = _verdict()
    assert words.FAILED in failed and failed.index(words.NOTICE) < failed.index(words.FAILED)
    assert all(reason in failed for reason in sample_content()["verdict"]["reasons"])
    passed = _verdict(passed=True, reasons=[], warnings=[])
    assert passed.count(words.PASSED) == 2 and words.FAILED not in passed.split("Privacy")[1]
    assert "Why it was not passed" not in passed
    over = _verdict(override="The films are phantoms, there is no patient.")
    assert words.OVERRIDDEN in over and "Reason given: The films are phantoms" in over


def test_what_is_written_is_escaped() -> None:
    content, bad = sample_content(), "<script>alert(1)</script>&\"'>"
    kept = {"format", "learned_from", "label", "better", "seeds", "generator", "digest", "file",
            "prepared_manifest", "protocol", "question"}  # fmt: skip

    def spoil(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            free = key in ("nearest", "membership", "authenticity", "distances", "settings",
                           "weights")  # fmt: skip
            found = {k: spoil(one, k) for k, one in value.items()}
            return {f"{k}{bad}" if free else k: one for k, one in found.items()}
        if isinstance(value, list):
            return [spoil(one, key) for one in value]
        return value + bad if isinstance(value, str) and key not in kept else value

    spoilt = spoil(content)
    spoilt["verdict"]["override"] = bad
    spoilt["shortcuts"]["probes"][0]["by"] = bad
    for privacy in spoilt["privacy"].values():
        privacy["verdict"]["settings"] = spoilt["verdict"]["settings"]
    check_content(spoilt, "The spoilt report")
    page = render_page(spoilt, sample_pictures())
    assert "<script" not in page and page.count("&lt;script&gt;") > 200
    assert not Outline(page).all("script")


def test_the_least_report_has_a_page() -> None:
    text = _text(render_page(least_content(), {}))
    assert words.WITHHELD in text
    assert "Shortcuts were not looked for." in text and "No curves were drawn." in text
    assert text.count(words.NO_HELD_OUT) == 2
    assert "This picture is missing." in text
    assert re.search(r"Slope .{0,200}Too few films\. –", text)
    nothing = {**least_content(), "measures": [], "extractors": [], "privacy": {}, "card": []}
    assert "Nothing was measured." in _text(render_page(nothing, {}))


def test_study_and_simulated_films_are_named() -> None:
    content = {**least_content(), "simulated": True, "protocol": "study"}
    text = _text(render_page(content, {}))
    assert words.SIMULATED in text and words.STUDY in text
    text = _text(render_page(least_content(), {}))
    assert words.SIMULATED not in text and words.STRICT in text


def test_pictures_are_embedded_once(page: str) -> None:
    assert page.count("data:image/png;base64,") == len(sample_pictures()) == 4
    broken = dict.fromkeys(sample_pictures(), b"<svg onload=alert(1)>")
    text = render_page(sample_content(), broken)
    assert "base64" not in text and text.count("This picture is missing.") == 4


def test_every_measure_and_threshold_is_explained() -> None:
    assert set(words.HOW_TO_READ) == set(MEASURES)
    assert set(words.THRESHOLDS) == {field.name for field in fields(GateSettings)}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (math.nan, "–"), (math.inf, "∞"), (-math.inf, "−∞"), (0, "0"), (-0.0, "0"),
        (1, "1.00"), (0.5, "0.500"), (12.345, "12.3"), (123.45, "123"), (1234.5, "1,230"),
        (9.996, "10.0"), (-0.25, "−0.250"), (0.00123, "0.00123"), (0.000123, "1.23 × 10⁻⁴"),
        (999_999, "1.00 × 10⁶"), (99_949.0, "99,900"), (-1.5e12, "−1.50 × 10¹²"),
    ],
)  # fmt: skip
def test_numbers(value: float | None, text: str) -> None:
    assert number(value).replace("\u00a0", " ") == text


def test_other_numbers() -> None:
    assert [chance(x) for x in (None, 0, 0.00009, 0.0099, 0.5, 1)] == [
        "–", "< 0.0001", "< 0.0001", "0.0099", "0.5", "1",
    ]  # fmt: skip
    assert (percent(None), percent(0.125), percent(1)) == ("–", "12.5 %", "100 %")
    assert [count(n, "film") for n in (0, 1, 2000)] == ["0 films", "1 film", "2,000 films"]
    assert between(None, 1) == "" and between(-1, 2.5) == "−1.00 to 2.50"
    assert shortened("9" * 160) == "9" * 160
    assert shortened("9" * 1000).endswith("… (840 more characters in report.json)")


@pytest.mark.parametrize(
    ("chance", "splits", "said"),
    [
        (1 / 101, 100, "told apart from films"), (0.05, 100, "told apart from films"),
        (1 / 11, 10, "told apart from films"), (2 / 11, 10, "not clearly told apart"),
        (0.49, 100, "not clearly told apart"), (0.5, 100, "not told apart from films"),
    ],
)  # fmt: skip
def test_the_chance_in_words(chance: float, splits: int, said: str) -> None:
    assert words.apart(chance, splits) == said


def test_a_number_is_drawn_against_its_floor() -> None:
    row = least_content()["measures"][0]
    row["interval"] = {"low": 0.0, "high": 10.0, "level": 0.95}
    row["value"] = 5.0
    row["floor"].update(low=2.0, high=4.0, median=3.0, value_at_floor_counts=6.0)
    drawn = str(against_floor(row))
    # 0 to 10 lie between 8 and 192.
    assert '<line x1="44.8" y1="24.0" x2="81.6" y2="24.0" class="band"/>' in drawn
    assert 'cx="100.0"' in drawn and "← better" in drawn
    assert "at equal counts 6.00, films against films 3.00" in drawn
    for value in (None, math.inf):
        row.update(value=value, interval=None, floor=None)
        assert against_floor(row) == ""


def test_lines_break_where_a_number_is_missing() -> None:
    drawn = lines("t", "x", "y", [Line("films", [1, 2, 3, 4, 5], [1, 2, None, 3, 4])])
    assert drawn.count("<polyline") == 2
    assert lines("t", "x", "y", [Line("films", [1, 2], [1, None])]) == ""
    decades = lines("t", "x", "y", [Line("films", [0, 1, 10, 100], [9, 1, 2, 3])], log_x=True)
    marks = re.findall(r'class="tick" text-anchor="(?:middle|end)">(\d+)<', decades)
    assert [mark for mark in ("1", "2", "5", "10", "20", "50", "100") if mark not in marks] == []
    places = [float(x) for x in re.findall(r"([\d.]+),[\d.]+", decades.split("points=")[1])][:3]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=0.2)


@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser_nothing_sticks_out(page: str, tmp_path: Path, width: int) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium here: the page's widths are not exercised")
    # The page runs no script; a copy whose policy allows one is measured in a frame of that width.
    measure = """<script>
    document.querySelectorAll("details").forEach((one) => { one.open = true; });
    const root = document.documentElement;
    const out = [...document.querySelectorAll("main *")].filter((one) =>
      !one.closest("thead, .numbers, .pan, svg") && one.getBoundingClientRect().right > root.clientWidth + 1);
    const tiny = [...document.querySelectorAll("main *")].filter((one) =>
      one.childNodes.length && !one.closest("svg") && parseFloat(getComputedStyle(one).fontSize) < 11);
    parent.document.title = [root.clientWidth, root.scrollWidth, out.length, tiny.length].join(";");
    </script></body>"""  # noqa: E501
    policy = re.search(r'<meta http-equiv="Content-Security-Policy"[^>]*>', page)
    assert policy is not None
    inner = page.replace(policy[0], "").replace("</body>", measure)
    (tmp_path / "inner.html").write_text(inner, "utf-8")
    frame = f'<iframe src="inner.html" style="width:{width}px;height:900px;border:0"></iframe>'
    outer = tmp_path / "outer.html"
    outer.write_text(f"<!doctype html><title>none</title>{frame}", "utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--allow-file-access-from-files"]
    command += ["--hide-scrollbars", "--window-size=1400,900", "--dump-dom"]
    shown = subprocess.run(
        [*command, outer.as_uri()], capture_output=True, text=True, timeout=90, check=False
    ).stdout
    title = re.search(r"<title>(.*?)</title>", shown)
    assert title is not None
    assert title[1].split(";") == [str(width), str(width), "0", "0"]
