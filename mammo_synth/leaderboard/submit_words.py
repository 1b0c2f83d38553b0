"""Title and text of the pull request that posts records."""

from __future__ import annotations

from mammo_synth.leaderboard.submission import NONE, Submission
from mammo_synth.leaderboard.submit_files import Bundle

_DIGEST, _NAMED = 12, 3


def short(bundle: Bundle) -> str:
    """The part of the submission's digest that stands in the title."""
    return bundle.digest[:_DIGEST]


def title_of(bundle: Bundle) -> str:
    """How many records of which classifiers, and the digest."""
    names = sorted({one.record["classifier"]["name"] for one in bundle.records})
    named = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    records = "1 record" if len(bundle.records) == 1 else f"{len(bundle.records)} records"
    return f"Add {records} of {named} ({short(bundle)})"


def description_of(bundle: Bundle) -> str:
    """What the submitter says, every record's folder, and the digest.

    What strangers wrote stands in indented lines: it is shown as it is, never read as Markdown.
    """
    said = dict.fromkeys(one.submission for one in bundle.records)
    return "\n".join(
        [
            "Posted by `mammo-synth leaderboard submit`, which recomputed every number from its "
            "predictions. README.md says how a maintainer checks it again.",
            "",
            *(line for one in said for line in (*_said(one), "")),
            "Records:",
            "",
            *(f"    {one.folder}" for one in bundle.records),
            "",
            f"Digest of the submission: `{bundle.digest}`",
        ]
    )


def _said(submission: Submission) -> list[str]:
    return [
        f"    submitter:         {submission.submitter}",
        f"    code:              {submission.code}",
        f"    weights:           {submission.weights or NONE}",
        f"    other mammograms:  {submission.other_mammograms or NONE}",
    ]
