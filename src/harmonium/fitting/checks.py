"""What is refused of settings that do not fit the data, in a line that names what would."""

import math
from itertools import pairwise

import numpy as np

from ..data import Dataset, answers, is_whole, listed
from ..errors import InputError
from .config import TrainConfig

KINDS = {"binary": "bernoulli", "gray": "bernoulli", "spin": "spin", "real": "gaussian", "table": "table"}
CONTINUOUS = ("gaussian", "relu")


def check_shape(config: TrainConfig, visible: str, train: Dataset) -> None:
    """Raise `InputError` unless the layers, the labels and the sampler fit the model and the data."""
    layers, one_row = config.layers, config.model in ("rbm", "boltzmann")
    if config.model == "boltzmann" and visible.startswith("one-hot"):
        raise InputError("--visible one-hot is for machines of layers, not for a boltzmann: pass --visible bernoulli")
    if len(layers) > 1 and one_row:
        given = f"--hidden {config.hidden} was given where a {config.model} has one hidden row"
        raise InputError(f"{given}: pass one number, or --model dbm or dbn")
    if not layers and config.model != "boltzmann":
        raise InputError(f"--hidden 0 was given where a {config.model} has hidden units: pass --model boltzmann")
    if visible in CONTINUOUS and config.hidden_kind in CONTINUOUS:
        given = f"--hidden-kind {config.hidden_kind} was given beside {visible} visible units"
        raise InputError(f"{given}: such a machine has no normalizer once it has learned; pass --hidden-kind bernoulli")
    if config.hidden_kind != "bernoulli" and (config.model == "dbn" or config.pretrain):
        given = f"--hidden-kind {config.hidden_kind} was given for layers that are learned one by one"
        raise InputError(f"{given}, each on the means of the one below: pass --hidden-kind bernoulli")
    if len(layers) > 1 and config.hidden_kind in CONTINUOUS:
        given = f"--hidden-kind {config.hidden_kind} was given for {len(layers)} layers"
        raise InputError(f"{given}: such a machine has no normalizer once it has learned; pass --hidden-kind bernoulli")
    check_labels(config, train)
    if config.pretrain and config.model != "dbm":
        raise InputError(f"--pretrain is for a dbm, not for a {config.model}: leave it out")
    if config.init and config.model == "dbn":
        raise InputError("--init starts from one machine, and a dbn is learned layer by layer: leave it out")
    check_boltzmann(config)
    if config.sampler == "exact":
        check_enumerable(config, train)


def check_labels(config: TrainConfig, train: Dataset) -> None:
    """Raise `InputError` where labels are asked for that the rows have not, or weighed where none are learned."""
    if config.labels:
        check_classes(train)
    if config.discriminative and not config.labels:
        raise InputError("--discriminative weighs the labels of the rows: pass --labels too")


def check_classes(train: Dataset) -> None:
    """Raise `InputError` unless the training rows have labels of several classes, each in some row."""
    if train.labels is None:
        found = answers(train.table, train.names)
        looks = f" (what looks like labels: {', '.join(found)})" if found else ""
        raise InputError(
            f"--labels was given and {train.source} holds none: pass --label-column NAME if a column holds them"
            f"{looks}, give data with labels, or leave it out"
        )
    rows = np.bincount(train.labels, minlength=len(train.label_names))
    if not 2 <= len(rows) <= len(train) / 2:
        raise InputError(
            f"{train.source} has {len(rows)} classes in {len(train)} training rows where at least 2, each of several "
            "rows, were expected: pass another --label-column, or leave --labels out"
        )
    missing = tuple(name for name, count in zip(train.label_names, rows, strict=True) if not count)
    if missing:
        raise InputError(
            f"no training row of {train.source} has the label {listed(missing)}: give rows of it, or drop those that "
            "are held out"
        )


def check_boltzmann(config: TrainConfig) -> None:
    """Raise `InputError` for what a machine without layers has not."""
    if config.center and config.model == "boltzmann" and "center" in config.model_fields_set:
        raise InputError("--center is for machines of layers, not for a boltzmann: leave it out")
    if config.sparsity and config.model == "boltzmann":
        raise InputError("--sparsity is for machines of layers, not for a boltzmann: leave it out")
    if config.sparsity and not config.hidden_kind.startswith(("bernoulli", "potts")):
        given = f"--sparsity was given for {config.hidden_kind} hidden units"
        raise InputError(f"{given}, whose means are not within 0 to 1: leave it out, or pass --hidden-kind bernoulli")


