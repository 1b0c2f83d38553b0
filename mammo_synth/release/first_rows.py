"""Loads the first row of every split of a release from the Hub, as a stranger would.

Run as a program by `remote`, in a process of its own: `datasets` reads the Hub's address when it is
imported, and a process with an empty cache folder sees nothing but what the Hub gives.

    python -m mammo_synth.release.first_rows  < task.json  > one JSON object a line

The task names repository, revision, features, image_size and configurations (name → splits). Each
line out has configuration, split, problem (None if all is well), and whether the network failed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from mammo_synth.release.hub_errors import HubTrouble, explain


def look(task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One result for every split of every configuration of ``task``."""
    import datasets

    expected = datasets.Features.from_dict(task["features"])
    for name, splits in task["configurations"].items():
        given = None
        for split in splits:
            problem, trouble = None, False
            try:
                if given is None:
                    given = datasets.load_dataset(
                        task["repository"], name, revision=task["revision"], streaming=True
                    )
                    if set(given) != set(splits):
                        problem = f"has the splits {', '.join(sorted(given))}"
                rows = given[split]
                image = next(iter(rows))["image"]
                if rows.features != expected:
                    problem = "has other features than the release"
                elif image.mode != "L" or image.size != (task["image_size"], task["image_size"]):
                    problem = f"gives an image of mode {image.mode}, {image.size}"
            except Exception as error:
                # Whatever a reader's program would stop with is the finding here.
                told = explain(error, task["repository"], task["revision"])
                trouble = isinstance(told, HubTrouble)
                text = told.message if told is not None else str(error)
                problem = f"cannot be loaded ({type(error).__name__}: {' '.join(text.split())})"
            yield {"configuration": name, "split": split, "problem": problem, "trouble": trouble}


def main() -> None:
    """Read the task, write one line for each split at once."""
    for result in look(json.load(sys.stdin)):
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
