"""Settings fitted to the data: nothing is left open, every ``auto`` by a rule, and what does not fit is refused."""

import math
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..data import Dataset, answers, is_whole, listed, steps_per_epoch
from ..errors import InputError
from .config import FinetuneConfig, TrainConfig

if TYPE_CHECKING:
    from ..encoding import Encoder

STEPS, TUNED = 12_000, 3_000  # what a run takes unless told otherwise, and a fine-tuning at least
TABLE_STEPS, TABLE_LR, TABLE_L2 = 3_000, 0.003, 0.001  # of a table
FEW = 10  # bits of a row whose states are listed unasked
UPDATES = 1000  # updates of a run from which sums of rows are worth the second in which numba comes in
SPARSE = 0.25  # share of the units of a row that are on, up to which sums of rows are faster than bfloat16
VAST = 2**27  # multiply-adds in a batch's product from which bfloat16 is faster all the same
SMALL = 128  # hidden units whose chains keep up with momentum
WEIGHING = ("pt", "ptt", "exact")  # samplers that weigh free energies, which rounding would spoil
NARROW, MANY = 32, 10_000  # columns of a row of bits, and rows of a table, that take larger steps and more of them
EAGER = {"batch_size": 200, "lr": 0.3, "steps": 2 * STEPS}
KINDS = {"binary": "bernoulli", "gray": "bernoulli", "spin": "spin", "real": "gaussian", "table": "table"}
CONTINUOUS = ("gaussian", "relu")


def resolve(config: TrainConfig, train: Dataset) -> TrainConfig:
    """Return the settings with nothing left open, given the training rows: the same for the same rows and processor.

    Raises `InputError` when the data do not fit the units, naming what would.
    """
    visible = KINDS[train.kind] if config.visible == "auto" else config.visible
    check_values(config, visible, train)
    check_shape(config, visible, train)
    gray = train.kind == "gray" and visible in ("bernoulli", "spin")
    binarize = ("threshold" if gray else "none") if config.binarize == "auto" else config.binarize
    config = config.model_copy(update=for_tables(config)) if visible == "table" else config
    sampler = chosen_sampler(config, visible, train)
    config = eager(config, visible, sampler, train)
    from ..numerics import default_threads  # brings torch in: what does not fit is told without it

    settled = {
        "sampler": sampler,
        "visible": visible,
        "binarize": binarize,
        "epochs": None,
        "steps": steps(config, train, config.batch_size),
        "lr": config.lr or default_lr(config, visible),
        "upper_lr": upper_lr(config),
        "center": config.center and config.model != "boltzmann",
        "momentum": default_momentum(config) if config.momentum is None else config.momentum,
        **forms(config, sampler, visible, binarize, train),
        "threads": config.threads or default_threads(config.batch_size, *widest(config, train)),
        "chains": config.chains or min(config.batch_size, len(train)),
    }
    return config.model_copy(update=settled)


def going_on(config: TrainConfig, encoder: "Encoder", out: object) -> TrainConfig:
    """Return settings under which rows are taken as by a run that the training goes on from, in memory."""
    if config.model == "dbn" or config.pretrain:
        raise InputError(f"init was given for a {config.model}, which is learned layer by layer: leave it out")
    if out is not None:
        raise InputError(f"init and out={out} were given, and a run in a directory begins anew: leave one of them out")
    return config.model_copy(update={"visible": encoder.visible, "binarize": encoder.binarize})


def for_tables(config: TrainConfig) -> dict[str, object]:
    """Return what a table is learned with unless it is said: Adam, a weak weight decay, and fewer updates."""
    chosen = {"optimizer": "adam", "l2": TABLE_L2, "lr": TABLE_LR}
    if config.steps is None and config.epochs is None:
        chosen["steps"] = TABLE_STEPS
    if "optimizer" in config.model_fields_set and config.optimizer == "sgd":
        del chosen["lr"]
    return {name: value for name, value in chosen.items() if name not in config.model_fields_set}


def chosen_sampler(config: TrainConfig, visible: str, train: Dataset) -> str:
    """Return where negative states come from: exact draws where a row of bits has few states, in which chains stick."""
    if config.sampler != "auto":
        return config.sampler
    if config.model == "dbn":
        return "cd"
    bits = {visible, config.hidden_kind} <= {"bernoulli", "spin"} and not config.labels and train.width <= FEW
    plain = config.gibbs_steps == 1 and config.precision != "bfloat16" and not config.pretrain
    return "exact" if bits and plain and enumerated_bits(config, train) <= FEW else "pcd"


def eager(config: TrainConfig, visible: str, sampler: str, train: Dataset) -> TrainConfig:
    """Return settings for many narrow rows of bits, unless given: a hidden unit that sees few units learns slowly.

    On the 16 columns of NLTCS that is worth 0.02 nats a row.
    """
    narrow = visible in ("bernoulli", "spin") and train.width <= NARROW and len(train) >= MANY
    plain = config.model == "rbm" and config.hidden_kind == "bernoulli" and config.optimizer == "sgd"
    if not (narrow and plain and sampler == "pcd") or config.model_fields_set & {*EAGER, "epochs"} or config.labels:
        return config
    return config.model_copy(update=EAGER)


def steps(config: TrainConfig | FinetuneConfig, train: Dataset, batch_size: int) -> int:
    """Return the number of updates: `STEPS` of a training unless told otherwise, `TUNED` of a fine-tuning or 20 passes
    over the rows where that is more.
    """
    if config.epochs and config.steps:
        raise InputError("both --epochs and --steps were given: give one of them")
    each = steps_per_epoch(len(train), batch_size)
    passes = max(1, round(STEPS / each)) if isinstance(config, TrainConfig) else max(20, math.ceil(TUNED / each))
    return config.steps or (config.epochs or passes) * each


