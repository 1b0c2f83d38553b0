"""The README of a new repository of results: what it is, how to post, how it is checked."""

from __future__ import annotations

_CARD = """\
---
pretty_name: Results of mammo-synth
tags:
- mammography
- synthetic
- leaderboard
viewer: false
---

# Results of mammo-synth

Records of classifiers that learned from synthetic mammograms and were tested on real films, each
with the predictions it rests on. The positive class is cancer. For research and teaching, never
for diagnosis.

## What is here

```
RELEASE/CONFIGURATION/CLASSIFIER/replicate-K-DIGEST/
    record.json  submission.json  predictions-real_test.parquet  [predictions-test.parquet]
test-sets/DIGEST.json
```

One folder for each record, named after the digest of its `record.json`. Folders are added and
never changed. `submission.json` is what the submitter says: a name, links to code and weights, and
which other mammograms were trained on. `releases.json` lists the releases that records may be of;
only maintainers write it (below). Test sets are ids, labels and pseudonyms of patients; there is no
film here.

## How to post

```
mammo-synth leaderboard submit RESULTS {name} --dry-run
```

Without `--dry-run` it opens a pull request. Replicates of a configuration and recipe count from 0
without a gap. A classifier that was trained elsewhere needs its predictions of the `real_test`
films alone:

```
mammo-synth bench score predictions.csv --release RELEASE --config CONFIGURATION \\
    --classifier-name my-classifier --out RESULTS
```

## How a pull request is checked

A maintainer checks it merged on main, so that it is held against everything that was merged before
it, copies included, with `scripts/results-ci/check` of a checkout of mammo-synth:

```
git fetch origin && git checkout --detach origin/main
git fetch origin refs/pr/NUMBER && git merge --no-edit FETCH_HEAD
path/to/mammo-synth/scripts/results-ci/check . origin/main
```

It recomputes every number from the predictions, lets only files of records and test sets be added,
names each problem, and then ends with exit code 1. What passes may be merged; two pull requests
never change the same file. It needs `releases.json`, which a maintainer writes once for each
release and commits to main:

```
mammo-synth leaderboard check . --release path/to/RELEASE --save-releases
```

A reproduction (`mammo-synth bench reproduce`) is added by a maintainer, never by a submission:
`MAINTAINER=yes` before the check lets it pass.

## How to see the leaderboard

```
mammo-synth leaderboard render . --out ../leaderboard
```
"""


def card(name: str) -> bytes:
    """README.md of the repository ``name`` (ORG/NAME)."""
    return _CARD.format(name=name).encode()
