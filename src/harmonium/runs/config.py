"""What a run is asked to do: flat sets of words, the same on the command line and in the YAML files of a run."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_serializer, field_validator

from ..errors import InputError, suggest

MOST = 2**18  # bytes of a file of settings


class TrainConfig(BaseModel):
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
    """Kind of the visible units: auto, bernoulli, spin, gaussian or potts:Q (Q colors a site)."""
    sampler: Literal["auto", "cd", "pcd", "pt", "ptt", "naive-mcmc", "exact"] = "auto"
    """Where negative states come from: CD-k, PCD, parallel tempering, tempering along the training, naive MCMC, or
    enumeration; auto is PCD, but CD for a dbn."""
    gibbs_steps: Annotated[int, Field(ge=1)] = 1
    """Gibbs steps before each update (the k of CD-k)."""
    chains: Annotated[int, Field(ge=1)] | None = None
    """Number of negative chains; as many as the batch has rows unless given."""
    replicas: Annotated[int, Field(ge=2)] = 10
    """Machines on the ladder of tempered chains; each has as many chains."""
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
    """Optimizer of torch.optim."""
    momentum: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Momentum of sgd (0.75 up to 128 hidden units, else 0, unless given), or the first beta of adam (0.9)."""
    center: bool = True
    """Center the gradients with moving-average offsets."""
    l1: Annotated[float, Field(ge=0)] = 0.0
    """Strength of the L1 penalty on the weights."""
    l2: Annotated[float, Field(ge=0)] = 0.0
    """Strength of the L2 penalty on the weights."""
    sparsity: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Mean activity that hidden units are pulled to, such as 0.1."""
    clip: Annotated[float, Field(gt=0)] | None = None
    """Largest norm of the gradient."""
    binarize: Literal["auto", "threshold", "sample", "none"] = "auto"
    """How gray values become bits: at half scale, drawn afresh each time, or not at all (probabilities)."""
    levels: Annotated[int, Field(ge=0, le=255)] | None = None
    """The value that means fully on in a file of whole numbers, such as 255; 0 takes the numbers as real."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of every random number of the run."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda or mps."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Type that factors of matrix products are rounded to; auto is bfloat16 for a large rbm of sharp states on a
    device that has it, else float32."""
    threads: Annotated[int, Field(ge=1)] | None = None
    """Threads of each process; 1 for small products and 4 for large ones unless given, whatever cores there are."""
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
    def n_states(self) -> int:
        """The number of colors of potts units, else 0."""
        return int(self.visible.partition(":")[2] or 0)


class FinetuneConfig(BaseModel):
    """The settings of a fine-tuning, kept in finetune.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["updown", "backprop"] = "updown"
    """updown trains a dbn as a generative model; backprop trains a classifier that begins where the model ends."""
    epochs: Annotated[int, Field(ge=1)] = 20
    """Passes over the training rows."""
    lr: Annotated[float, Field(gt=0)] | None = None
    """Learning rate of the generative weights (0.05 unless given), or of Adam for backprop (0.001)."""
    recognition_lr: Annotated[float, Field(gt=0)] | None = None
    """Learning rate of the recognition weights of updown; a tenth of --lr unless given."""
    top_lr: Annotated[float, Field(gt=0)] | None = None
    """Learning rate of the top RBM of updown; twice --lr unless given."""
    gibbs_steps: Annotated[str, Field(pattern=r"^[1-9]\d*(,[1-9]\d*)*$")] = "3,6,10"
    """Gibbs steps of the top's chain in updown, growing over equal parts of the training."""
    schedule: Literal["constant", "linear", "late", "cosine"] = "late"
    """What the learning rates do; late holds them for the first half and then lets them fall to zero."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of hidden units that backprop leaves out at each step."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of every random number of the fine-tuning."""


def content(path: str | Path) -> dict[str, Any]:
    """Return the words of a YAML file of settings; raises `InputError` when it is missing or broken."""
    try:
        if Path(path).stat().st_size > MOST:
            raise InputError(f"{path} has more than {MOST >> 10} kB where settings were expected: give a YAML file")
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


def read(path: str | Path, over: dict[str, Any] | None = None) -> TrainConfig:
    """Return the settings of a YAML file, with those of ``over`` in their place.

    Raises `InputError` in one line for a missing file, broken YAML, an unknown word or a bad value.
    """
    words = {key: value for key, value in content(path).items() if key != "data"}
    unknown = [key for key in words if key not in TrainConfig.model_fields]
    if unknown:
        raise InputError(f"{path}: {unknown[0]!r} is no setting{suggest(unknown[0], TrainConfig.model_fields)}")
    try:
        return TrainConfig(**(words | (over or {})))
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from None


def explain(error: ValidationError) -> str:
    """Return the first complaint of a pydantic error as one line."""
    first = error.errors()[0]
    where = "".join(f"{part}: " for part in first["loc"][:1])
    return f"{where}{first['msg'].removeprefix('Value error, ')}, was given {first['input']!r}"