def default_lr(config: TrainConfig, visible: str) -> float:
    """Return the learning rate of a run that names none."""
    continuous = visible in (*CONTINUOUS, "table") or config.hidden_kind in CONTINUOUS
    return {"sgd": 0.05, "adam": 0.001}[config.optimizer] * (0.1 if continuous else 1)


def upper_lr(config: TrainConfig) -> float | None:
    """Return the learning rate of layers whose visible row is the hidden one of another, where there are such."""
    layerwise = config.model == "dbn" or config.pretrain
    if config.upper_lr and not layerwise:
        raise InputError("--upper-lr is for layers that are learned one by one: pass --model dbn, or leave it out")
    return (config.upper_lr or config.lr or default_lr(config, "bernoulli")) if layerwise else None


def default_momentum(config: TrainConfig) -> float:
    """Return the momentum of a run that names none.

    Chains of a small machine keep up with it at four times the learning rate; on MNIST those of 500 hidden units did
    not: annealing took more than 4000 temperatures without agreeing with itself.
    """
    if config.optimizer == "adam":
        return 0.9
    return 0.75 if max(config.layers, default=0) <= SMALL else 0.0


def precision(config: TrainConfig, sampler: str, visible: str, binarize: str, train: Dataset) -> str:
    """Return the precision of the products: bfloat16 for a large rbm of sharp states, where the device has it.

    Raises `InputError` for a sampler that weighs free energies, which would lose what it weighs.
    """
    weighs = sampler in WEIGHING
    if config.precision != "auto":
        if weighs and config.precision != "float32":
            given = f"--precision {config.precision} was given with --sampler {config.sampler}"
            raise InputError(f"{given}, which weighs free energies: pass --precision float32")
        return config.precision
    if weighs or not sharp(visible, binarize, train) or config.model != "rbm":
        return "float32"
    from ..numerics import default_precision
    from .environment import choose_device

    return default_precision(config.batch_size, *widest(config, train), choose_device(config.device))


def forms(config: TrainConfig, sampler: str, visible: str, binarize: str, train: Dataset) -> dict[str, str]:
    """Return the precision and the form of the products.

    Sums of rows in float32 stand in for bfloat16 where states are sparse, unless batches are so large that dense
    products are rid of their memory.  Raises `InputError` where the form that was asked for is not to be had.
    """
    found, fits = precision(config, sampler, visible, binarize, train), sums_of_rows(config, visible, binarize, train)
    given = f"--products {config.products} was given"
    if config.products == "sparse" and not fits:
        raise InputError(f"{given}, which is for bits in an rbm of bernoulli or spin units on the cpu: leave it out")
    if config.products == "sparse" and config.precision == "bfloat16":
        raise InputError(f"{given} with --precision bfloat16, which is for dense products: leave one of them out")
    if config.products == "dense" or not fits:
        return {"precision": found, "products": "dense"}
    width, hidden = widest(config, train)
    large = config.batch_size * width * hidden >= VAST or density(train, binarize) > SPARSE
    short = steps(config, train, config.batch_size) < UPDATES
    if config.products == "auto" and (short or (found == "bfloat16" and (large or config.precision != "auto"))):
        return {"precision": found, "products": "dense"}
    return {"precision": "float32", "products": "sparse"}


def sums_of_rows(config: TrainConfig, visible: str, binarize: str, train: Dataset) -> bool:
    """Return whether products with the states of a machine can be sums of rows of its weights here."""
    bits = config.model == "rbm" and {visible, config.hidden_kind} <= {"bernoulli", "spin"}
    if not bits or not sharp(visible, binarize, train):
        return False
    from .environment import choose_device

    return choose_device(config.device).type == "cpu" and find_spec("numba") is not None


def sharp(visible: str, binarize: str, train: Dataset) -> bool:
    """Return whether the rows come as states, and not as means."""
    return visible not in CONTINUOUS and (binarize != "none" or train.kind in ("binary", "spin"))


def density(train: Dataset, binarize: str) -> float:
    """Return the share of a thousand training rows that is on, or that is off where this is less."""
    rows = train.gather(np.linspace(0, len(train) - 1, min(len(train), 1000)).astype(int))
    scale = max(train.levels, 1)
    on = float((rows > scale / 2).mean() if binarize == "threshold" else (rows.clip(0) / scale).mean())
    return min(on, 1 - on)


def widest(config: TrainConfig, train: Dataset) -> tuple[int, int]:
    """Return the visible width, and that of the widest hidden layer, or of all units where none is hidden."""
    return train.width, max(config.layers, default=train.width)


def check_shape(config: TrainConfig, visible: str, train: Dataset) -> None:
    """Raise `InputError` unless the layers, the labels and the sampler fit the model and the data."""
    layers, one_row = config.layers, config.model in ("rbm", "boltzmann")
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
    if visible == "relu" and low < 0:
        raise InputError(f"{given} where relu units take numbers of 0 or more: pass --visible gaussian")
    if name in ("potts", "binomial"):
        most = int(visible.partition(":")[2]) - (name == "potts")
        if not (low >= 0 and high <= most and is_whole(train.table)):
            fits = max(2, math.floor(high) + 1) if name == "potts" else max(1, math.ceil(high))
            raise InputError(
                f"{given} where {visible} takes whole numbers from 0 to {most}: pass --visible {name}:{fits}"
            )
