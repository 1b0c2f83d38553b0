"""index.html: all figures of a folder on one page, each with its words for those who cannot see it.

The page is plain HTML with relative links: it opens from disk, without network or script.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from urllib.parse import quote

from mammo_synth.bench.figures.cells import Group
from mammo_synth.bench.figures.style import NOTICE, Heading

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; } h3 { font-size: 1rem; }
figure { margin: 1rem 0 2rem; } figcaption { font-size: .9rem; }
img { max-width: 100%; height: auto; background: white; border: 1px solid #cfcac0; }
nav ul { padding-left: 1.2rem; } .warning { font-weight: 600; }
figure a.image { display: block; overflow-x: auto; }
@media (max-width: 46rem) { .wide img { max-width: none; width: 46rem; } }
details { margin-top: .3rem; } footer { margin-top: 3rem; font-size: .85rem; }
"""


@dataclass(frozen=True)
class Shown:
    """One figure of the page: its path without ending, where it belongs, what it shows.

    A ``wide`` one keeps its size on a phone, where it is moved sideways: its text stays readable.
    """

    path: str
    section: str
    title: str
    words: str
    wide: bool = True


def document(
    groups: Sequence[tuple[Group, Sequence[str], Sequence[Shown]]], formats: Sequence[str]
) -> str:
    """The whole page: for each group its films, what is missing, and its figures by section."""
    body = "\n".join(
        _group(i, group, notes, shown, formats) for i, (group, notes, shown) in enumerate(groups)
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Figures of the mammo-synth benchmark</title>\n<style>{_STYLE}</style>\n</head>\n"
        "<body>\n<h1>Figures of the mammo-synth benchmark</h1>\n"
        "<p>Positive class: cancer. Every number is computed from the stored predictions; "
        "intervals and bands are 95 % and come from a bootstrap that draws patients.</p>\n"
        f"{body}\n<footer>{escape(NOTICE)}</footer>\n</body>\n</html>\n"
    )


def _group(
    place: int,
    group: Group,
    notes: Sequence[str],
    shown: Sequence[Shown],
    formats: Sequence[str],
) -> str:
    release = group.release
    heading = Heading("", group.films, release["protocol"], simulated=release["simulated"])
    warning = ' class="warning"' if release["simulated"] or release["protocol"] == "study" else ""
    sections = [(name, list(found)) for name, found in groupby(shown, lambda one: one.section)]
    links = "".join(
        f'<li><a href="#g{place}-{i}">{escape(name)}</a> ({len(found)})</li>'
        for i, (name, found) in enumerate(sections)
    )
    missing = "".join(f"<li>{escape(note)}</li>" for note in notes)
    parts = [
        f"<h2>{escape(group.origin)}</h2>",
        f"<p{warning}>{escape(' '.join(heading.lines))}</p>",
        f"<nav><ul>{links}</ul></nav>",
        f"<p>Missing:</p><ul>{missing}</ul>" if missing else "",
    ]
    for i, (name, found) in enumerate(sections):
        parts.append(f'<h3 id="g{place}-{i}">{escape(name)}</h3>')
        parts += [_figure(one, formats) for one in found]
    return "\n".join(part for part in parts if part)


def _figure(one: Shown, formats: Sequence[str]) -> str:
    path = quote(one.path)
    image = next((form for form in ("png", "svg") if form in formats), None)
    files = " ".join(f'<a href="{path}.{form}">{form.upper()}</a>' for form in formats)
    kind = ' class="wide"' if one.wide else ""
    said = escape(f"{one.title}. {one.words}")
    picture = f'<img loading="lazy" src="{path}.{image}" alt="{said}">'
    picture = f'<a class="image" href="{path}.{image}">{picture}</a>' if image else ""
    return (
        f"<figure{kind}>{picture}<figcaption><strong>{escape(one.title)}</strong> {files}"
        f"<details><summary>In words</summary><p>{escape(one.words)}</p></details>"
        f"</figcaption></figure>"
    )
