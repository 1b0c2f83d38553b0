"""Rows of a release at a classifier's size, read as a stream so that memory stays bounded."""

from __future__ import annotations

from mammo_synth.bench.classifiers.base import Images
from mammo_synth.bench.classifiers.images import resize
from mammo_synth.release.folder import Release, Rows


def read_rows(
    release: Release, name: str, split: str, size: int | None = None, filter_name: str = "lanczos"
) -> Rows:
    """`Release.rows` with the images reduced while they are read.

    Only a few hundred images stand in memory at the release's own size, so 16,800 images at 224 px
    take 0.8 GB where they would take 4.4 GB at 512 px.

    Args:
        release: The release.
        name: A configuration, ``real`` or ``synthetic-reduced``.
        split: train, test or real_test.
        size: Side in px; None keeps the release's.
        filter_name: Of `mammo_synth.bench.classifiers.images.FILTERS`.

    Raises:
        BadInput: No such configuration or split, or it is empty.
    """
    if size is None:
        return release.rows(name, split)

    def small(image: Images) -> Images:
        reduced: Images = resize(image[None], size, filter_name)[0]
        return reduced

    return release.rows(name, split, small)


class RowReader:
    """Reads rows and remembers those that the next run of a grid needs again: `real_test`, and
    the configuration read last."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._kept: dict[tuple[str, str, int | None, str], Rows] = {}

    def rows(self, name: str, split: str, size: int | None, filter_name: str) -> Rows:
        """As `read_rows`."""
        # real_test is the same in every configuration.
        key = ("" if split == "real_test" else name, split, size, filter_name)
        if key not in self._kept:
            self._kept = {k: rows for k, rows in self._kept.items() if k[0] in ("", name)}
            self._kept[key] = read_rows(self._release, name, split, size, filter_name)
        return self._kept[key]
