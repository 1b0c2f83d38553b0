"""The closest pairs as one picture, for a person to judge: synthetic, training film, difference.

The synthetic film is altered to lie on the training film (flip, scale, shift), and its grey values
are matched to it before the difference is taken: mid grey is no difference. Where the terms of the
films do not allow that they are passed on, the film is withheld, and so is the difference, which
would show it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mammo_synth.films.audit.search import SIDE
from mammo_synth.quality.tiles import FAINT, INK, PAPER, Picture, draw_withheld, fitted, short

from .patterns import Variant
from .sets import Pair

TILE, GAP, MARGIN = 192, 4, 16  # px
ACROSS = 2  # pairs side by side
FONT, LINE = 13, 18


def pairs_picture(
    pairs: Sequence[Pair],
    image: Callable[[int], Picture],
    film: Callable[[int], Picture] | None,
    name: Callable[[int], str] = "image {}".format,
) -> Picture:
    """The pairs on one sheet, dark on light, grey.

    Args:
        pairs: The most alike first.
        image: The synthetic image of a place, uint8 ``[S, S]``.
        film: The training film of a place; None: it may not be shown.
        name: What the image of a place is called.

    Returns:
        uint8 ``[H, W]``; 1,216 px wide.
    """
    wide = 3 * TILE + 2 * GAP
    tall = TILE + 3 * LINE + MARGIN
    rows = max(1, -(-len(pairs) // ACROSS))
    top = 2 * LINE + MARGIN
    size = (ACROSS * (wide + MARGIN) + MARGIN, top + rows * tall)
    sheet = Image.new("L", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=FONT)
    head = "The pairs most alike after alignment: synthetic film | training film | difference"
    draw.text((MARGIN, MARGIN // 2), head, fill=INK, font=font)
    note = (
        "Mid grey is no difference. Never for diagnosis."
        if film is not None
        else "The terms of the films do not allow that they are shown. Never for diagnosis."
    )
    draw.text((MARGIN, MARGIN // 2 + LINE), note, fill=FAINT, font=font)
    for number, pair in enumerate(pairs):
        row, column = divmod(number, ACROSS)
        x, y = MARGIN + column * (wide + MARGIN), top + row * tall
        fake = fitted(laid_on(image(pair.image), pair.variant), TILE)
        tiles = [fake, None, None]
        if film is not None:
            real = fitted(film(pair.film), TILE)
            tiles[1:] = [real, difference(fake, real)]
        for place, tile in enumerate(tiles):
            at = (x + place * (TILE + GAP), y)
            if tile is None:
                words = ["withheld", pair.film_id] if place == 1 else ["withheld"]
                draw_withheld(draw, at, TILE, words, font, LINE)
            else:
                sheet.paste(Image.fromarray(tile), at)
        for line, text in enumerate(_caption(number + 1, pair, name(pair.image))):
            below = x, y + TILE + 3 + line * LINE
            draw.text(below, short(text, wide, font), fill=INK, font=font)
    return np.asarray(sheet, dtype=np.uint8)


def laid_on(image: Picture, variant: Variant) -> Picture:
    """An image ``[S, S]`` altered as ``variant`` says (its shifts are px of 64)."""
    turned = image[:: -1 if variant.flip_rows else 1, :: -1 if variant.flip_columns else 1]
    side = len(image)
    centre, step = (side - 1) / 2, side / SIDE
    affine = []
    for shift in (variant.right, variant.down):
        # Pillow asks where an output pixel's centre (at + 0.5) lies on the input.
        affine.append(centre + 0.5 - (centre + 0.5 + shift * step) / variant.scale)
    data = (1 / variant.scale, 0, affine[0], 0, 1 / variant.scale, affine[1])
    moved = Image.fromarray(np.ascontiguousarray(turned)).transform(
        (side, side), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR
    )
    return np.asarray(moved, dtype=np.uint8)


def difference(image: Picture, film: Picture) -> Picture:
    """``image - film`` around 128, after the grey values of the image were given the film's
    distribution where both are bright."""
    both = (image > 0) & (film > 0)
    if not both.any():
        return np.full(film.shape, 128, np.uint8)
    greys = np.quantile(image[both], np.linspace(0, 1, 65))
    matched = np.interp(image, greys, np.quantile(film[both], np.linspace(0, 1, 65)))
    apart = np.where(both, matched - film, 0)
    shown: Picture = np.clip(np.rint(128 + apart), 0, 255).astype(np.uint8)
    return shown


def _caption(number: int, pair: Pair, name: str) -> list[str]:
    words = {"exact": "EXACT COPY", "near": "NEAR COPY"}.get(pair.copy, "no copy")
    p = "no held-out films" if pair.p_value is None else f"p {pair.p_value:.3g}"
    return [
        f"{number}. {name} | {pair.film_id}",
        f"{words}, agreement {pair.alike:.2f}, {p}; {pair.variant}",
    ]
