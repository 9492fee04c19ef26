"""Fine-tuning: the one stage in which all layers of a trained model learn together."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor, nn

from ..encoding import Encoder, fit_encoder
from ..errors import InputError
from ..machines import DBM, DBN, RBM, Machine
from ..training import SGD, Adam, classifier_inputs, param_groups, to_sequential
from ..units import Units
from .config import FinetuneConfig, TrainConfig
from .defaults import steps
from .plans import Plan
from .splits import Splits
from .stages import Classifying, Stage, UpDown

if TYPE_CHECKING:
    from .run import Run

LR = {"updown": 0.05, "classifier": 0.001}


class FinetunePlan(Plan):
    """The one stage of a fine-tuning, which begins where a model ended."""

    def __init__(
        self,
        config: TrainConfig,
        encoder: Encoder,
        device: torch.device,
        tuning: FinetuneConfig,
        origin: Machine | DBN,
    ):
        super().__init__(config, encoder, device)
        self.tuning, self.origin = tuning, copy.deepcopy(origin).to(device).requires_grad_(True)

    @property
    def names(self) -> list[str]:
        """The method."""
        return [self.tuning.method]

    def machine(self, done: Sequence[nn.Module], visible: Units, generator: Generator) -> Machine:
        """Not used: the stage has the model that was there."""
        raise NotImplementedError

    def make(self, done: Sequence[nn.Module], rows: Tensor, chance: Generator) -> Stage:
        """Return the stage."""
        tuning, origin, lr, steps = self.tuning, self.origin, self.config.lr, self.config.steps
        assert lr is not None
        assert steps is not None
        if tuning.method == "updown":
            origin = copy.deepcopy(origin)
            assert isinstance(origin, DBN)
            recognition, top = tuning.recognition_lr or lr / 10, tuning.top_lr or 2 * lr
            rates = param_groups(origin, generation=lr, recognition=recognition, top=top)
            growth = tuple(map(int, tuning.gibbs_steps.split(",")))
            return UpDown(tuning.method, origin, lambda x: x, SGD(rates), growth, steps)
        net = new_classifier(origin, self.encoder.labels, tuning.seed).to(self.device)
        climber = Adam(net.parameters(), lr=lr)
        return Classifying(tuning.method, net, self.inputs, climber, tuning.dropout)

    @torch.no_grad()
    def inputs(self, x: Tensor) -> Tensor:
        """Return what the network sees of rows, their labels behind it."""
        width = self.encoder.width
        return torch.cat([classifier_inputs(self.origin, x[:, :width]), x[:, width:]], -1)

    def model(self, machines: Sequence[nn.Module]) -> Machine | DBN:
        """Return the fine-tuned model; a classifier leaves the model as it was."""
        last = machines[-1]
        return last if isinstance(last, DBN) else self.origin


def new_classifier(origin: Machine | DBN, classes: int, seed: int = 0) -> nn.Sequential:
    """Return the network that begins where a model ends; raises `InputError` for a model without layers."""
    if not isinstance(origin, RBM | DBN | DBM):
        raise InputError(
            f"a classifier needs layers, and the model is a {type(origin).__name__}: train an rbm or a dbn"
        )
    return to_sequential(origin, classes, generator=Generator().manual_seed(seed))


def tuned_settings(run: "Run", tuning: FinetuneConfig) -> tuple[TrainConfig, Encoder]:
    """Return the settings of a fine-tuning of a run, and the encoder that knows the labels that it needs.

    Raises `InputError` where the method does not fit the model or the data.
    """
    splits, kind = run.splits_needed("a fine-tuning"), type(run.model).__name__
    if run.config is None:
        raise InputError(f"{run.name} does not say how it was trained: fine-tune a run")
    if tuning.method == "updown" and not isinstance(run.model, DBN):
        raise InputError(f"--method updown is for a dbn and {run.name} holds a {kind}: pass --method classifier")
    encoder = encoder_for(run, tuning, splits)
    if tuning.method == "classifier":
        new_classifier(run.model, 2)  # so that what cannot be unrolled is told before anything is written
    words = {
        "steps": steps(tuning, splits.train, run.config.batch_size), "schedule": tuning.schedule, "seed": tuning.seed,
        "patience": None, "max_time": None, "lr": tuning.lr or LR[tuning.method], "upper_lr": None, "init": None,
        "labels": bool(encoder.labels),
    }  # fmt: skip
    return run.config.model_copy(update=words), encoder


def encoder_for(run: "Run", tuning: FinetuneConfig, splits: Splits) -> Encoder:
    """Return the run's encoder, with labels where a classifier is to learn them."""
    if tuning.method != "classifier" or run.encoder.labels:
        return run.encoder
    if splits.train.labels is None:
        raise InputError(f"{splits.source} holds no labels: a classifier has nothing to learn")
    fitted = fit_encoder(run.encoder.visible, run.encoder.binarize, splits.train, labels=True)
    return replace(run.encoder, label_names=fitted.label_names)
