"""The page in a browser: sorted, filtered, opened, by keyboard, looked at, printed.

Screenshots stay in `test-output/leaderboard`: look at them.
"""

from __future__ import annotations

import io
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mammo_synth.leaderboard.model import METRICS, Table
from mammo_synth.leaderboard.page import LANGUAGES
from mammo_synth.leaderboard.render import Rendered
from tests.leaderboard.browser import Browser
from tests.leaderboard.page_checks import CONTRAST, HEADINGS, OVERFLOW, TABLES

PHANTOM = "#t2"  # real films come first
PAGES = {"en": "index.html", "es": "index.es.html"}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    one = Browser(tmp_path_factory.mktemp("profile"))
    yield one
    one.close()


@pytest.fixture()
def page(browser: Browser, rendered: Rendered) -> Iterator[Browser]:
    """The English page at 1280 px, freshly loaded; a test that leaves errors in the console
    fails."""
    browser.errors.clear()
    browser.scheme("light")
    browser.script(True)
    browser.open(rendered.files["index.html"])
    yield browser
    assert browser.errors == []


def _rows(page: Browser, what: str = "b => b.dataset.c + ' ' + b.dataset.m") -> list[Any]:
    """Something of each visible line of the phantom ranking, in the order shown."""
    return page.run(
        f"[...document.querySelector('{PHANTOM}-table').tBodies]"
        f".filter(b => b.checkVisibility()).map({what})"
    )


def _column(page: Browser, column: int, keep: str = "ranked") -> list[str]:
    cells = _rows(page, f"b => [b.className, b.rows[0].cells[{column}]?.innerText ?? '']")
    return [text.split("\n")[0] for kind, text in cells if kind == keep]


def _choose(page: Browser, name: str, value: str) -> None:
    page.run(
        f"""(() => {{ const one = document.querySelector("{PHANTOM} [name='{name}']");
        one.value = {value!r};
        for (const kind of ["input", "change"])
          one.dispatchEvent(new Event(kind, {{bubbles: true}})); }})()"""
    )


def _status(page: Browser) -> str:
    return page.run(f"document.querySelector('{PHANTOM} .status').textContent")


def test_every_column_sorts_both_ways(page: Browser, phantom: Table) -> None:
    for i in range(len(METRICS)):
        head = f"{PHANTOM}-table th:nth-child({i + 3})"
        for order in ("descending", "ascending"):
            page.click(f"{head} button")
            values = [float(text) for text in _column(page, i + 2)]
            assert values == sorted(values, reverse=order == "descending")
            assert len(values) == len(phantom.of_kind("ranked"))
            assert page.run(f"document.querySelector('{head}').ariaSort") == order
            pressed = page.run(f"document.querySelector('{PHANTOM} [name=reverse]').ariaPressed")
            assert pressed == ("true" if order == "ascending" else "false")
            assert _status(page).endswith(f", {order}"), "what a screen reader is told"
        kinds = _rows(page, "b => b.className")
        assert kinds[-2:] == ["control", "missing"], "whatever sorts, these stand at the end"
    sorts = page.run(
        f"[...document.querySelectorAll('{PHANTOM}-table th')].map(h => h.ariaSort)"
        ".filter(s => s !== 'none' && s)"
    )
    assert sorts == ["ascending"], "one column is the sorted one"
    page.click(f"{PHANTOM}-table th:nth-child(2) button")
    ranks = [int(text.rstrip("=")) for text in _column(page, 1)]
    assert ranks == [row.rank for row in phantom.of_kind("ranked")]


def test_the_list_sorts_by_what_has_no_column(page: Browser) -> None:
    for key, part in (("fraction", -1), ("ratio", 0)):
        _choose(page, "sort", key)
        names = [
            c for kind, c in _rows(page, "b => [b.className, b.dataset.c]") if kind == "ranked"
        ]
        parts = [name.rsplit("-", 1)[part].removesuffix("syn").zfill(3) for name in names]
        assert parts == sorted(parts)
    _choose(page, "sort", "classifier")
    names = [name for kind, name in _rows(page, "b => [b.className, b.dataset.m]")
             if kind == "ranked"]  # fmt: skip
    assert names == sorted(names) and "classifier" in _status(page).lower()
    _choose(page, "sort", "date")
    dates = [date for date in _rows(page, "b => b.dataset.d ?? ''") if date]
    assert dates == sorted(dates, reverse=True)
    assert _status(page).endswith("sorted by Date, descending")
    page.click(f"{PHANTOM} [name=reverse]")
    assert _status(page).endswith("sorted by Date, ascending")
    assert [d for d in _rows(page, "b => b.dataset.d ?? ''") if d] == sorted(dates)


