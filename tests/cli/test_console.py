"""Progress as lines: numbers that read well, notes that stay, remarks at once."""

from __future__ import annotations

import pytest

from mammo_synth.cli import console


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (12.4, "12 s"),
        (59.99, "60 s"),
        (250, "4 min 10 s"),
        (3600, "1 h 0 min"),
        (11_100, "3 h 5 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert console.duration(seconds) == text


def test_lines_without_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    progress = console.ConsoleProgress()
    progress.start("Training images shown", 25_000_000)
    progress.advance(1000, "77 s/kimg, 1.2 GB")
    progress.say("Warning: [5] collapse")
    now[0] = 77.0
    progress.advance(1000)
    progress.finish()
    said = " ".join(capsys.readouterr().err.split())
    assert said == (
        "Warning: [5] collapse "
        "Training images shown: 2,000 of 25,000,000, 1 min 17 s, about 11 d 3 h left "
        "77 s/kimg, 1.2 GB "
        "Training images shown: 2,000 of 25,000,000, 1 min 17 s"
    )
