"""Settings fitted to the data: nothing is left open, and what does not fit is refused."""

import math
from itertools import pairwise

from ..data import Dataset, is_whole, steps_per_epoch
from ..errors import InputError
from .config import TrainConfig

STEPS = 12_000  # what a run takes unless told otherwise
SMALL = 128  # hidden units whose chains keep up with momentum


def settle(config: TrainConfig, train: Dataset) -> TrainConfig:
    """Return the settings with nothing left open, given the training rows: by rule, so that they are always the same.

    Raises `InputError` when the data do not fit the units, naming what would.
    """
    visible = config.visible
    if visible == "auto":
        visible = {"binary": "bernoulli", "gray": "bernoulli", "spin": "spin", "real": "gaussian"}[train.kind]
    refuse_misfit(config, visible, train)
    gray = train.kind == "gray" and visible in ("bernoulli", "spin")
    binarize = ("threshold" if gray else "none") if config.binarize == "auto" else config.binarize
    refuse_shape(config, train)
    if config.epochs and config.steps:
        raise InputError("both --epochs and --steps were given: give one of them")
    each = steps_per_epoch(len(train), config.batch)
    steps = config.steps or (config.epochs or max(1, round(STEPS / each))) * each
    lr = config.lr or {"sgd": 0.05, "adam": 0.001}[config.optimizer] * (0.1 if visible == "gaussian" else 1)
    sampler = {"dbn": "cd"}.get(config.model, "pcd")
    from ..numerics import default_threads  # brings torch in: what does not fit is told without it

    settled = {
        "sampler": sampler if config.sampler == "auto" else config.sampler,
        "visible": visible,
        "binarize": binarize,
        "epochs": None,
        "steps": steps,
        "lr": lr,
        "center": config.center and config.model != "boltzmann",
        "momentum": default_momentum(config) if config.momentum is None else config.momentum,
        "precision": precision(config, visible, binarize, train),
        "threads": config.threads or default_threads(config.batch, *widest(config, train)),
        "chains": config.chains or min(config.batch, len(train)),
        "data_dir": config.data_dir,
    }
    return config.model_copy(update=settled)


def default_momentum(config: TrainConfig) -> float:
    """Return the momentum of a run that names none.

    Chains of a small machine keep up with it at four times the learning rate; on MNIST those of 500 hidden units did
    not: annealing took more than 4000 replicas without agreeing with itself.
    """
    if config.optimizer == "adam":
        return 0.9
    return 0.75 if max(config.layers, default=0) <= SMALL else 0.0


def precision(config: TrainConfig, visible: str, binarize: str, train: Dataset) -> str:
    """Return the precision of the products: bfloat16 for a large rbm of sharp states, where the device has it.

    Raises `InputError` for a sampler that weighs free energies, which would lose what it weighs.
    """
    weighs = config.sampler in ("pt", "ptt", "exact")
    if config.precision != "auto":
        if weighs and config.precision != "float32":
            given = f"--precision {config.precision} was given with --sampler {config.sampler}"
            raise InputError(f"{given}, which weighs free energies: pass --precision float32")
        return config.precision
    sharp = visible != "gaussian" and (binarize != "none" or train.kind in ("binary", "spin"))
    if weighs or not sharp or config.model != "rbm":
        return "float32"
    from ..numerics import default_precision
    from .session import choose_device

    return default_precision(config.batch, *widest(config, train), choose_device(config.device))


def widest(config: TrainConfig, train: Dataset) -> tuple[int, int]:
    """Return the visible width, and that of the widest hidden layer, or of all units where none is hidden."""
    return train.width, max(config.layers, default=train.width)


def refuse_shape(config: TrainConfig, train: Dataset) -> None:
    """Raise `InputError` unless the layers, the labels and the sampler fit the model and the data."""
    layers = config.layers
    most = {"rbm": 1, "boltzmann": 1}.get(config.model, 99)
    if len(layers) > most:
        given = f"--hidden {config.hidden} was given where a {config.model} has one hidden row"
        raise InputError(f"{given}: pass one number, or --model dbm or dbn")
    if not layers and config.model != "boltzmann":
        raise InputError(f"--hidden 0 was given where a {config.model} has hidden units: pass --model boltzmann")
    if config.labels and train.labels is None:
        raise InputError(f"--labels was given and {train.source} holds none: give data with labels, or leave it out")
    if config.discriminative and not config.labels:
        raise InputError("--discriminative weighs the labels of the rows: pass --labels too")
    if config.pretrain and config.model != "dbm":
        raise InputError(f"--pretrain is for a dbm, not for a {config.model}: leave it out")
    if config.center and config.model == "boltzmann" and "center" in config.model_fields_set:
        raise InputError("--center is for machines of layers, not for a boltzmann: leave it out")
    if config.sparsity and config.model == "boltzmann":
        raise InputError("--sparsity is for machines of layers, not for a boltzmann: leave it out")
    if config.sampler == "exact":
        refuse_listing(config, train)


def refuse_listing(config: TrainConfig, train: Dataset) -> None:
    """Raise `InputError` where the exact sampler would have too many states to list."""
    rows = [train.width, *config.layers]
    listed = sum(rows) if config.model == "boltzmann" else min(sum(rows[0::2]), sum(rows[1::2]))
    if config.model == "dbn":
        listed = max(min(pair) for pair in pairwise(rows))
    if listed > 16:
        given = f"--hidden {config.hidden} on rows of {train.width} needs 2^{listed}"
        raise InputError(f"--sampler exact lists every state, at most 2^16: {given}, take fewer units")


def refuse_misfit(config: TrainConfig, visible: str, train: Dataset) -> None:
    """Raise `InputError` unless units of the kind ``visible`` can take the values of the data."""
    low, high = float(train.table.min()), float(train.table.max())
    given = f"{train.source} holds values from {low:g} to {high:g}"
    if visible == "bernoulli" and train.kind not in ("binary", "gray"):
        raise InputError(f"{given} where bernoulli units take 0 to 1: pass --visible {_fit(train)}")
    if visible == "spin" and train.kind not in ("binary", "spin", "gray"):
        raise InputError(f"{given} where spin units take -1 or +1 (or 0 and 1): pass --visible {_fit(train)}")
    if visible == "spin" and train.kind == "gray" and config.binarize == "none":
        raise InputError(f"{given} where spin units take two values: pass --binarize threshold")
    if visible.startswith("potts"):
        n_states = int(visible.partition(":")[2])
        whole = low >= 0 and high < n_states and is_whole(train.table)
        if not whole:
            raise InputError(
                f"{given} where {visible} takes whole numbers from 0 to {n_states - 1}: "
                f"pass --visible potts:{max(2, math.floor(high) + 1)}"
            )


def _fit(train: Dataset) -> str:
    return {"binary": "bernoulli", "gray": "bernoulli", "spin": "spin", "real": "gaussian"}[train.kind]
