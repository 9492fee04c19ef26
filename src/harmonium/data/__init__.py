"""Data at the door: named sets, files and toys become rows of one known meaning.

``load`` gives a ``Dataset``; ``batches`` turns it, or a plain tensor, into an endless stream of float
tensors. Importing or loading does not import torch; the first tensor does.
"""

from harmonium.data.batches import batches, numbered_batches, one_hot, one_pass, steps_per_epoch, to_float
from harmonium.data.check import DataReport, check
from harmonium.data.dataset import Dataset
from harmonium.data.idx import read_idx
from harmonium.data.labels import listed
from harmonium.data.named import NamedData
from harmonium.data.onehot import mostly_one_hot, one_hot_blocks
from harmonium.data.schema import Column, Schema, kinds_of, read_schema
from harmonium.data.sources import from_array, load, load_rows, load_train_valid, open_rows
from harmonium.data.splits import SPLITS, split_rows
from harmonium.data.table import Form, Reading, Table, answers
from harmonium.data.toys import bars_and_stripes
from harmonium.data.values import interpret, is_whole
from harmonium.data.weights import by_weight
from harmonium.data.writing import by_name, check_ending, table_bytes

__all__ = [
    "SPLITS",
    "Column",
    "DataReport",
    "Dataset",
    "Form",
    "NamedData",
    "Reading",
    "Schema",
    "Table",
    "answers",
    "bars_and_stripes",
    "batches",
    "by_name",
    "by_weight",
    "check",
    "check_ending",
    "from_array",
    "interpret",
    "is_whole",
    "kinds_of",
    "listed",
    "load",
    "load_rows",
    "load_train_valid",
    "mostly_one_hot",
    "numbered_batches",
    "one_hot",
    "one_hot_blocks",
    "one_pass",
    "open_rows",
    "read_idx",
    "read_schema",
    "split_rows",
    "steps_per_epoch",
    "table_bytes",
    "to_float",
]
