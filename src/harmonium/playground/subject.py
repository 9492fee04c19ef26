"""What a tab plays with: a model, how its rows are seen, and what can be told of its hidden units."""

import copy
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import Generator, Tensor

from ..data import Dataset
from ..encoding import Encoder
from ..errors import InputError
from ..fitting import Run, Trainer
from ..fitting.config import TrainConfig
from ..machines import DBN, Bipartite, layer_rows
from ..numerics import products
from ..registry import MODELS
from ..units import Gaussian, Potts, ReLU, Units
from .asks import CHAINS, STEPS
from .lens import Lens
from .wire import Answer, bytes_of, floats_of

AT_ONCE = products("float32", torch.device("cpu"), "dense")  # around what few rows ask for: numba takes a second
WATCHED = 500  # held-out rows that the activity of units is taken from
SETTABLE = (
    "model", "hidden", "hidden_kind", "labels", "discriminative", "pretrain", "visible", "sampler", "gibbs_steps",
    "chains", "n_replicas", "batch_size", "epochs", "steps", "patience", "lr", "upper_lr", "schedule", "optimizer",
    "momentum", "center", "l1", "l2", "sparsity", "sparsity_strength", "clip", "binarize", "seed", "rows", "match",
)  # fmt: skip
"""Settings of a training that the page may give: none that is a path, or chooses what the machine is used for."""


class Subject:
    """A run as the page sees it; the model does not change.

    ``rows`` are held-out ones, or None where they are not at hand; where they should be, ``missing`` says why.
    """

    def __init__(self, run: Run):
        self.model, self.encoder, self.missing = run.model, run.encoder, ""
        self.rows: Dataset | None = None
        try:
            self.rows = None if run.splits is None else run.splits.test
        except InputError as error:
            run, self.missing = replace(run, splits=None), str(error)
        self.run, self.lens = run, Lens.of(run)

    @property
    def labels(self) -> int:
        """The number of classes."""
        return self.model.labels

    @cached_property
    def layers(self) -> list[Units]:
        """The hidden layers, from the lowest up, without labels beside them."""
        return [row.components()[0] if row.labels else row for row in layer_rows(self.model)[1:]]

    @cached_property
    def couplings(self) -> list[tuple[Tensor, Tensor]]:
        """The weights between hidden layers, (below, above), the lowest first: on the way up, and on the way down."""
        model = self.model
        if not isinstance(model, DBN):
            return [(weight, weight) for weight in model.weights[1:]]
        top = model.top.weight[: model.code]
        pairs = [*((layer.recognition, layer.generation) for layer in model.arrows()), (top, top)]
        return pairs[1:]

    def held(self, layer: int) -> bool:
        """Say whether units of a layer can be held: one by one, and where they are part of a machine."""
        last = layer == len(self.layers) - 1
        whole = not any(isinstance(part, Potts) for part in self.layers[layer].components())
        return whole and (last or not isinstance(self.model, DBN))

    def layer(self, number: int) -> Units:
        """Return a hidden layer by its number; raises `InputError` where there is none."""
        if number >= len(self.layers):
            raise InputError(f"layer {number} was given where the model has {len(self.layers)}: they count from 0")
        return self.layers[number]

    def unit(self, layer: int, unit: int) -> None:
        """Raise `InputError` where there is no such hidden unit."""
        width = self.layer(layer).width
        if unit >= width:
            raise InputError(f"unit {unit} was given where layer {layer} has {width}: they count from 0")

    def state(self, index: int) -> tuple[Tensor, int | None]:
        """Return a held-out row as a state, (width,), and its class."""
        if self.rows is None or index >= len(self.rows):
            count = 0 if self.rows is None else len(self.rows)
            raise InputError(f"row {index} was given where there are {count}: they count from 0")
        one = self.rows.select(torch.tensor([index]).numpy())
        label = None if one.labels is None else int(one.labels[0])
        return self.encoder.rows(one, sharp=True, generator=Generator().manual_seed(index))[0], label

    def facts(self) -> dict[str, Any]:
        """Return what the page must know."""
        kinds = [f"{type(row).__name__}" for row in self.layers]
        return {
            "name": self.run.splits.name if self.run.splits is not None else self.run.name,
            "words": self.run.words,
            "kind": type(self.model).__name__.lower().replace("boltzmannmachine", "boltzmann"),
            "shape": list(self.encoder.shape),
            "picture": self.lens.picture,
            "columns": self.lens.columns(),
            "ink": self.lens.ink(self.seen),
            "labels": list(self.encoder.label_names) if self.labels else [],
            "layers": [
                {"width": row.width, "kind": kind.lower(), "hold": self.held(i)}
                for i, (row, kind) in enumerate(zip(self.layers, kinds, strict=True))
            ],
            "rows": 0 if self.rows is None else len(self.rows),
            "train": self.run.splits is not None,
            "labeled": self.rows is not None and self.rows.labels is not None,
            "settings": settings_of(self.run.config),
            "models": list(MODELS),
            "limits": {"chains": CHAINS, "steps": STEPS},
        }

    @cached_property
    def seen(self) -> Tensor:
        """Held-out rows as states, or independent ones where there are none."""
        fixed = Generator().manual_seed(0)
        if self.rows is None:
            return self.model.sample_independent(WATCHED, generator=fixed)
        return self.encoder.rows(self.rows.take(WATCHED), sharp=True, labeled=self._joined, generator=fixed)

    @torch.no_grad()
    def activity(self, seen: Tensor) -> list[Tensor]:
        """Return the means of the hidden units of every layer, (rows, units), at held-out rows, or at those ``seen``.

        They are levels from 0 to 1.
        """
        if self.rows is not None:
            seen = self.seen
        found = self.model.hidden_means(seen[..., : self.model.visible.width])
        return [levels(row, means) for row, means in zip(self.layers, found, strict=True)]

    @property
    def _joined(self) -> bool:
        """Whether the labels are part of the visible row."""
        return bool(self.labels) and not isinstance(self.model, DBN)

    @AT_ONCE
    @torch.no_grad()
    def fields(self, layer: int, seen: Tensor) -> Answer:
        """Return what the units of a layer look for, how large they are, how often on, and how much they do."""
        self.layer(layer)
        weight = self.model.receptive_fields()[layer].detach()[: self.encoder.width].T
        active, size = self.activity(seen)[layer], weight.norm(dim=1)
        shown, scale = quantized(by_column(self.encoder, weight))
        return {"layer": layer}, {
            "fields": shown,
            "scale": scale,
            "size": floats_of(size),
            "activity": floats_of(active.mean(0)),
            "effect": floats_of(size * active.std(0, correction=0)),
        }

    @torch.no_grad()
    def adds(self, layer: int, unit: int, state: Tensor) -> Tensor:
        """Return the means of the visible row with a unit on minus with it off, (columns,), the rest as in a state."""
        self.unit(layer, unit)
        if not isinstance(self.model, Bipartite) or layer:
            return by_column(self.encoder, self.model.receptive_fields()[layer][: self.encoder.width, unit])
        low, high = ends(self.layers[layer])
        y = self.model.odd.mean(self.model.up(state)).repeat(2, 1)
        y[0, unit], y[1, unit] = low, high
        off, on = self.model.even.mean(self.model.down(y))[:, : self.encoder.width]
        if self.encoder.width > self.encoder.columns:
            return by_column(self.encoder, on - off)
        low, high = ends(self.model.visible.components()[0])
        return (on - off) / (high - low)


