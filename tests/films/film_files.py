"""What the tests of film files share: images as files, and the refusal of a file."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mammo_synth.errors import BadInput
from mammo_synth.films.readers import decode
from tests.films.dicom_files import IDENTITY


def refusal(data: bytes, **options: Any) -> str:
    """The message of the refusal; it has a hint and shows nothing of the patient."""
    with pytest.raises(BadInput) as caught:
        decode(data, "film", **options)
    text = str(caught.value)
    assert caught.value.hint and "\n" not in text
    assert not any(secret in text for secret in IDENTITY.values())
    return text


def encoded(pixels: Any, kind: str, mode: str | None = None, **options: Any) -> bytes:
    """The bytes of an image file of [H, W] pixels; ``options``: of Pillow."""
    image = Image.fromarray(np.asarray(pixels))
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, kind, **options)
    return buffer.getvalue()