def enumerated_bits(config: TrainConfig, train: Dataset) -> int:
    """Return how many bits have states that the exact sampler lists: of the smaller row, or of all units."""
    rows = [train.width, *config.layers]
    if config.model == "dbn":
        return max(min(pair) for pair in pairwise(rows))
    return sum(rows) if config.model == "boltzmann" else min(sum(rows[0::2]), sum(rows[1::2]))


def check_enumerable(config: TrainConfig, train: Dataset) -> None:
    """Raise `InputError` where the exact sampler would have too many states to list."""
    bits = enumerated_bits(config, train)
    if bits > 16:
        given = f"--hidden {config.hidden} on rows of {train.width} needs 2^{bits}"
        raise InputError(f"--sampler exact lists every state, at most 2^16: {given}, take fewer units")
    if config.hidden_kind in CONTINUOUS:
        given = f"--hidden-kind {config.hidden_kind} was given with --sampler exact"
        raise InputError(f"{given}, which lists every state: pass --hidden-kind bernoulli")


def check_table(config: TrainConfig, visible: str, train: Dataset) -> None:
    """Raise `InputError` unless a table of columns of their own kinds meets units of such, and no other rows do."""
    if train.kind != "table":
        raise InputError(f"--visible table was given and {train.source} is no table of columns: leave it out")
    if visible != "table":
        given = f"--visible {visible} was given where the columns of {train.source} have words, holes or kinds"
        raise InputError(f"{given} of their own: pass --visible auto, and --column NAME=KIND for a column")
    if config.hidden_kind in CONTINUOUS:
        given = f"--hidden-kind {config.hidden_kind} was given beside a table, which has or may have numbers"
        raise InputError(f"{given}: such a machine has no normalizer once it has learned; pass --hidden-kind bernoulli")


def check_blocks(visible: str, train: Dataset) -> None:
    """Raise `InputError` unless rows are bits in blocks of the sizes that are named, at most one on in each."""
    sizes = [int(size) for size in visible.partition(":")[2].split(",")]
    given, otherwise = f"--visible {visible} was given", "pass other sizes, or --visible bernoulli"
    if train.kind != "binary" or sum(sizes) != train.width:
        rows = f"{train.source} has {train.width} columns, {train.kind}"
        raise InputError(f"{given} for {sum(sizes)} columns of bits, and {rows}: {otherwise}")
    blocks = np.split(train.rows, np.cumsum(sizes)[:-1], axis=1)
    if any((block.sum(1) > 1).any() for block in blocks):
        raise InputError(f"{given}, and {train.source} has rows with two columns of a block on: {otherwise}")


def check_values(config: TrainConfig, visible: str, train: Dataset) -> None:
    """Raise `InputError` unless units of the kind ``visible`` can take the values of the data."""
    if train.kind == "table" or visible == "table":
        check_table(config, visible, train)
        return
    low, high = float(train.table.min()), float(train.table.max())
    given, name = f"{train.source} holds values from {low:g} to {high:g}", visible.partition(":")[0]
    if visible == "bernoulli" and train.kind not in ("binary", "gray"):
        raise InputError(f"{given} where bernoulli units take 0 to 1: pass --visible {KINDS[train.kind]}")
    if visible == "spin" and train.kind not in ("binary", "spin", "gray"):
        raise InputError(f"{given} where spin units take -1 or +1 (or 0 and 1): pass --visible {KINDS[train.kind]}")
    if visible == "spin" and train.kind == "gray" and config.binarize == "none":
        raise InputError(f"{given} where spin units take two values: pass --binarize threshold")
    if name == "one-hot":
        check_blocks(visible, train)
    if visible == "relu" and low < 0:
        raise InputError(f"{given} where relu units take numbers of 0 or more: pass --visible gaussian")
    if name in ("potts", "binomial"):
        most = int(visible.partition(":")[2]) - (name == "potts")
        if not (low >= 0 and high <= most and is_whole(train.table)):
            fits = max(2, math.floor(high) + 1) if name == "potts" else max(1, math.ceil(high))
            raise InputError(
                f"{given} where {visible} takes whole numbers from 0 to {most}: pass --visible {name}:{fits}"
            )
