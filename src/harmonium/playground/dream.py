"""The chains of a tab: clamped, held, warmed, and moved on frame by frame."""

from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from .. import evaluation
from ..errors import InputError
from ..fitting.drawing import heated
from ..machines import DBN, RBM, Bipartite, BoltzmannMachine, Machine, holding
from .asks import Set
from .subject import AT_ONCE, Subject, ends, levels
from .wire import Answer, bytes_of, floats_of


class Dream:
    """Chains of a subject, (chains, width): what is clamped keeps its value in every one of them."""

    def __init__(self, subject: Subject, how: Set, seed: int = 0):
        self.generator = Generator().manual_seed(seed)
        self.how = how
        self.show(subject)

    def show(self, subject: Subject) -> None:
        """Take up a subject with new chains; what is clamped or held of another one is let go."""
        self.subject, self.how = subject, self.how.model_copy(update={"mask": None, "label": None, "held": []})
        self.begin()
        self.prepare()

    def better(self, subject: Subject) -> None:
        """Go on with the same machine that has learned more."""
        self.subject = subject
        self.prepare()

    def begin(self, values: list[float] | None = None) -> None:
        """Begin all chains anew at independent units, or at a row; what is clamped stays."""
        before = getattr(self, "x", None)
        row = None if values is None else self.subject.lens.states(values)
        self.x = self.subject.model.sample_independent(self.how.chains, generator=self.generator)
        if row is not None:
            self.x[:, : len(row)] = row
        if before is not None and before.shape[-1] == self.x.shape[-1]:
            self.x = torch.where(self.clamped(), before[:1], self.x)
        self.mean, self.gibbs_steps = self.x, 0

    def set(self, how: Set) -> None:
        """Change how the chains run; all is as it was where something does not fit."""
        before, x = self.how, self.x
        given = {name: getattr(how, name) for name in how.model_fields_set - {"type", "n", "values"}}
        self.how = before.model_copy(update=given)
        try:
            self.prepare()
            if self.how.chains != before.chains:
                self.begin()
            self._place(how)
        except InputError:
            self.how, self.x = before, x
            self.prepare()
            raise

    def _place(self, how: Set) -> None:
        """Give what is clamped its values."""
        model, clamped = self.subject.model, self.clamped()
        target = self.x.clone()
        if how.values is not None:
            row = self.subject.lens.states(how.values)
            target[:, : len(row)] = row
        if self.how.label is not None:
            first = self.subject.encoder.width
            target[:, first : first + model.labels] = one_hot(torch.tensor(self.how.label), model.labels).float()
        for at, value in self._kept().items():
            target[:, at] = value
        self.x = torch.where(clamped, target, self.x)
        self.mean = torch.where(clamped, self.x, self.mean) if self.mean.shape == self.x.shape else self.x

    def prepare(self) -> None:
        """Make the machine that runs: at the temperature, and without the units that are held."""
        how, subject = self.how, self.subject
        if how.label is not None and how.label >= subject.labels:
            raise InputError(f"label {how.label} was given where the model has {subject.labels}: they count from 0")
        if how.mask is not None and len(how.mask) != subject.encoder.columns:
            raise InputError(f"a mask of {len(how.mask)} was given where a row has {subject.encoder.columns} columns")
        for layer, unit, _ in how.held:
            subject.unit(layer, unit)
            if not subject.held(layer):
                raise InputError(f"units of layer {layer} cannot be held one by one in this model: give another layer")
        self.machine = self._held(heated(subject.model, how.temperature))

    def _held(self, model: Machine | DBN) -> Machine | DBN:
        wanted = self._summed()
        if not wanted:
            return model
        if isinstance(model, DBN):
            top = holding(model.top, wanted)
            assert isinstance(top, RBM)
            return DBN(*model.arrows(), top=top)
        assert isinstance(model, Bipartite)
        return holding(model, wanted)

    def _values(self) -> list[tuple[int, int, float]]:
        """Return the units that are held, and the values that they take."""
        found = []
        for layer, unit, share in self.how.held:
            low, high = ends(self.subject.layers[layer])
            found.append((layer, unit, low + share * (high - low)))
        return found

    def _summed(self) -> dict[int, float]:
        """Return the held columns of the row that is summed out: every other hidden layer, or that of the top."""
        model, layers = self.subject.model, self.subject.layers
        if isinstance(model, BoltzmannMachine):
            return {}
        odd = range(0, len(layers), 2) if not isinstance(model, DBN) else [len(layers) - 1]
        first = {layer: sum(layers[i].width for i in odd if i < layer) for layer in odd}
        return {first[layer] + unit: value for layer, unit, value in self._values() if layer in first}

    def _kept(self) -> dict[int, float]:
        """Return the held columns of the state: hidden layers that are not summed out."""
        model, layers = self.subject.model, self.subject.layers
        if isinstance(model, DBN):
            return {}
        kept = range(len(layers)) if isinstance(model, BoltzmannMachine) else range(1, len(layers), 2)
        first = {layer: model.visible.width + sum(layers[i].width for i in kept if i < layer) for layer in kept}
        return {first[layer] + unit: value for layer, unit, value in self._values() if layer in first}

    def clamped(self) -> Tensor:
        """Return the mask of a state, (width,): columns, the label and hidden units that stay."""
        encoder, mask = self.subject.encoder, torch.zeros(self.subject.model.width, dtype=torch.bool)
        if self.how.mask is not None:
            wide = torch.tensor(self.how.mask, dtype=torch.bool)
            mask[: encoder.width] = encoder.spread(wide)
        if self.how.label is not None:
            mask[encoder.width : encoder.width + self.subject.labels] = True
        mask[list(self._kept())] = True
        return mask

    @AT_ONCE
    @torch.no_grad()
    def move(self) -> None:
        """Take the Gibbs steps of a frame."""
        clamped = self.clamped()
        for _ in range(self.how.steps):
            self.x, self.mean = self.machine.gibbs_with_means(self.x, clamped, generator=self.generator)
        self.gibbs_steps += self.how.steps

    @AT_ONCE
    @torch.no_grad()
    def frame(self) -> Answer:
        """Return what is seen of the chains now."""
        shown = self.mean if self.how.means else self.x
        arrays = {"visible": self.subject.lens.fractions(shown), **self._hidden(), **self._energies()}
        if self.subject.labels:
            v = self.x[:, : self.subject.encoder.width]
            arrays["label"] = floats_of(evaluation.class_log_probs(self.subject.model, v).softmax(-1))
        return {"gibbs_steps": self.gibbs_steps}, arrays

    def _hidden(self) -> dict[str, Any]:
        """Return how far on the units of every layer are in the first chain."""
        rows = zip(self.subject.layers, self._means(), strict=True)
        return {f"hidden{i}": bytes_of(levels(row, mean)) for i, (row, mean) in enumerate(rows)}

    @torch.no_grad()
    def flow(self, layer: int, unit: int) -> dict[str, Any]:
        """Return what every unit of the hidden layers below and above sends to a unit of the first chain, in nats."""
        means, couplings, sent = self._means(), self.subject.couplings, {}
        if layer:
            sent["below"] = floats_of(means[layer - 1] * couplings[layer - 1][0][:, unit])
        if layer < len(couplings):
            sent["above"] = floats_of(means[layer + 1] * couplings[layer][1][unit])
        return sent

    def _means(self) -> list[Tensor]:
        """Return the means of the units of every layer in the first chain; those that are held as they are held."""
        machine, x = self.machine, self.x[:1]
        if isinstance(machine, Bipartite):
            means = machine.layer_means(x)[1:]
        elif isinstance(machine, BoltzmannMachine):
            means = [self.mean[:1, machine.visible.width :]] if machine.latent else []
        else:
            means = machine.hidden_means(x)
        for layer, unit, value in self._values():
            means[layer][0, unit] = value
        return [mean[0] for mean in means]

    def _energies(self) -> dict[str, Any]:
        """Return the free energy of the states under the model itself, and an energy with its hidden units drawn."""
        model = self.subject.model
        if isinstance(model, DBN):
            return {}
        found = {"free_energy": floats_of(model.free_energy(self.x))}
        if isinstance(model, Bipartite):
            y = model.odd.sample(model.up(self.x), generator=self.generator)
            y[:, list(self._summed())] = y.new_tensor(list(self._summed().values()))
            found["energy"] = floats_of(model.energy(self.x, y))
        return found
