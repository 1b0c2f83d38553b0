"""Which augmentations there are and how strong they may be."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class AugmentSettings:
    """One pipeline. The first field of each transform is a multiplier of the probability p that
    applies to all of them: 1 enables it, 0 disables it. Distributions: arXiv 2006.06676,
    appendix B.
    """

    xflip: float = 0.0
    rotate90: float = 0.0
    xint: float = 0.0
    xint_max: float = 0.125  # of the image size
    scale: float = 0.0
    scale_std: float = 0.2  # log2
    rotate: float = 0.0
    rotate_max: float = 1.0  # of half a turn
    aniso: float = 0.0
    aniso_std: float = 0.2  # log2
    xfrac: float = 0.0
    xfrac_std: float = 0.125  # of the image size
    brightness: float = 0.0
    brightness_std: float = 0.2
    contrast: float = 0.0
    contrast_std: float = 0.5  # log2
    lumaflip: float = 0.0
    hue: float = 0.0
    hue_max: float = 1.0  # of half a turn
    saturation: float = 0.0
    saturation_std: float = 1.0  # log2
    imgfilter: float = 0.0
    imgfilter_bands: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    imgfilter_std: float = 1.0  # log2
    noise: float = 0.0
    noise_std: float = 0.1
    cutout: float = 0.0
    cutout_size: float = 0.5  # of the image size

    @property
    def geometric(self) -> bool:
        """Whether any transform moves pixels."""
        return any(
            (self.xflip, self.rotate90, self.xint, self.scale, self.rotate, self.aniso, self.xfrac)
        )

    @property
    def active(self) -> bool:
        """Whether any transform is enabled."""
        return self.geometric or any(
            (
                self.brightness,
                self.contrast,
                self.lumaflip,
                self.hue,
                self.saturation,
                self.imgfilter,
                self.noise,
                self.cutout,
            )
        )


_NONE = AugmentSettings()
_BLIT = AugmentSettings(xflip=1, rotate90=1, xint=1)
_GEOM = AugmentSettings(scale=1, rotate=1, aniso=1, xfrac=1)
_COLOR = AugmentSettings(brightness=1, contrast=1, lumaflip=1, hue=1, saturation=1)
_BG = replace(_BLIT, scale=1, rotate=1, aniso=1, xfrac=1)
_BGC = replace(_BG, brightness=1, contrast=1, lumaflip=1, hue=1, saturation=1)
_BGCF = replace(_BGC, imgfilter=1)
_BGCFN = replace(_BGCF, noise=1)

PIPELINES: dict[str, AugmentSettings] = {
    "none": _NONE,
    "blit": _BLIT,
    "geom": _GEOM,
    "color": _COLOR,
    "bg": _BG,
    "bgc": _BGC,
    "bgcf": _BGCF,
    "bgcfn": _BGCFN,
    "bgcfnc": replace(_BGCFN, cutout=1),
    # For films: the chest wall has a side, up is up, the background is black and bright is
    # dense, so nothing is mirrored, turned by quarters or inverted, and tilts stay small.
    "film": AugmentSettings(
        xint=1,
        scale=1,
        rotate=1,
        rotate_max=0.06,
        aniso=1,
        aniso_std=0.1,
        xfrac=1,
        xfrac_std=0.06,
        brightness=1,
        brightness_std=0.1,
        contrast=1,
        contrast_std=0.3,
    ),
}
