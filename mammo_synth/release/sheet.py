"""Contact sheets: a labelled row of films for each group, as one PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from mammo_synth.png import decode_png

GAP = 4
TITLE_HEIGHT = 22
MIN_TILE, MAX_TILE = 128, 256
INK, PAPER = 20, 245


def contact_sheet(groups: Sequence[tuple[str, Sequence[bytes]]]) -> bytes:
    """Draw one row of images for each group, under its title.

    Args:
        groups: (title, PNG bytes of equally large images). Small images are enlarged by whole
            factors without smoothing, large ones reduced to `MAX_TILE` px, so that the sheet fits
            a page and a card.

    Returns:
        PNG bytes.
    """
    rows = [(title, [_tile(data) for data in images]) for title, images in groups if images]
    if not rows:
        rows = [("no images", [np.zeros((MIN_TILE, MIN_TILE), np.uint8)])]
    side = max(tile.shape[0] for _, tiles in rows for tile in tiles)
    columns = max(len(tiles) for _, tiles in rows)
    width = GAP + columns * (side + GAP)
    height = GAP + len(rows) * (TITLE_HEIGHT + side + GAP)
    sheet = Image.new("L", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=15)
    y = GAP
    for title, tiles in rows:
        draw.text((GAP, y), title, fill=INK, font=font)
        y += TITLE_HEIGHT
        for column, tile in enumerate(tiles):
            sheet.paste(Image.fromarray(tile, mode="L"), (GAP + column * (side + GAP), y))
        y += side + GAP
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG")
    return buffer.getvalue()


def _tile(data: bytes) -> npt.NDArray[np.uint8]:
    pixels = decode_png(data)
    if pixels.shape[0] > MAX_TILE:
        smaller = Image.fromarray(pixels).resize((MAX_TILE, MAX_TILE), Image.Resampling.LANCZOS)
        return np.asarray(smaller, np.uint8)
    factor = max(1, MIN_TILE // pixels.shape[0])
    return np.kron(pixels, np.ones((factor, factor), np.uint8))
