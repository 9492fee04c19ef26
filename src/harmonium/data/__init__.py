"""Data at the door: named sets, files and toys become rows of one known meaning.

``load`` gives a ``Dataset``; ``batches`` turns it, or a plain tensor, into an endless stream of float
tensors. Importing or loading does not import torch; the first tensor does.
"""

from harmonium.data.batches import batches, one_hot, prepare, steps_per_epoch
from harmonium.data.check import Findings, check
from harmonium.data.dataset import Dataset, is_whole, settle
from harmonium.data.idx import read_idx
from harmonium.data.registry import NAMES, SPLITS, load, load_training
from harmonium.data.toys import bars_and_stripes, shifting_bar

__all__ = [
    "NAMES",
    "SPLITS",
    "Dataset",
    "Findings",
    "bars_and_stripes",
    "batches",
    "check",
    "is_whole",
    "load",
    "load_training",
    "one_hot",
    "prepare",
    "read_idx",
    "settle",
    "shifting_bar",
    "steps_per_epoch",
]
