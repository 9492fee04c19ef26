"""Settings fitted to the data: nothing is left open, every ``auto`` by a rule, and what does not fit is refused."""

import math
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from ..data import Dataset, mostly_one_hot, one_hot_blocks, steps_per_epoch
from ..errors import InputError
from .checks import CONTINUOUS, KINDS, check_shape, check_values, enumerated_bits
from .config import FinetuneConfig, TrainConfig

if TYPE_CHECKING:
    from ..encoding import Encoder

STEPS, TUNED = 12_000, 3_000  # what a run takes unless told otherwise, and a fine-tuning at least
TABLE = {"optimizer": "sgd", "lr": 0.03, "l2": 0.001, "steps": 3_000}  # of a table
TABLE_BY_ADAM = 0.003  # its rate
LONG_TABLE = TABLE | {"steps": 8_000, "batch_size": 200}  # of `MANY` rows or more
REAL = TABLE | {"optimizer": "adam", "lr": 0.01}  # of columns of real numbers
TOLD_APART = REAL | {"l2": 0.02, "steps": 2_000}  # where labels are learned: few rows are soon known by heart
ONE_HOT = {"optimizer": "sgd", "lr": 0.02, "l2": 0.003, "steps": 6_000}  # of bits that are levels of categories
TELLING = 20.0  # strength of −log p(label | row) in the loss of an rbm with labels
FEW = 10  # bits of a row whose states are listed unasked
UPDATES = 1000  # updates of a run from which sums of rows are worth the second in which numba comes in
SPARSE = 0.25  # share of the units of a row that are on, up to which sums of rows are faster than bfloat16
VAST = 2**27  # multiply-adds in a batch's product from which bfloat16 is faster all the same
SMALL = 128  # hidden units whose chains keep up with momentum
WEIGHING = ("pt", "ptt", "exact")  # samplers that weigh free energies, which rounding would spoil
LOOKED_AT = 2**28  # bits that are looked through for columns of which one is on
WIDE = 100  # columns of real numbers beyond which Adam's rate leaves machines whose log Z is hard to tell
NARROW, MANY = 32, 10_000  # columns of a row of bits, and rows of a table, that take larger steps and more of them
EAGER = {"batch_size": 200, "lr": 0.3, "steps": 2 * STEPS}


def resolve(config: TrainConfig, train: Dataset) -> TrainConfig:
    """Return the settings with nothing left open, given the training rows: the same for the same rows and processor.

    Raises `InputError` when the data do not fit the units, naming what would.
    """
    visible = chosen_kind(config, train) if config.visible == "auto" else config.visible
    check_values(config, visible, train)
    check_shape(config, visible, train)
    config = for_labels(config)
    binarize = default_binarize(config, visible, train) if config.binarize == "auto" else config.binarize
    config = config.model_copy(update=for_tables(config, visible, train))
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


def chosen_kind(config: TrainConfig, train: Dataset) -> str:
    """Return the kind of visible units by the values of the rows: of bits, whether most are levels of categories."""
    row = len(train.shape) == 1 and train.table.size <= LOOKED_AT
    if train.kind == "binary" and row and config.model != "boltzmann":
        sizes = one_hot_blocks(train)
        if mostly_one_hot(sizes):
            return f"one-hot:{','.join(map(str, sizes))}"
    return KINDS[train.kind]


def going_on(config: TrainConfig, encoder: "Encoder", out: object) -> TrainConfig:
    """Return settings under which rows are taken as by a run that the training goes on from, in memory."""
    if config.model == "dbn" or config.pretrain:
        raise InputError(f"init was given for a {config.model}, which is learned layer by layer: leave it out")
    if out is not None:
        raise InputError(f"init and out={out} were given, and a run in a directory begins anew: leave one of them out")
    return config.model_copy(update={"visible": encoder.visible, "binarize": encoder.binarize})


def for_tables(config: TrainConfig, visible: str, train: Dataset) -> dict[str, object]:
    """Return what a table is learned with unless it is said: in few updates where it has few rows, under a weak decay.

    Numbers run away from what the table holds under Adam, whose steps are as large where little is learned.

    Bits that are levels learn slowly: on the 112 columns of mushrooms chains do not keep up with more than twice as
    large a rate, which costs 4 nats a row.
    """
    chosen = dict(of_columns(config, visible, train))
    if not chosen:
        return {}
    if config.steps is not None or config.epochs is not None:
        del chosen["steps"]
    if config.model_fields_set & {"optimizer"} and config.optimizer != chosen["optimizer"]:
        chosen["lr"] = TABLE_BY_ADAM if visible == "table" else None
    return {name: value for name, value in chosen.items() if name not in config.model_fields_set}


def of_columns(config: TrainConfig, visible: str, train: Dataset) -> dict[str, object]:
    """Return the settings that columns of a kind are learned with; nothing where they are those of any rows."""
    if visible.startswith("one-hot"):
        return ONE_HOT
    if visible == "table":
        return LONG_TABLE if len(train) >= MANY else TABLE
    flat = visible == "gaussian" and len(train.shape) == 1 and train.width <= WIDE and len(train) < MANY
    if not flat or config.model != "rbm" or config.hidden_kind != "bernoulli":
        return {}
    return TOLD_APART if config.discriminative else REAL


def for_labels(config: TrainConfig) -> TrainConfig:
    """Return settings under which an rbm tells labels apart, unless it is said how far it should."""
    if not config.labels or config.model != "rbm" or config.discriminative is not None:
        return config
    return config.model_copy(update={"discriminative": TELLING})


def default_binarize(config: TrainConfig, visible: str, train: Dataset) -> str:
    """Return how gray rows become bits: not at all where labels are told apart, which half of the gray would blur."""
    if train.kind != "gray" or visible not in ("bernoulli", "spin"):
        return "none"
    return "none" if config.discriminative and visible == "bernoulli" else "threshold"


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