def test_filters_keep_what_they_say_and_no_rank_moves(page: Browser) -> None:
    every = _rows(page)
    ranks = dict(_rows(page, "b => [b.dataset.c + b.dataset.m, b.rows[0].cells[1].innerText]"))
    assert len(every) == 23 and _status(page).startswith("23 of 23")

    def ranked() -> set[str]:
        now = dict(_rows(page, "b => [b.dataset.c + b.dataset.m, b.rows[0].cells[1].innerText]"))
        assert now.items() <= ranks.items(), "a rank is a place among all rows"
        shown = _rows(page, "b => [b.className, b.dataset.c, b.dataset.m]")
        assert {"chance", "baseline", "twin"} <= {kind for kind, _, _ in shown}
        return {f"{c} {m}" for kind, c, m in shown if kind == "ranked"}

    _choose(page, "ratio", "30-70")
    assert {name[:5] for name in ranked()} == {"30-70"} and len(ranked()) == 5
    _choose(page, "fraction", "90 %")
    assert ranked() == {"30-70-90syn vgg16", "30-70-90syn small-cnn"}
    _choose(page, "classifier", "small-cnn")
    assert ranked() == {"30-70-90syn small-cnn"}
    assert _status(page).startswith("5 of 23 lines shown")
    page.click(f"{PHANTOM} [type=reset]")
    page.run("new Promise(done => setTimeout(done, 30))")
    assert _rows(page) == every and _status(page).startswith("23 of 23 lines shown")
    _choose(page, "configuration", "70-30-95syn")
    assert ranked() == {"70-30-95syn vgg16", "70-30-95syn small-cnn"}
    _choose(page, "configuration", "")
    _choose(page, "from", "2026-01-03")
    assert set(_rows(page, "b => b.className")) == {"chance", "missing"}
    _choose(page, "from", "2026-01-02")
    _choose(page, "to", "2026-01-02")
    assert len(ranked()) == 16


def test_a_row_opens_to_everything(page: Browser, rendered: Rendered, phantom: Table) -> None:
    row = phantom.of_kind("ranked")[0]
    anchor = f"#r-{row.runs[0].sha256[:12]}"
    assert page.run(f"document.querySelectorAll('{anchor} svg').length") == 0
    page.click(f"{anchor} > summary")
    page.run("new Promise(done => setTimeout(done, 50))")
    text = page.run(f"document.querySelector('{anchor}').innerText")
    run = row.runs[0]
    c = run.scored["real_test"].confusion
    said = (
        "Settings", "optimizer.rate", "0.0001", "What was measured", "Training curves",
        "Confusion matrix, real_test", "Confusion matrix, own test split",
        "ROC curve, real_test", "Precision and recall, real_test", "By subgroup of real_test",
        "view CC", "Environment", "tensorflow", run.sha256, run.path, f"{c['tp']}\n",
        "schema valid" if not run.verified else "recomputed",
    )  # fmt: skip
    assert [part for part in said if part not in text] == []
    value = row.metrics["auroc"]
    assert f"{value.value:.3f} ({value.low:.3f}–{value.high:.3f})" in text
    shown = page.run(
        f"[...document.querySelectorAll('{anchor} .run')]"
        ".map(r => r.querySelectorAll('svg').length)"
    )
    assert shown == [6, 6], "four training curves, ROC, precision and recall"
    links = page.run(f"[...document.querySelectorAll('{anchor} a')].map(a => a.href)")
    assert len(links) == 3 * len(row.runs)
    assert all(Path(address.removeprefix("file://")).is_file() for address in links)
    page.screenshot("row-1280.png", anchor)
    page.size(390)
    page.screenshot("row-390.png", anchor)
    page.size(1280)
    # What was drawn once is not drawn again.
    page.click(f"{anchor} > summary")
    page.click(f"{anchor} > summary")
    page.run("new Promise(done => setTimeout(done, 50))")
    assert page.run(f"document.querySelectorAll('{anchor} .run').length") == len(row.runs)


def test_every_row_can_be_drawn(page: Browser, rendered: Rendered) -> None:
    for name in PAGES.values():
        page.open(rendered.files[name])
        page.open_details()
        runs = page.run("document.querySelectorAll('.run').length")
        assert runs == rendered.board.records
        text = page.run("document.body.innerText")
        assert not [bad for bad in ("NaN", "[object", " null", "{n}") if bad in text]


