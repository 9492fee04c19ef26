"""Data at the door: named sets, files and toys become rows of one known meaning.

``load`` gives a ``Dataset``; ``batches`` turns it, or a plain tensor, into an endless stream of float
tensors. Importing or loading does not import torch; the first tensor does.
"""

from harmonium.data.batches import batches, one_hot, steps_per_epoch, to_float
from harmonium.data.check import DataReport, check
from harmonium.data.dataset import Dataset, interpret, is_whole
from harmonium.data.idx import read_idx
from harmonium.data.named import NamedData
from harmonium.data.sources import SPLITS, from_array, load, load_rows, load_train_valid, split_rows
from harmonium.data.toys import bars_and_stripes

__all__ = [
    "SPLITS",
    "DataReport",
    "Dataset",
    "NamedData",
    "bars_and_stripes",
    "batches",
    "check",
    "from_array",
    "interpret",
    "is_whole",
    "load",
    "load_rows",
    "load_train_valid",
    "one_hot",
    "read_idx",
    "split_rows",
    "steps_per_epoch",
    "to_float",
]
