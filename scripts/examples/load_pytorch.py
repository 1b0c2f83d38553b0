"""A configuration in a PyTorch DataLoader.

Usage: python load_pytorch.py mammo-synth 50-50-90syn
"""

import sys
from collections import Counter

import torch
from datasets import load_dataset
from torch.utils.data import DataLoader

folder, configuration = sys.argv[1:3]
data = load_dataset(folder, configuration, split="train").select_columns(["image", "label"])
print("labels (1 is cancer):", dict(sorted(Counter(data["label"]).items())))

# Images become uint8 tensors [1, S, S], labels int64. Rows come grouped by class: shuffle them.
order = torch.Generator().manual_seed(0)
loader = DataLoader(data.with_format("torch"), batch_size=16, shuffle=True, generator=order)
for batch in loader:
    images = batch["image"].float() / 255
    print("batch:", tuple(images.shape), images.dtype, "cancer in it:", int(batch["label"].sum()))
    break
