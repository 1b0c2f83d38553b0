"""Decodes one image: run as a program by `apart`, in a process of its own.

    python decoder_child.py WIDTH HEIGHT gdcm TRANSFER_SYNTAX BITS  < stream  > samples
    python decoder_child.py WIDTH HEIGHT tiff MODE                  < file    > samples

gdcm's samples are bytes (up to 8 bits) or little-endian 16-bit words, Pillow's those of its mode.
Exit code 0: decoded; `REFUSED`: the decoder refused it; `DAMAGED`: the decoder reported damage, and
went on with samples of its own making. Nothing of the package is imported here, so that the process
starts fast.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile

REFUSED, DAMAGED = 1, 33
_COMPLAINTS = (b"Corrupt JPEG data", b"premature end of data", b"bad Huffman code")
_MAX_COMPLAINT_BYTES = 1 << 20


def limit_process(pixels: int) -> None:
    """Bound the memory, the processor time and the files of this process, where the system can."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    wanted = {
        resource.RLIMIT_AS: (1 << 30) + 16 * pixels,
        resource.RLIMIT_CPU: 30 + pixels // 200_000,
        resource.RLIMIT_FSIZE: _MAX_COMPLAINT_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    for limit, value in wanted.items():
        hard = resource.getrlimit(limit)[1]
        soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):  # some systems know a limit but not set it
            resource.setrlimit(limit, (soft, hard))


def decode_by_gdcm(data: bytes, width: int, height: int, syntax: str, bits: int) -> bytes:
    """The samples of a grey JPEG stream, by the transfer syntax that it is of."""
    import gdcm

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(data)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((width, height, 1))
    image.SetDataElement(element)
    grey = gdcm.PhotometricInterpretation.MONOCHROME2
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(grey))
    kind = gdcm.TransferSyntax.GetTSType(syntax)
    image.SetTransferSyntax(gdcm.TransferSyntax(kind))
    image.SetPixelFormat(gdcm.PixelFormat(1, 8 if bits <= 8 else 16, bits, bits - 1, 0))
    # gdcm hands out text with one character for each byte.
    samples: bytes = image.GetBuffer().encode("utf-8", "surrogateescape")
    return samples


def decode_tiff(data: bytes, width: int, height: int, mode: str) -> bytes:
    """The samples of a TIFF file, by Pillow and libtiff."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # the size was checked, and is checked here against that
    with Image.open(io.BytesIO(data), formats=("TIFF",)) as image:
        if image.size != (width, height) or image.mode != mode:
            raise ValueError(image.mode)
        return image.tobytes()


def main(arguments: list[str]) -> int:
    """Decode standard input; C code that writes to stdout or stderr writes to a file instead."""
    width, height, kind, what = int(arguments[0]), int(arguments[1]), arguments[2], arguments[3]
    data = sys.stdin.buffer.read()
    with os.fdopen(os.dup(1), "wb") as out, tempfile.TemporaryFile() as complaints:
        os.dup2(complaints.fileno(), 1)
        os.dup2(complaints.fileno(), 2)
        limit_process(width * height)
        try:
            if kind == "gdcm":
                samples = decode_by_gdcm(data, width, height, what, int(arguments[4]))
            else:
                samples = decode_tiff(data, width, height, what)
        except Exception:  # whatever a decoder raises, the film is refused
            return REFUSED
        complaints.seek(0)
        said = complaints.read(_MAX_COMPLAINT_BYTES)
        if any(words in said for words in _COMPLAINTS):
            return DAMAGED
        out.write(samples)
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    # Not sys.exit: gdcm's destructors are not to be trusted at the end of the interpreter.
    os._exit(code)
