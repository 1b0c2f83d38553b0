"""One montage, and the sheet that all of them are drawn on.

A page shows a sheet at its own width or, on a phone, at half of that: so sheets are narrow, their
letters large, and every image has its own words below it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mammo_synth.errors import BadInput
from mammo_synth.png import encode_png
from mammo_synth.quality.tiles import (
    FAINT,
    INK,
    PAPER,
    Font,
    Picture,
    draw_withheld,
    fitted,
    short,
)

GAP, MARGIN = 8, 12  # px
FONT, LINE = 20, 25
SMALL = 16
LEAST_WIDTH = 480  # the foot fits
FOOT = "Synthetic. Never for diagnosis."

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Montage:
    """A sheet of images, or why there is none.

    Attributes:
        name: What its file is called, without ``.png``.
        label: ``cancer`` or ``normal``.
        text: What it shows, in words: the caption, and all that a reader has who sees no picture.
        png: The picture, 8-bit grey; None: there is none.
        reason: Why there is none, one sentence; None where there is one.
    """

    name: str
    label: str
    text: str
    png: bytes | None
    reason: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadInput(
                f"'{self.name}' is no name of a montage; letters, digits, '.', '_' and '-' were "
                "expected."
            )
        if (self.png is None) == (self.reason is None):
            raise BadInput(
                f"Montage '{self.name}' has {'no' if self.png is None else 'a'} picture and "
                f"{'no' if self.reason is None else 'a'} reason; one of the two was expected."
            )

    @property
    def file(self) -> str:
        """Its place in the folder of the report."""
        return f"montages/{self.name}.png"

    def as_dict(self) -> dict[str, Any]:
        """Its entry in ``report.json``; only of one that has a picture."""
        return {"name": self.name, "label": self.label, "file": self.file, "text": self.text}


@dataclass(frozen=True)
class Tile:
    """An image uint8 ``[S, S]`` (None: withheld) and the lines of words below it."""

    image: Picture | None
    words: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Tiles that follow one another, and a heading above them ("": none)."""

    tiles: Sequence[Tile]
    heading: str = ""

    @property
    def lines(self) -> int:
        """Lines of words below each row."""
        return max(len(tile.words) for tile in self.tiles)


def draw_sheet(groups: Sequence[Group], columns: int, side: int, *, foot: str = FOOT) -> bytes:
    """Groups below one another, ``columns`` tiles of ``side`` px in a row, as a PNG.

    The sheet is as wide for few tiles as for many.
    """
    heights = [_height(group, columns, side) for group in groups]
    wide = max(LEAST_WIDTH, 2 * MARGIN + columns * (side + GAP) - GAP)
    sheet = Image.new("L", (wide, 2 * MARGIN + sum(heights) + LINE), PAPER)
    font, small = ImageFont.load_default(size=FONT), ImageFont.load_default(size=SMALL)
    top = MARGIN
    for group, height in zip(groups, heights, strict=True):
        _draw_group(sheet, group, columns, side, top, font)
        top += height
    foot = short(f"{foot} {_reduced(groups, side)}".strip(), wide - 2 * MARGIN, small)
    ImageDraw.Draw(sheet).text((MARGIN, top), foot, fill=FAINT, font=small)
    return encode_png(np.asarray(sheet, dtype=np.uint8))


def _height(group: Group, columns: int, side: int) -> int:
    rows = -(-len(group.tiles) // columns)
    return rows * (side + group.lines * LINE + GAP) + (LINE + GAP if group.heading else 0)


def _draw_group(
    sheet: Image.Image, group: Group, columns: int, side: int, top: int, font: Font
) -> None:
    draw = ImageDraw.Draw(sheet)
    if group.heading:
        heading = short(group.heading, sheet.width - 2 * MARGIN, font)
        draw.text((MARGIN, top), heading, fill=INK, font=font)
        top += LINE + GAP
    for number, tile in enumerate(group.tiles):
        row, column = divmod(number, columns)
        at = MARGIN + column * (side + GAP), top + row * (side + group.lines * LINE + GAP)
        if tile.image is None:
            draw_withheld(draw, at, side, ["withheld"], font, LINE)
        else:
            sheet.paste(Image.fromarray(fitted(tile.image, side)), at)
        for line, words in enumerate(tile.words):
            below = at[0] + side // 2, at[1] + side + line * LINE + LINE // 2
            draw.text(below, short(words, side + GAP, font), fill=INK, font=font, anchor="mm")


def _reduced(groups: Sequence[Group], side: int) -> str:
    """Fine texture is lost in a small picture: a reader should know."""
    large = max(
        (len(tile.image) for group in groups for tile in group.tiles if tile.image is not None),
        default=0,
    )
    return f"{large} px shown at {side}." if large > side else ""


def seed_words(seed: int) -> str:
    """What stands below the image of a seed; seeds of ten digits are as wide as a tile."""
    return f"seed {seed}" if seed < 10**8 else str(seed)
