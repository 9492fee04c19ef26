"""Data at the door: named sets, files and toys become rows of one known meaning.

``load`` gives a ``Dataset``; ``batches`` turns it, or a plain tensor, into an endless stream of float
tensors. Importing or loading does not import torch; the first tensor does.
"""

from harmonium.data.batches import batches, one_hot, steps_per_epoch, to_float
from harmonium.data.check import DataReport, check
from harmonium.data.dataset import Dataset, interpret, is_whole
from harmonium.data.idx import read_idx
from harmonium.data.registry import DATASETS, SPLITS, load, load_train_valid
from harmonium.data.toys import bars_and_stripes

__all__ = [
    "DATASETS",
    "SPLITS",
    "DataReport",
    "Dataset",
    "bars_and_stripes",
    "batches",
    "check",
    "interpret",
    "is_whole",
    "load",
    "load_train_valid",
    "one_hot",
    "read_idx",
    "steps_per_epoch",
    "to_float",
]
