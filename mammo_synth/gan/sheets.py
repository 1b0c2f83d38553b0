"""Labelled sheets of images: a name beside every row and above every column."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

GAP, MARGIN = 4, 8
MIN_TILE = 128
INK, PAPER = 20, 245


def labelled_sheet(
    images: NDArray[np.uint8],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    corner: str = "",
    missing: Sequence[tuple[int, int]] = (),
) -> NDArray[np.uint8]:
    """Images ``[R, C, H, W]`` uint8 as one labelled sheet, dark on light.

    Small images are enlarged by a whole factor without smoothing, so every pixel is one that was
    drawn. ``missing``: (row, column) of places that stay empty.
    """
    height, width = images.shape[2:]
    factor = max(1, MIN_TILE // height)
    tall, wide = height * factor, width * factor
    font = ImageFont.load_default(size=max(14, tall // 12))
    left = max(_width(font, name) for name in (corner, *rows)) + 2 * MARGIN
    # A column's name may be wider than its image.
    step = max([wide, *(_width(font, name) + MARGIN for name in columns)]) + GAP
    top = _height(font) + 2 * MARGIN
    size = (left + len(columns) * step, top + len(rows) * (tall + GAP))
    sheet = Image.new("L", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), corner, fill=INK, font=font)
    for column, name in enumerate(columns):
        x = left + column * step + (step - GAP - _width(font, name)) // 2
        draw.text((x, MARGIN), name, fill=INK, font=font)
    empty = set(missing)
    for row, name in enumerate(rows):
        y = top + row * (tall + GAP)
        draw.text((MARGIN, y + (tall - _height(font)) // 2), name, fill=INK, font=font)
        for column in range(len(columns)):
            if (row, column) in empty:
                continue
            large = np.kron(images[row, column], np.ones((factor, factor), np.uint8))
            x = left + column * step + (step - GAP - wide) // 2
            sheet.paste(Image.fromarray(large, mode="L"), (x, y))
    return np.asarray(sheet, dtype=np.uint8)


def encode_gif(frames: NDArray[np.uint8], *, milliseconds: int = 80) -> bytes:
    """Frames ``[F, H, W]`` uint8 as an endless GIF, forth and back."""
    order = [*frames, *frames[-2:0:-1]]
    first, *rest = [Image.fromarray(frame, mode="L") for frame in order]
    buffer = io.BytesIO()
    first.save(
        buffer, format="GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0
    )
    return buffer.getvalue()


def _width(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str) -> int:
    return int(font.getlength(text))


def _height(font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> int:
    return int(font.getbbox("Ag")[3])
