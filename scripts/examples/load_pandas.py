"""A configuration as a pandas table, without `datasets`.

Usage: python load_pandas.py mammo-synth 50-50-90syn
"""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

folder, configuration = Path(sys.argv[1]), sys.argv[2]
facts = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["facts"]
shards = facts["configurations"][configuration]["splits"]["train"]["shards"]
table = pd.concat([pd.read_parquet(folder / path) for path in shards], ignore_index=True)
print("labels (1 is cancer):", table["label"].value_counts().sort_index().to_dict())

# Rows come grouped by class: shuffle them.
table = table.sample(frac=1, random_state=0)
first = table.head(16)
# A cell of `image` is {"bytes": PNG, "path": name}.
images = np.stack([np.asarray(Image.open(io.BytesIO(cell["bytes"]))) for cell in first["image"]])
print("batch:", images.shape, images.dtype, "cancer in it:", int(first["label"].sum()))
