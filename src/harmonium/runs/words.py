"""What a fine-tuning is asked to do: the same words on the command line and in finetune.yaml."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Tuning(BaseModel):
    """The settings of a fine-tuning."""

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
    sweeps: Annotated[str, Field(pattern=r"^[1-9]\d*(,[1-9]\d*)*$")] = "3,6,10"
    """Sweeps of the top's chain in updown, growing over equal parts of the training."""
    schedule: Literal["constant", "linear", "late", "cosine"] = "late"
    """What the learning rates do; late holds them for the first half and then lets them fall to zero."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of hidden units that backprop leaves out at each step."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of every random number of the fine-tuning."""
