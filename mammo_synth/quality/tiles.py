"""Tiles of a sheet: images at one size, names that fit below them, and what is withheld."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from .privacy.patterns import ImageSet

Picture = npt.NDArray[np.uint8]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

INK, FAINT, PAPER, WITHHELD = 20, 90, 245, 205


def fitted(image: Picture, side: int) -> Picture:
    """An image uint8 ``[S, S]`` at ``[side, side]``: itself where it has that size."""
    if image.shape == (side, side):
        return image
    method = Image.Resampling.LANCZOS if len(image) > side else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(image).resize((side, side), method), dtype=np.uint8)


def image_at(images: ImageSet, place: int) -> Picture:
    """The image ``[S, S]`` of a place of a set of which only parts can be taken."""
    image: Picture = np.asarray(images[place : place + 1])[0]
    return image


def draw_withheld(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    side: int,
    words: Sequence[str],
    font: Font,
    line: int,
) -> None:
    """A grey square of ``side`` px, its words in its middle, ``line`` px apart."""
    draw.rectangle((*at, at[0] + side - 1, at[1] + side - 1), fill=WITHHELD)
    for number, text in enumerate(words):
        centre = at[0] + side // 2, at[1] + side // 2 + (number - (len(words) - 1) / 2) * line
        draw.text(centre, short(text, side - 8, font), fill=INK, font=font, anchor="mm")


def short(text: str, room: int, font: Font) -> str:
    """As much of a text as fits in ``room`` px, and dots where that is not all."""
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "...") > room:
        text = text[:-1]
    return text + "..."
