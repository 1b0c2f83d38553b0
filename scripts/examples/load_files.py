"""A configuration as plain PNG files, read with Pillow alone.

Usage: python load_files.py mammo-synth 50-50-90syn
"""

import csv
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

folder, configuration = sys.argv[1:3]
out = Path(f"{configuration}-files")
command = ["release", "export", folder, "--config", configuration, "--out", str(out)]
subprocess.run([sys.executable, "-m", "mammo_synth", *command], check=True)

with (out / "train" / "metadata.csv").open(newline="", encoding="utf-8") as stream:
    rows = list(csv.DictReader(stream))
# The column label has 1 for cancer; the folders are called cancer and normal.
print("labels (1 is cancer):", dict(sorted(Counter(int(row["label"]) for row in rows).items())))

random.Random(0).shuffle(rows)  # rows come grouped by class
batch = rows[:16]
images = np.stack([np.asarray(Image.open(out / "train" / row["file_name"])) for row in batch])
cancer = sum(row["label"] == "1" for row in batch)
print("batch:", images.shape, images.dtype, "cancer in it:", cancer)
