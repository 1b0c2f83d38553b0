"""report.html: one self-contained page, a pure function of a report's content and its pictures."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from pathlib import Path

from mammo_synth import __version__
from mammo_synth.page import environment, style

from . import fidelity, method, privacy, shortcuts, texture, words
from .charts import floor_legend, legend
from .model import LABEL_NAMES, Content, Picture, labels_of

_TEMPLATES = Path(__file__).with_name("templates")
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
PAIRS = "pairs"
"""Names of pictures that end so stand with the closest pairs, under privacy."""


def render_page(content: Content, pictures: Mapping[str, bytes]) -> str:
    """The page of a quality report.

    Args:
        content: Of ``report.json``, as `mammo_synth.quality.report.check_content` takes it.
        pictures: PNG files by their names in the report (``montages/NAME.png``). Of one that is
            missing the page says so.

    Returns:
        HTML, UTF-8; the pictures are in it.
    """
    verdict = content["verdict"]
    curves = content["curves"]
    shown = [(one, _picture(one, pictures)) for one in content["montages"]]
    pairs = {one["label"]: picture for one, picture in shown if one["name"].endswith(PAIRS)}
    shortcut = content["shortcuts"]
    return environment(_TEMPLATES).get_template("page.html.j2").render(
        style=style(_TEMPLATES / "style.css"),
        words=words,
        version=__version__,
        source=content["source"],
        simulated=content["simulated"],
        study=content["protocol"] == "study",
        image_size=content["image_size"],
        licence=content["terms"]["licence"],
        withheld=not content["terms"]["redistributable"],
        labels=" and ".join(LABEL_NAMES[one].lower() for one in labels_of(content["pools"])),
        verdict=verdict,
        verdict_words=_verdict_words(verdict),
        warnings=[*verdict["warnings"], *(shortcut or {}).get("warnings", [])],
        remarks=content["remarks"],
        assessed=method.assessed(content),
        in_short=method.in_short(content["card"]),
        groups=fidelity.groups(content["measures"]),
        floor_legend=floor_legend(),
        curve_legend=legend(texture.KINDS),
        distance_legend=legend(texture.KINDS[1:]),
        textures=texture.textures(curves),
        privacy=privacy.parts(content["privacy"], curves),
        thresholds=privacy.thresholds(verdict["settings"]),
        pairs=pairs,
        shortcuts=shortcuts.tables(shortcut) if shortcut else None,
        shortcut_warnings=(shortcut or {}).get("warnings", []),
        montages=[picture for one, picture in shown if not one["name"].endswith(PAIRS)],
        extractors=method.extractors(content["extractors"]),
        draws=method.draws(content["measures"]),
        digests=method.digests(content),
    )  # fmt: skip


def _verdict_words(verdict: Content) -> str:
    if verdict["passed"]:
        return words.PASSED
    return words.FAILED if verdict["override"] is None else words.OVERRIDDEN


def _picture(entry: Content, pictures: Mapping[str, bytes]) -> Picture:
    data = pictures.get(entry["file"], b"")
    label = entry["label"]
    kind = entry["name"].replace(label, "").replace("-", " ").replace("_", " ").strip()
    alt = f"Sheet of pictures, {LABEL_NAMES[label].lower()}: {kind}. The caption says more."
    if not data.startswith(_PNG):
        return Picture(entry["text"], alt, "", 0, 0)
    width, height = struct.unpack(">II", data[len(_PNG) : len(_PNG) + 8])
    address = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return Picture(entry["text"], alt, address, width, height)
