"""A configuration as a tf.data pipeline, and one step of training with Keras.

Usage: python load_keras.py mammo-synth 50-50-90syn
"""

import sys
from collections import Counter

import keras
import numpy as np
import tensorflow as tf
from datasets import load_dataset

folder, configuration = sys.argv[1:3]
data = load_dataset(folder, configuration, split="train").select_columns(["image", "label"])
print("labels (1 is cancer):", dict(sorted(Counter(data["label"]).items())))


def rows():
    # Rows come grouped by class: shuffle them all, not only a buffer of them.
    for row in data.shuffle(seed=0):
        yield np.asarray(row["image"], np.float32)[..., None] / 255, row["label"]


side = data[0]["image"].width
signature = (tf.TensorSpec((side, side, 1), tf.float32), tf.TensorSpec((), tf.int64))
batches = tf.data.Dataset.from_generator(rows, output_signature=signature).batch(16).prefetch(2)
images, labels = next(iter(batches))
print("batch:", tuple(images.shape), images.dtype.name, "cancer in it:", int(tf.reduce_sum(labels)))

model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy")
print("loss:", float(model.train_on_batch(images, labels)))