def by_column(encoder: Encoder, weight: Tensor) -> Tensor:
    """Return weights, (units, width), by column; of one of several states, how far they pull from first to last."""
    number = encoder.width // encoder.columns
    if number == 1:
        return weight
    return (weight.unflatten(-1, (encoder.columns, number)) * torch.linspace(-1, 1, number)).sum(-1)


def still(trainer: Trainer) -> Run:
    """Return what a trainer has learned so far, which does not learn on."""
    now = trainer.run
    chains = None if now.chains is None else now.chains.clone()
    model = copy.deepcopy(now.model).requires_grad_(False)
    return replace(now, model=model, chains=chains, facts=copy.deepcopy(now.facts), history=list(now.history))


def settings_of(config: TrainConfig | None) -> dict[str, Any]:
    """Return the settings that the page may give, as they were."""
    return {} if config is None else {name: getattr(config, name) for name in SETTABLE}


def ends(row: Units) -> tuple[float, float]:
    """Return the values of a unit that is off, and of one that is on."""
    values = row.values()
    if values is None or isinstance(row, Gaussian | ReLU):
        return 0.0, 1.0
    return float(values.min()), float(values.max())


def levels(row: Units, means: Tensor) -> Tensor:
    """Return means as levels from 0 to 1 between off and on; continuous units between 0 and their largest."""
    low, high = ends(row)
    if row.values() is None:
        return means.clamp_min(0) / means.clamp_min(0).max().clamp_min(1e-9)
    return (means - low) / (high - low)


def quantized(rows: Tensor) -> tuple[Any, Any]:
    """Return rows as bytes around 128, 127 of which are the largest value of each, and these values."""
    scale = rows.abs().amax(-1).clamp_min(1e-12)
    return bytes_of((rows / scale[:, None] * 127 + 128) / 255), floats_of(scale)