def test_an_address_with_a_row_opens_it(page: Browser, rendered: Rendered, phantom: Table) -> None:
    anchor = f"r-{phantom.of_kind('control')[0].runs[0].sha256[:12]}"
    page.open(rendered.files["index.html"], fragment=f"#{anchor}")
    assert page.run(f"document.getElementById('{anchor}').open") is True


def test_by_keyboard_alone(page: Browser, rendered: Rendered) -> None:
    """Tab reaches language, contents, every control, every head, every row; Enter works them."""
    order, ringed = [], []
    for _ in range(60):
        page.press("Tab")
        found = page.run(
            """(() => { const one = document.activeElement;
            const style = getComputedStyle(one);
            return [one.tagName, one.name || one.className || one.textContent.slice(0, 30),
              style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1]; })()"""
        )
        order.append(found[:2])
        ringed.append(found[2])
        if found[0] == "SUMMARY" and page.run("!!document.activeElement.closest('.more')"):
            break
    assert all(ringed), [where for where, ring in zip(order, ringed, strict=True) if not ring]
    tags = [tag for tag, _ in order]
    assert tags[0] == "A" and order[0][1] == "Español"
    names = [name for _, name in order]
    wanted = ["sort", "reverse", "ratio", "fraction", "configuration", "classifier", "from", "to"]
    assert [name for name in names if name in wanted] == list(
        itertools.chain.from_iterable(
            [name] * names.count(name)
            for name in wanted  # a date has several stops
        )
    )
    heads = [name for tag, name in order if tag == "BUTTON"]
    assert heads[2:] and len(heads) == 2 + 12, "reverse, show all, twelve columns"
    page.press("Enter")
    page.run("new Promise(done => setTimeout(done, 50))")
    assert page.run("document.activeElement.parentElement.open") is True
    page.press("Tab")
    assert page.run("document.activeElement.textContent") == "record"
    while page.run("document.activeElement.tagName") != "BUTTON":
        page.press("Tab", shift=True)
    page.press(" ")
    assert page.run("document.activeElement.closest('th').ariaSort") == "ascending"


@pytest.mark.parametrize("language", PAGES)
def test_every_control_has_a_name(page: Browser, rendered: Rendered, language: str) -> None:
    page.open(rendered.files[PAGES[language]])
    named = page.names()
    roles = {role for role, _ in named}
    assert {"button", "link", "combobox", "DisclosureTriangle"} <= roles
    assert [role for role, name in named if not name] == []
    say = LANGUAGES[language][1]
    names = {name for _, name in named}
    for label in (say.sort_by, say.class_ratio, say.synthetic_fraction, say.classifier, say.reset):
        assert any(name.startswith(label) for name in names), label
    assert page.run("document.documentElement.lang") == language


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", PAGES)
@pytest.mark.parametrize("width", [390, 1280])
def test_looks(page: Browser, rendered: Rendered, width: int, language: str, scheme: str) -> None:
    page.scheme(scheme)
    page.open(rendered.files[PAGES[language]], width)
    picture = page.screenshot(f"{language}-{width}-{scheme}.png")
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("L"))
    assert pixels.shape[1] == width
    assert (np.median(pixels) > 200) == (scheme == "light")
    page.open_details()
    assert page.run(CONTRAST) == []
    assert page.run(OVERFLOW) == []
    assert page.run(HEADINGS) == []
    assert page.run(TABLES) == []


def test_the_checks_find_what_is_planted(page: Browser) -> None:
    page.run(
        """document.querySelector("main").insertAdjacentHTML("beforeend",
        "<p style='color:#999'>pale</p><h5>deep</h5><table><tr><th>x</th></tr></table>" +
        "<svg></svg><div style='width:3000px;font-size:8px'>wide</div>")"""
    )
    assert [name for name, _ in page.run(CONTRAST)] == ["P "]
    assert page.run(HEADINGS) == ["h2 to h5"]
    assert page.run(TABLES) == [
        "a table without caption", "th without scope", "a picture without words",
    ]  # fmt: skip
    assert any("sticks out" in wrong for wrong in page.run(OVERFLOW))
    assert any("8 px" in wrong for wrong in page.run(OVERFLOW))


