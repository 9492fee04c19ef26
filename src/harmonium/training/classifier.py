"""Discriminative fine-tuning: a machine unrolled into a feed-forward network and trained by back-propagation."""

from collections.abc import Iterable, Iterator

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import skip_init
from torch.optim import Optimizer

from .. import numerics
from ..arguments import checked
from ..errors import InputError
from ..machines import DBM, DBN, RBM
from ..numerics import Seed, stream
from ..units import Bernoulli, Units
from .loop import Step


@checked
def to_sequential(model: RBM | DBN | DBM, classes: int, *, generator: Seed = None) -> nn.Sequential:
    """Return a plain network that begins where the model ends: (rows, inputs) → (rows, classes) logits.

    An RBM or a DBN gives its pass up, a layer of sigmoids for each of hidden units; label weights, where there are
    some, begin the last layer.  A `DBM` gives one whose input is `classifier_inputs`: the row beside the mean-field
    state of the second hidden layer, which enters the first hidden layer from above (Salakhutdinov & Hinton, 2009,
    §3.3).
    """
    generator = stream(generator)
    if isinstance(model, DBM):
        blocks, last = _from_dbm(model, classes, generator)
    else:
        blocks, last = _from_pass_up(model, classes, generator)
    return nn.Sequential(*blocks, last).to(model.weights[0])


def _from_pass_up(model: RBM | DBN, classes: int, generator: Generator | None) -> tuple[list[nn.Module], nn.Linear]:
    arrows, top = (model.arrows(), model.top) if isinstance(model, DBN) else ([], model)
    labels = top.visible.labels
    code = top.visible.width - labels
    steps = [(layer.recognition, layer.above) for layer in arrows] + [(top.weight[:code], top.hidden)]
    blocks = [part for weight, above in steps for part in _sigmoid(weight, above)]
    last = _readout(top.hidden.width, classes, generator)
    if labels:
        last = _linear(top.weight[code:].mT, top.visible.components()[-1].bias)
    return blocks, last


@torch.no_grad()
def classifier_inputs(model: nn.Module, v: Tensor) -> Tensor:
    """Return what the network of `to_sequential` takes for rows ``v``, (rows, visible)."""
    if isinstance(model, DBM):
        state = model.mean_field(v).state
        return state[..., : model.layers[0].width + model.layers[2].width] if len(model.layers) > 2 else v
    return v


def finetune_classifier(
    net: nn.Sequential,
    batches: Iterable[tuple[Tensor, Tensor]],
    optimizer: Optimizer,
    *,
    dropout: float = 0.0,
    blank: float = 0.0,
    start: int = 0,
    generator: Seed = None,
) -> Iterator[Step]:
    """Train a network on batches of features and class numbers by cross-entropy, one `Step` at a time.

    ``dropout`` is the share of hidden units left out at each step, ``blank`` that of inputs (Srivastava et al., 2014).
    """
    generator = stream(generator, next(net.parameters()).device)
    for index, (x, label) in enumerate(batches, start):
        logits = _thinned(x, blank, generator)
        for part in net:
            logits = part(logits)
            if isinstance(part, nn.Sigmoid):
                logits = _thinned(logits, dropout, generator)
        loss = cross_entropy(logits, label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield Step(index, loss.detach(), x, logits.detach())


def _thinned(x: Tensor, share: float, generator: Generator | None) -> Tensor:
    """Return ``x`` with a share of its entries at zero, and the rest larger so that the mean stays."""
    if not share:
        return x
    return x * (numerics.uniform(x, generator=generator) >= share) / (1 - share)


def _from_dbm(model: DBM, classes: int, generator: Generator | None) -> tuple[list[nn.Module], nn.Linear]:
    layers, weights = model.layers, list(model.weights)
    if model.visible.labels:
        raise InputError("the DBM learned labels beside its pixels: train it without --labels to fine-tune it")
    first = weights[0] if len(layers) == 2 else torch.cat([weights[0], weights[1].mT])
    steps = [(first, layers[1]), *zip(weights[1:], layers[2:], strict=True)]
    blocks = [part for weight, above in steps for part in _sigmoid(weight, above)]
    return blocks, _readout(layers[-1].width, classes, generator)


def _sigmoid(weight: Tensor, above: Units) -> list[nn.Module]:
    if not isinstance(above, Bernoulli):
        raise InputError(f"a network of sigmoids needs bernoulli hidden units, not {type(above).__name__}")
    return [_linear(weight, above.bias), nn.Sigmoid()]


@torch.no_grad()
def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    linear = skip_init(nn.Linear, *weight.shape).to(weight)
    linear.weight.copy_(weight.mT)
    linear.bias.copy_(bias)
    return linear


@torch.no_grad()
def _readout(width: int, classes: int, generator: Generator | None) -> nn.Linear:
    linear = skip_init(nn.Linear, width, classes)
    linear.weight.copy_(0.01 * numerics.normal(linear.weight, generator=generator))
    linear.bias.zero_()
    return linear
