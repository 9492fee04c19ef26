"""What a run is asked to do: one flat set of words, the same on the command line and in config.yaml."""

import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_serializer, field_validator

from ..data import Dataset, steps_per_epoch
from ..errors import InputError, suggest

STEPS = 12_000  # what a run takes unless told otherwise
SMALL = 128  # hidden units whose chains keep up with momentum


class Config(BaseModel):
    """The settings of a training; `settle` replaces every ``auto`` and every None once the data are known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Literal["rbm", "boltzmann", "dbn", "dbm"] = "rbm"
    """Restricted, general or deep Boltzmann machine, or deep belief network."""
    hidden: Annotated[str, BeforeValidator(str)] = "128"
    """Number of hidden units, or of every hidden layer from the lowest up: 500,500,2000; boltzmann may have 0."""
    labels: bool = False
    """Learn the labels of the rows too, as softmax units: beside the highest code of a dbn, else beside the row."""
    discriminative: Annotated[float, Field(gt=0)] | None = None
    """Strength of −log p(label | row), added to the loss of a model with labels."""
    pretrain: bool = False
    """Learn the layers of a dbm one by one first, with doubled inputs, for as many steps each."""
    visible: str = "auto"
    """Kind of the visible units: auto, bernoulli, spin, gaussian or potts:Q (Q colours a site)."""
    sampler: Literal["auto", "contrastive", "persistent", "fresh", "exact"] = "auto"
    """Where negative states come from: CD-k, PCD, naive MCMC, or enumeration; auto is PCD, but CD for a dbn."""
    sweeps: Annotated[int, Field(ge=1)] = 1
    """Gibbs sweeps before each update (the k of CD-k)."""
    chains: Annotated[int, Field(ge=1)] | None = None
    """Number of negative chains; as many as the batch has rows unless given."""
    batch: Annotated[int, Field(ge=1)] = 100
    """Rows in a batch."""
    epochs: Annotated[int, Field(ge=1)] | None = None
    """Passes over the training rows; as many as make 12000 steps unless given."""
    steps: Annotated[int, Field(ge=1)] | None = None
    """Updates instead of --epochs, of every layer that is learned by itself."""
    lr: Annotated[float, Field(gt=0)] | None = None
    """Learning rate; 0.05 for sgd, 0.001 for adam, and a tenth of that for gaussian units unless given."""
    schedule: Literal["constant", "linear", "late", "cosine"] = "linear"
    """What the learning rate does: hold, or fall to zero; late holds it for the first half."""
    optimizer: Literal["sgd", "adam"] = "sgd"
    """Optimiser of torch.optim."""
    momentum: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Momentum of sgd (0.75 up to 128 hidden units, else 0, unless given), or the first beta of adam (0.9)."""
    centre: bool = True
    """Centre the gradients with moving-average offsets."""
    l1: Annotated[float, Field(ge=0)] = 0.0
    """Strength of the L1 penalty on the weights."""
    l2: Annotated[float, Field(ge=0)] = 0.0
    """Strength of the L2 penalty on the weights."""
    sparsity: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Mean activity that hidden units are pulled to, such as 0.1."""
    clip: Annotated[float, Field(gt=0)] | None = None
    """Largest norm of the gradient."""
    binarise: Literal["auto", "threshold", "sample", "none"] = "auto"
    """How grey values become bits: at half scale, drawn afresh each time, or not at all (probabilities)."""
    levels: Annotated[int, Field(ge=0, le=255)] | None = None
    """The value that means fully on in a file of whole numbers, such as 255; 0 takes the numbers as real."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of every random number of the run."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda or mps."""
    data_dir: str | None = None
    """Where the data sets lie; else the environment's HARMONIUM_DATA, else they are downloaded."""

    @field_validator("visible")
    @classmethod
    def _known_kind(cls, value: str) -> str:
        if not re.fullmatch(r"auto|bernoulli|spin|gaussian|potts:([2-9]|[1-9]\d+)", value):
            raise ValueError("expected auto, bernoulli, spin, gaussian or potts:Q with Q of 2 or more")
        return value

    @field_validator("hidden")
    @classmethod
    def _widths(cls, value: str) -> str:
        if not re.fullmatch(r"0|[1-9]\d*(,[1-9]\d*)*", value):
            raise ValueError("expected a number of hidden units such as 128, or one for each layer such as 500,500")
        return value

    @field_serializer("hidden")
    def _plain(self, value: str) -> int | str:
        return int(value) if value.isdecimal() else value

    @field_validator("device")
    @classmethod
    def _known_device(cls, value: str) -> str:
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", value):
            raise ValueError("expected auto, cpu, cuda, cuda:N or mps")
        return value

    @property
    def layers(self) -> list[int]:
        """The widths of the hidden layers from the lowest up; none for a machine of visible units alone."""
        return [width for width in map(int, self.hidden.split(",")) if width]

    @property
    def colours(self) -> int:
        """The number of colours of potts units, else 0."""
        return int(self.visible.partition(":")[2] or 0)


def content(path: str | Path) -> dict[str, Any]:
    """Return the words of a YAML file of settings; raises `InputError` when it is missing or broken."""
    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no file {path}: give a YAML file of settings") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{path} is not readable YAML: {' '.join(str(error).split())}") from None
    found = {} if found is None else found
    if not isinstance(found, dict):
        raise InputError(f"{path} holds a {type(found).__name__} where settings like 'hidden: 128' were expected")
    return {str(key).replace("-", "_"): value for key, value in found.items()}


