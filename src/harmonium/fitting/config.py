"""What a run is asked to do: flat sets of words, the same from Python, on the command line and in YAML files."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_serializer, field_validator

from ..arguments import brief
from ..data.schema import kinds_of, said_of
from ..errors import InputError, suggest
from ..registry import MODELS, SAMPLERS, UNITS

MOST = 2**18  # bytes of a file of settings
GOING_ON = ("steps", "patience", "max_time", "device")  # settings that a run may go on with changed
NUMBERED = ("binomial", "potts")  # kinds that have a number behind them: the trials, or the states
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


def _joined(value: Any) -> str:
    """Return widths as text: 128, "128" and [500, 500] are all understood."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _crossed(value: Any) -> str:
    """Return a shape as text: "28x28" and (28, 28) are both understood."""
    return "x".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def column_words(value: Any) -> Any:
    """Return what is said of columns as words: "a=count", ["a=count"] and {"a": "count"} are all understood."""
    if isinstance(value, dict):
        return [f"{name}={told if isinstance(told, str) else _flow(told)}" for name, told in value.items()]
    return [value] if isinstance(value, str) else value


def _flow(told: Any) -> str:
    return yaml.safe_dump(told, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False).strip()


class Settings(BaseModel):
    """Settings that are checked as they are given and never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def __init__(self, **words: Any):
        unknown = [word for word in words if word not in type(self).model_fields]
        if unknown:
            near = suggest(unknown[0], type(self).model_fields) or f": give one of {', '.join(type(self).model_fields)}"
            raise InputError(f"{unknown[0]!r} is no setting{near}")
        try:
            super().__init__(**words)
        except ValidationError as error:
            raise InputError(explain(error)) from None

    @classmethod
    def read(cls, path: str | Path, over: dict[str, Any] | None = None) -> Any:
        """Return the settings of a YAML file, with those of ``over`` in their place; as when they are given."""
        try:
            return cls(**({key: value for key, value in content(path).items() if key != "data"} | (over or {})))
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    def yaml(self, **first: Any) -> bytes:
        """Return the settings as the text of a YAML file, with others before them."""
        return yaml.safe_dump({**first, **self.model_dump(exclude_none=True)}, sort_keys=False).encode()


class TrainConfig(Settings):
    """The settings of a training; `defaults.resolve` replaces every ``auto`` and None once the data are known."""

    model: str = "rbm"
    """Restricted (rbm), general (boltzmann) or deep (dbm) Boltzmann machine, or deep belief network (dbn)."""
    hidden: Annotated[str, BeforeValidator(_joined)] = "128"
    """Number of hidden units, or of every hidden layer from the lowest up: 500,500,2000; boltzmann may have 0."""
    hidden_kind: str = "bernoulli"
    """Kind of the hidden units: bernoulli, spin, binomial:N, potts:Q, gaussian or relu."""
    labels: bool = False
    """Learn the labels of the rows too, as softmax units: beside the highest code of a dbn, else beside the row."""
    discriminative: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Strength of −log p(label | row), added to the loss of a model with labels; 20 for an rbm unless given, 0 for
    none."""
    pretrain: bool = False
    """Learn the layers of a dbm one by one first, with doubled inputs, for as many steps each."""
    visible: str = "auto"
    """Kind of the visible units: auto, bernoulli, spin, gaussian, relu, binomial:N (N trials), potts:Q (Q states),
    one-hot:N,N,... (blocks of N columns of bits, at most one of them on), or table: each column of its own kind."""
    sampler: str = "auto"
    """Where negative states come from: cd (CD-k), pcd (PCD), pt (parallel tempering), ptt (trajectory tempering),
    naive-mcmc or exact (enumeration); auto is pcd, but cd for a dbn."""
    gibbs_steps: Count = 1
    """Gibbs steps before each update: the k of CD-k and PCD-k."""
    chains: Count | None = None
    """Number of negative chains; as many as the batch has rows unless given."""
    n_replicas: Annotated[int, Field(ge=2)] = 10
    """Temperatures of parallel tempering; each has as many chains."""
    batch_size: Count = 100
    """Rows in a batch."""
    epochs: Count | None = None
    """Passes over the training rows; as many as make 12000 steps, 3000 of a table or of columns of real
    numbers (2000 with labels), 6000 of one-hot bits, unless given."""
    steps: Count | None = None
    """Updates instead of --epochs, of every layer that is learned by itself."""
    patience: Count | None = None
    """Stop after so many epochs without a better likelihood of held-out rows, or pseudo-likelihood; keep the best."""
    figures_every: Count | None = None
    """Epochs between figures of held-out rows; by the sizes, so that updates take most of the time, unless given."""
    max_time: Positive | None = None
    """Seconds of training after which it ends, with the report still to come."""
    lr: Positive | None = None
    """Learning rate; 0.05 for sgd, 0.001 for adam, a tenth for gaussian units, 0.03 of a table, 0.01 of
    columns of real numbers, 0.02 of one-hot bits unless given."""
    upper_lr: Positive | None = None
    """Learning rate of the layers above the first that are learned one by one; --lr, or that of bernoulli units."""
    schedule: Literal["constant", "linear", "late", "cosine"] = "linear"
    """What the learning rate does: hold, or fall to zero; late holds it for the first half."""
    optimizer: Literal["sgd", "adam"] = "sgd"
    """Optimizer: sgd (stochastic gradient descent) or adam; adam of columns of real numbers unless given."""
    momentum: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Momentum of sgd (0.75 up to 128 hidden units, else 0, unless given), or the first beta of adam (0.9)."""
    center: bool = True
    """Center the gradients with moving-average offsets."""
    l1: Annotated[float, Field(ge=0)] = 0.0
    """Strength of the L1 penalty on the weights."""
    l2: Annotated[float, Field(ge=0)] = 0.0
    """Strength of the L2 penalty (weight decay); 0.001 of a table or of columns of real numbers (0.02 with labels),
    0.003 of one-hot bits, unless given."""
    sparsity: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Mean activation that hidden units are pulled to, such as 0.1."""
    sparsity_strength: Positive = 1.0
    """Strength of that pull, in nats of cross-entropy a unit."""
    clip: Positive | None = None
    """Largest norm of the gradient."""
    binarize: Literal["auto", "threshold", "sample", "none"] = "auto"
    """How gray values become bits: at half scale, drawn afresh each time, or not at all (probabilities)."""
    levels: Annotated[int, Field(ge=0, le=255)] | None = None
    """The value that means fully on in a file of whole numbers, such as 255; 0 takes the numbers as real."""
    label_column: Annotated[str, BeforeValidator(str)] | None = None
    """Name, or number from 1, of the column of a file that holds the labels; none keeps every column as a feature."""
    column: Annotated[tuple[str, ...], BeforeValidator(column_words)] = ()
    """NAME=KIND for a column that is not what it seems, again for each: binary, categorical, discrete, count, real,
    zero-inflated or date; constant, identifier or text leave it out, weight says how much each row counts."""
    shape: Annotated[str, BeforeValidator(_crossed), Field(pattern=r"^[1-9]\d*(x[1-9]\d*)*$")] | None = None
    """Shape of a row that is a picture, such as 28x28, where the file does not say it."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of every random number of the run."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda or mps."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Type that factors of matrix products are rounded to; auto is bfloat16 for a large rbm of sharp states on a
    device that has it, else float32."""
    products: Literal["auto", "sparse", "dense"] = "auto"
    """Form of products with states of an rbm of bits: sparse adds up the rows of the weights that are on; auto is
    sparse for float32 on the processor where the run has 1000 updates or more, else dense."""
    threads: Count | None = None
    """Threads of each process; 1 for small products and 4 for large ones unless given, whatever cores there are."""
    rows: Count | None = None
    """Number of training rows to learn from, the first ones; all of them unless given."""
    snapshots: Annotated[str, BeforeValidator(_joined), Field(pattern=r"^\d+(,\d+)*$")] | None = None
    """Epochs after which pictures are kept: 0,10,19; the start, the first, the middle and the last unless given."""
    match: bool = True
    """Begin at visible biases that give units without couplings the means of the data, or else at zero."""
    valid: str | None = None
    """File of held-out rows to watch, instead of a part of the training rows."""
    test: str | None = None
    """File of rows to evaluate on, instead of the data's own test rows."""
    init: str | None = None
    """Run or model file whose model the training starts from."""
    data_dir: str | None = None
    """Where the data sets lie; else the environment's HARMONIUM_DATA, else they are downloaded."""

    @field_validator("model")
    @classmethod
    def _known_model(cls, value: str) -> str:
        MODELS.check(value)
        return value

    @field_validator("sampler")
    @classmethod
    def _known_sampler(cls, value: str) -> str:
        if value != "auto":
            SAMPLERS.check(value)
        return value

    @field_validator("visible", "hidden_kind")
    @classmethod
    def _known_kind(cls, value: str, info: Any) -> str:
        if value in ("auto", "table") and info.field_name == "visible":
            return value
        name, _, number = value.partition(":")
        UNITS.check(name)
        if name == "one-hot":
            return _one_hot(value, number, info.field_name)
        least = 2 if name == "potts" else 1
        if name in NUMBERED and not (number.isdecimal() and int(number) >= least):
            letter, what = ("Q", "states") if name == "potts" else ("N", "trials")
            raise ValueError(f"expected {name}:{letter} with {letter} of {least} or more {what}")
        if name not in NUMBERED and number:
            raise ValueError(f"expected {name} without a number")
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

    @field_validator("column")
    @classmethod
    def _known_columns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name, told in kinds_of(value).items():
            said_of(name, told)
        return value

    @property
    def columns(self) -> dict[str, Any] | None:
        """What is said of columns, by name; nothing where the rows need not be a table."""
        return kinds_of(self.column) if self.column or self.visible == "table" else None

    @property
    def layers(self) -> list[int]:
        """The widths of the hidden layers from the lowest up; none for a machine of visible units alone."""
        return [width for width in map(int, self.hidden.split(",")) if width]


