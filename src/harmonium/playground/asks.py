"""What the page may ask: every message with its fields and the bounds of their values."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ..arguments import brief
from ..errors import InputError

LARGEST = 2**18  # bytes of a message
CHAINS, STEPS = 100, 100  # chains of a tab, and Gibbs steps of a frame, at most
SAMPLES, FIELDS = 64, 128  # chains and hidden units of a training that are shown, at most
WIDEST = 2**16  # columns of a row
FAR = 1e6  # how far from 0 a fraction of a continuous value may lie

Fraction = Annotated[float, Field(ge=-FAR, le=FAR, allow_inf_nan=False)]
Fractions = Annotated[list[Fraction], Field(max_length=WIDEST)]
Index = Annotated[int, Field(ge=0, lt=2**31)]
Value = bool | int | float | str | None
Settings = dict[Annotated[str, Field(max_length=40)], Value]
Which = Literal["a", "b"]


class Ask(BaseModel):
    """One message; ``n`` comes back with its answer."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    type: str
    n: Annotated[int, Field(ge=-(2**53), le=2**53)] = 0


class Hello(Ask):
    """The first message, which knows the token."""

    type: Literal["hello"]
    token: Annotated[str, Field(max_length=100)]


class Model(Ask):
    """Which model the tab plays with."""

    type: Literal["model"]
    of: Literal["run", "a", "b"] = "run"


class Set(Ask):
    """How the chains of the tab run; what is left out stays."""

    type: Literal["set"]
    chains: Annotated[int, Field(ge=1, le=CHAINS)] = 1
    steps: Annotated[int, Field(ge=1, le=STEPS)] = 1
    temperature: Annotated[float, Field(ge=0.05, le=20, allow_inf_nan=False)] = 1.0
    means: bool = False
    mask: Annotated[list[Literal[0, 1]], Field(max_length=WIDEST)] | None = None
    values: Fractions | None = None
    label: Index | None = None
    held: Annotated[list[tuple[Index, Index, Annotated[float, Field(ge=0, le=1)]]], Field(max_length=4096)] = []


class Start(Ask):
    """Begin the chains anew."""

    type: Literal["start"]
    from_: Annotated[Literal["noise", "values"], Field(alias="from")] = "noise"
    values: Fractions | None = None


class Next(Ask):
    """Move the chains on and show them."""

    type: Literal["next"]
    still: bool = False


class Row(Ask):
    """A held-out row."""

    type: Literal["row"]
    index: Index


class Fields(Ask):
    """What the hidden units of a layer look for."""

    type: Literal["fields"]
    layer: Index = 0


class Unit(Ask):
    """What one hidden unit adds to the picture."""

    type: Literal["unit"]
    layer: Index
    unit: Index


class Microscope(Ask):
    """One update of a small machine, or the last of several."""

    type: Literal["microscope"]
    algorithm: Literal["cd", "pcd", "naive-mcmc"] = "cd"
    k: Annotated[int, Field(ge=1, le=50)] = 1
    lr: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 0.1
    batch: Annotated[int, Field(ge=1, le=14)] = 14
    updates: Annotated[int, Field(ge=1, le=100)] = 1
    restart: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


Pace = Annotated[float, Field(ge=0.01, le=1e6)] | None


class TrainStart(Ask):
    """Begin a training, or two side by side."""

    type: Literal["train.start"]
    settings: Settings = {}
    against: Settings | None = None
    pace: Pace = None


class TrainSet(Ask):
    """Change settings of the training that runs."""

    type: Literal["train.set"]
    which: Which | None = None
    settings: Settings = {}
    pace: Pace = None


class Train(Ask):
    """Pause the training, go on with it, end it, or save it."""

    type: Literal["train.pause", "train.resume", "train.stop", "train.save"]


class Judge(Ask):
    """Evaluate a model in training; or save its run and write the report."""

    type: Literal["judge", "train.report"]
    which: Which = "a"


class Watch(Ask):
    """Show the training as it is."""

    type: Literal["watch"]
    since: Annotated[int, Field(ge=0, lt=2**31)] = 0
    samples: Annotated[int, Field(ge=0, le=SAMPLES)] = 0
    fields: Annotated[int, Field(ge=0, le=FIELDS)] = 0


ANY: TypeAdapter[Any] = TypeAdapter(
    Annotated[
        Hello | Model | Set | Start | Next | Row | Fields | Unit | Microscope | TrainStart | TrainSet | Train | Judge
        | Watch,
        Field(discriminator="type"),
    ]
)  # fmt: skip


def number(text: str) -> int:
    """Return the number of a message that is none otherwise, so that its sender knows which it was."""
    try:
        n = json.loads(text)["n"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0
    return n if isinstance(n, int) and abs(n) <= 2**53 else 0


def read(text: str) -> Ask:
    """Return a message; raises `InputError` where it is none, in one line."""
    try:
        asked: Ask = ANY.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"][:3]))
        given = f"{where or 'the message'}: {first['msg']}, was given {brief(first['input'])}"
        raise InputError(" ".join(given.split())) from None
    return asked
