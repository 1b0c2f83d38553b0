"""Reading from bytes that lie somewhere else, such as a mapped file."""

from __future__ import annotations


class Window:
    """Reads from a buffer like a file, without copying what is large."""

    COPY_BELOW = 4096

    def __init__(self, data: memoryview, start: int = 0) -> None:
        self.data, self.place = data, start

    def read(self, count: int) -> bytes | memoryview:
        """Up to ``count`` bytes."""
        part = self.data[self.place : self.place + max(count, 0)]
        self.place += len(part)
        return bytes(part) if count < self.COPY_BELOW else part

    def readline(self) -> bytes:
        """To the next line end, at most a name's length."""
        line = bytes(self.data[self.place : self.place + 1024])
        end = line.find(b"\n")
        line = line if end < 0 else line[: end + 1]
        self.place += len(line)
        return line

    def tell(self) -> int:
        """Place of the next byte."""
        return self.place


def shown(text: str) -> str:
    """A name from the file, fit for a message: printable and short."""
    clean = "".join(c if c.isprintable() else "?" for c in text[:80])
    return clean + ("..." if len(text) > 80 else "")