def _one_hot(value: str, sizes: str, field: str) -> str:
    if field != "visible":
        raise ValueError("one-hot units are visible ones: pass potts:Q for hidden sites of Q states")
    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", sizes):
        raise ValueError("expected one-hot with the numbers of columns of its blocks, such as one-hot:3,3,2")
    return value


class FinetuneConfig(Settings):
    """The settings of a fine-tuning, kept in finetune.yaml."""

    method: Literal["updown", "classifier"] = "updown"
    """updown trains a dbn as a generative model; classifier trains a network that begins where the model ends."""
    epochs: Count | None = None
    """Passes over the training rows; 20 unless given, or as many as make 3000 steps."""
    steps: Count | None = None
    """Updates instead of --epochs."""
    lr: Positive | None = None
    """Learning rate of the generative weights (0.05 unless given), or of Adam for a classifier (0.001)."""
    recognition_lr: Positive | None = None
    """Learning rate of the recognition weights of updown; a tenth of --lr unless given."""
    top_lr: Positive | None = None
    """Learning rate of the top RBM of updown; twice --lr unless given."""
    gibbs_steps: Annotated[str, BeforeValidator(_joined), Field(pattern=r"^[1-9]\d*(,[1-9]\d*)*$")] = "3,6,10"
    """Gibbs steps of the top's chain in updown, growing over equal parts of the training."""
    schedule: Literal["constant", "linear", "late", "cosine"] = "late"
    """What the learning rates do; late holds them for the first half and then lets them fall to zero."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of hidden units that the classifier leaves out at each step."""
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


def explain(error: ValidationError) -> str:
    """Return the first complaint of a pydantic error as one line."""
    first = error.errors()[0]
    told = first.get("ctx", {}).get("error")
    if isinstance(told, InputError) and not first["loc"]:
        return str(told)
    where = "".join(f"{part}: " for part in first["loc"][:1])
    return f"{where}{first['msg'].removeprefix('Value error, ')}, was given {brief(first['input'])}"