@pytest.mark.parametrize("language", PAGES)
def test_the_ranking_fits_at_1280(page: Browser, rendered: Rendered, language: str) -> None:
    """The last column stands apart from the border, and nothing is cut off."""
    page.open(rendered.files[PAGES[language]], 1280)
    gaps = page.run(
        """[...document.querySelectorAll(".scroll")].map(box => {
          const cells = [...box.querySelectorAll("table > * > tr:not(.more) > :last-child")];
          const rest = cells.map(cell => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            return box.getBoundingClientRect().right - range.getBoundingClientRect().right;
          });
          return [box.scrollWidth - box.clientWidth, Math.min(...rest)]; })"""
    )
    assert all(over == 0 for over, _ in gaps)
    assert all(rest >= 8 for _, rest in gaps), gaps


@pytest.mark.parametrize("language", PAGES)
def test_what_is_missing_is_in_sight_on_a_phone(
    page: Browser, rendered: Rendered, language: str
) -> None:
    page.open(rendered.files[PAGES[language]], 390)
    ends = page.run(
        f"""[...document.querySelectorAll("{PHANTOM} .missing .fixed")].map(one => {{
          const range = document.createRange();
          range.selectNodeContents(one);
          const box = range.getBoundingClientRect();
          return [one.textContent, box.left, box.right]; }})"""
    )
    say = LANGUAGES[language][1]
    assert [text for text, _, _ in ends] == [
        say.missing_row.format(names="30-70-95syn, 70-30-90syn")
    ]
    assert all(left >= 0 and right <= 390 for _, left, right in ends), ends
    page.screenshot(f"{language}-missing-390.png", f"{PHANTOM} .missing")


def test_the_order_is_told_in_the_language_of_the_page(page: Browser, rendered: Rendered) -> None:
    page.open(rendered.files[PAGES["es"]])
    page.click(f"{PHANTOM}-table th:nth-child(3) button")
    assert _status(page) == "se muestran 23 de 23 líneas; orden: AUROC, descendente"
    page.click(f"{PHANTOM}-table th:nth-child(3) button")
    assert _status(page).endswith("orden: AUROC, ascendente")


def test_without_script_the_ranking_and_the_facts_are_there(
    page: Browser, rendered: Rendered, phantom: Table
) -> None:
    page.script(False)
    page.open(rendered.files["index.html"])
    page.screenshot("no-script-1280.png")
    tree = page.call("Accessibility.getFullAXTree")["nodes"]
    said = [node.get("name", {}).get("value", "") for node in tree if not node["ignored"]]
    assert any("drawn by the page's script, which is off here" in text for text in said)
    roles = [node["role"]["value"] for node in tree if not node["ignored"]]
    assert "combobox" not in roles and "button" not in roles, "no control that does nothing"
    names = {row.configuration for row in phantom.rows}
    assert names <= {text.split(" ")[0] for text in said}
    page.script(True)


@pytest.mark.parametrize("language", PAGES)
def test_it_prints(page: Browser, rendered: Rendered, language: str) -> None:
    page.open(rendered.files[PAGES[language]])
    printed = page.printed(f"{language}.pdf")
    assert printed[:5] == b"%PDF-" and 10_000 < len(printed) < 3_000_000
    page.call("Emulation.setEmulatedMedia", media="print")
    for hidden in (".tools", "nav", ".language"):
        assert page.run(f"getComputedStyle(document.querySelector('{hidden}')).display") == "none"
    page.size(1020)  # A4 across
    page.screenshot(f"{language}-print.png")
    page.call("Emulation.setEmulatedMedia", media="")


def test_names_of_records_are_never_markup(
    browser: Browser, tmp_path: Path, rendered: Rendered
) -> None:
    from mammo_synth.leaderboard import page as pages
    from mammo_synth.leaderboard.render import read_board
    from tests.leaderboard.board_factory import HOSTILE, Cell, World, write_cell

    world = World(source=HOSTILE, patients=20, test_size=20, epochs=2)
    cell = Cell(recipe=HOSTILE, rule=HOSTILE, settings={HOSTILE: HOSTILE})
    write_cell(tmp_path / "results", world, cell)
    path = tmp_path / "index.html"
    path.write_text(pages.document(read_board(tmp_path / "results"), "en", "results"), "utf-8")
    shutil.copy(path, tmp_path / "index.es.html")
    browser.script(True)
    browser.errors.clear()
    browser.open(path)
    browser.run("window.alert = () => { window.harmed = true; }")
    browser.open_details()
    assert browser.run("document.querySelectorAll('img, .panel script').length") == 0
    assert browser.run("window.harmed") is None
    assert HOSTILE in browser.run("document.querySelector('.panel').textContent")
    assert browser.errors == []
