"""What our self-contained pages share: the style sheet and the settings of their templates."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup


def environment(templates: Path) -> Environment:
    """Templates of a folder; what they are given is escaped, and what is missing is an error."""
    return Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def style(own: Path) -> Markup:
    """The common style sheet, followed by a page's own."""
    common = Path(__file__).with_name("page.css")
    return Markup("".join(sheet.read_text("utf-8") for sheet in (common, own)))
