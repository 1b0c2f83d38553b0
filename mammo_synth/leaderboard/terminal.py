"""The short form: plain aligned text for a terminal or a log."""

from __future__ import annotations

from mammo_synth.leaderboard import words
from mammo_synth.leaderboard.lines import Line, lines
from mammo_synth.leaderboard.model import Board, Estimate, Table

HEAD = ("rank", "configuration", "classifier", "AUROC", "bal. acc.", "sens.", "spec.", "gap")
_RIGHT = (False, False, False, False, True, True, True, True)
_NAME = 24


def table(board: Board) -> str:
    """All tables of ``board`` as text of about 100 columns, without colours.

    Values are means over replicates; AUROC with its interval; ``gap`` is the shortcut gap.
    """
    return "\n\n".join(_table(one) for one in board.tables) + "\n\n" + words.NOTICE


def _table(one: Table) -> str:
    cells = [HEAD, *(_cells(line) for line in lines(one))]
    widths = [max(len(row[i]) for row in cells) for i in range(len(HEAD))]
    body = [_aligned(row, widths) for row in cells]
    head = [
        f"{clean(one.title)}: {clean(one.release_text)}",
        clean(words.test_set(one)),
        f"{words.SHORT_WHY_AUROC}; * {words.VERDICTS['chance']}",
    ]
    if one.simulated:
        head.append(words.PHANTOM)
    if one.protocol == "study":
        head.append(words.STUDY_PROTOCOL)
    notes = [clean(line) for line in words.image_for_image(one)]
    notes += [f"missing: {clean(line)}" for line in words.missing(one)]
    return "\n".join([*head, "", body[0], "-" * len(body[0]), *body[1:], *notes])


def _cells(line: Line) -> tuple[str, ...]:
    flag = "*" if line.row is not None and line.row.verdict != "above" else ""
    auroc = words.number(line.metrics["auroc"].value)
    return (
        line.rank,
        _short(line.configuration),
        _short(line.classifier),
        f"{auroc} {_brackets(line.metrics['auroc'])}{flag}".rstrip(),
        *(
            words.number(line.metrics[name].value)
            for name in ("balanced_accuracy", "recall", "specificity")
        ),
        words.signed(line.gap.value) if line.row is not None else words.DASH,
    )


def _brackets(estimate: Estimate) -> str:
    text = words.interval(estimate)
    return f"[{text}]" if text else ""


def clean(text: str) -> str:
    """``text`` without control characters: a name must not steer the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _short(text: str) -> str:
    text = clean(text)
    return text if len(text) <= _NAME else text[: _NAME - 1] + "…"


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    parts = [
        text.rjust(width) if right else text.ljust(width)
        for text, width, right in zip(row, widths, _RIGHT, strict=True)
    ]
    return "  ".join(parts).rstrip()