def source(path: str | Path) -> str | None:
    """Return the data that a YAML file of settings names, if it names any."""
    named = content(path).get("data")
    return None if named is None else str(named)


def read(path: str | Path, over: dict[str, Any] | None = None) -> Config:
    """Return the settings of a YAML file, with those of ``over`` in their place.

    Raises `InputError` in one line for a missing file, broken YAML, an unknown word or a bad value.
    """
    words = {key: value for key, value in content(path).items() if key != "data"}
    unknown = [key for key in words if key not in Config.model_fields]
    if unknown:
        raise InputError(f"{path}: {unknown[0]!r} is no setting{suggest(unknown[0], Config.model_fields)}")
    try:
        return Config(**(words | (over or {})))
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from None


def explain(error: ValidationError) -> str:
    """Return the first complaint of a pydantic error as one line."""
    first = error.errors()[0]
    where = "".join(f"{part}: " for part in first["loc"][:1])
    return f"{where}{first['msg'].removeprefix('Value error, ')}, was given {first['input']!r}"


def settle(config: Config, train: Dataset) -> Config:
    """Return the settings with nothing left open, given the training rows.

    Raises `InputError` when the data do not fit the units, naming what would.
    """
    visible = config.visible
    if visible == "auto":
        visible = {"binary": "bernoulli", "grey": "bernoulli", "spin": "spin", "real": "gaussian"}[train.kind]
    refuse_misfit(config, visible, train)
    grey = train.kind == "grey" and visible in ("bernoulli", "spin")
    binarise = ("threshold" if grey else "none") if config.binarise == "auto" else config.binarise
    refuse_shape(config, train)
    if config.epochs and config.steps:
        raise InputError("both --epochs and --steps were given: give one of them")
    each = steps_per_epoch(len(train), config.batch)
    steps = config.steps or (config.epochs or max(1, round(STEPS / each))) * each
    lr = config.lr or {"sgd": 0.05, "adam": 0.001}[config.optimizer] * (0.1 if visible == "gaussian" else 1)
    sampler = {"dbn": "contrastive"}.get(config.model, "persistent")
    settled = {
        "sampler": sampler if config.sampler == "auto" else config.sampler,
        "visible": visible,
        "binarise": binarise,
        "epochs": None,
        "steps": steps,
        "lr": lr,
        "centre": config.centre and config.model != "boltzmann",
        "momentum": default_momentum(config) if config.momentum is None else config.momentum,
        "chains": config.chains or min(config.batch, len(train)),
        "data_dir": config.data_dir,
    }
    return config.model_copy(update=settled)


def default_momentum(config: Config) -> float:
    """Return the momentum of a run that names none.

    Chains of a small machine keep up with it at four times the learning rate; on MNIST those of 500 hidden units did
    not: annealing took more than 4000 rungs without a reliable verdict.
    """
    if config.optimizer == "adam":
        return 0.9
    return 0.75 if max(config.layers, default=0) <= SMALL else 0.0


def refuse_shape(config: Config, train: Dataset) -> None:
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
    if config.centre and config.model == "boltzmann" and "centre" in config.model_fields_set:
        raise InputError("--centre is for machines of layers, not for a boltzmann: leave it out")
    if config.sparsity and config.model == "boltzmann":
        raise InputError("--sparsity is for machines of layers, not for a boltzmann: leave it out")
    if config.sampler == "exact":
        refuse_listing(config, train)


def refuse_listing(config: Config, train: Dataset) -> None:
    """Raise `InputError` where the exact sampler would have too many states to list."""
    rows = [train.width, *config.layers]
    listed = sum(rows) if config.model == "boltzmann" else min(sum(rows[0::2]), sum(rows[1::2]))
    if config.model == "dbn":
        listed = max(min(pair) for pair in pairwise(rows))
    if listed > 16:
        given = f"--hidden {config.hidden} on rows of {train.width} needs 2^{listed}"
        raise InputError(f"--sampler exact lists every state, at most 2^16: {given}, take fewer units")


def refuse_misfit(config: Config, visible: str, train: Dataset) -> None:
    """Raise `InputError` unless units of the kind ``visible`` can take the values of the data."""
    low, high = float(train.rows.min()), float(train.rows.max())
    given = f"{train.source} holds values from {low:g} to {high:g}"
    if visible == "bernoulli" and train.kind not in ("binary", "grey"):
        raise InputError(f"{given} where bernoulli units take 0 to 1: pass --visible {_fit(train)}")
    if visible == "spin" and train.kind not in ("binary", "spin", "grey"):
        raise InputError(f"{given} where spin units take -1 or +1 (or 0 and 1): pass --visible {_fit(train)}")
    if visible == "spin" and train.kind == "grey" and config.binarise == "none":
        raise InputError(f"{given} where spin units take two values: pass --binarise threshold")
    if visible.startswith("potts"):
        colours = int(visible.partition(":")[2])
        whole = low >= 0 and high < colours and bool((train.rows == train.rows.round()).all())
        if not whole:
            raise InputError(
                f"{given} where {visible} takes whole numbers from 0 to {colours - 1}: "
                f"pass --visible potts:{max(2, math.floor(high) + 1)}"
            )


def _fit(train: Dataset) -> str:
    return {"binary": "bernoulli", "grey": "bernoulli", "spin": "spin", "real": "gaussian"}[train.kind]
