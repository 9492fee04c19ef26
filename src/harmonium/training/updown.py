"""Up-down fine-tuning of a deep belief network: contrastive wake-sleep."""

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from ..arguments import Natural, checked
from ..machines import DBN, RBM, log_density
from ..numerics import Seed, stream
from .batch import Batch, rows
from .loop import Step, check_finite

GibbsSteps = Callable[[int], int]


@checked
def updown(
    dbn: DBN,
    batches: Iterable[Batch],
    optimizer: Optimizer,
    *,
    gibbs_steps: Natural | GibbsSteps = 3,
    precision: torch.dtype | None = None,
    start: Natural = 0,
    generator: Seed = None,
) -> Iterator[Step]:
    """Fine-tune all layers of a `DBN` together, one `Step` at a time, by the up-down algorithm (Hinton, Osindero & Teh,
    2006, appendix B).

    A batch holds rows, (batch, width), label columns last, or class numbers beside them as in `train`.  Each update

    - draws a pass up with the recognition weights, and teaches every layer to generate the row below it;
    - trains the top RBM by CD-``gibbs_steps`` from there (``gibbs_steps`` may be a function of the step: 3, 6, 10 as it
      goes on);
    - draws a pass down from where the chain ended, and teaches the recognition weights to name the causes.

    ``precision`` is the type of the weights and fields in the Gibbs steps of the top RBM, such as ``torch.bfloat16``,
    whose products are faster and with states of 0 and 1 round the weights alone; uniforms and gradients stay as they
    are.

    Gradients are means over the batch; `param_groups` gives the optimizer the three sets of parameters, each with its
    own learning rate.  Take the recognition's at most a tenth of the generation's: it chases a moving target.  The loss
    of a step is −log p(row | code drawn from it) in nats, of the lowest layer.
    """
    generator = stream(generator, dbn.top.weight.device)
    for index, batch in enumerate(batches, start):
        x = rows(batch, dbn)
        v, label = dbn.split(x if index > start and isinstance(x, Tensor) else dbn.as_rows(x, "the batch", whole=True))
        wake = dbn.recognize(v, generator=generator)
        begun = torch.cat([wake[-1], label], -1)
        count = gibbs_steps if isinstance(gibbs_steps, int) else gibbs_steps(index)
        first, ended, last = _cd_chain(dbn.top, begun, count, precision, generator=generator)
        sleep = dbn.generate(ended[..., : dbn.code], generator=generator)
        generation = [
            -log_density(layer.below, below, layer.down(above)).mean()
            for layer, below, above in zip(dbn.arrows(), wake, wake[1:], strict=False)
        ]
        recognition = [
            -log_density(layer.above, above, layer.up(below)).mean()
            for layer, below, above in zip(dbn.arrows(), sleep, sleep[1:], strict=False)
        ]
        top = dbn.top.energy(begun, first).mean() - dbn.top.energy(ended, last).mean()
        total = torch.stack([*generation, *recognition, top]).sum()
        optimizer.zero_grad()
        total.backward()
        loss = generation[0].detach() if generation else top.detach()
        check_finite(dbn, total.detach(), index)
        optimizer.step()
        yield Step(index, loss, begun, ended)


def param_groups(dbn: DBN, *, generation: float, recognition: float, top: float) -> list[dict[str, Any]]:
    """Return the optimizer's parameter groups, with a learning rate for each part of the network."""
    down = [p for layer in dbn.arrows() for p in (layer.generation, *layer.below.parameters())]
    up = [p for layer in dbn.arrows() for p in (layer.recognition, *layer.above.parameters())]
    found = ((down, generation), (up, recognition), (list(dbn.top.parameters()), top))
    return [{"params": params, "lr": lr} for params, lr in found if params]


@torch.no_grad()
def _cd_chain(
    top: RBM, x: Tensor, gibbs_steps: int, precision: torch.dtype | None = None, *, generator: Seed = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the hidden states that a chain of the top RBM begins with at ``x``, and both rows' states at its end.

    Codes are drawn; a label is carried along as probabilities, as in the paper.
    """
    generator = stream(generator, x.device)
    labels, kind = top.visible.labels, x.dtype
    top = top if precision is None else copy.deepcopy(top).to(precision)
    end = x.to(top.weight)
    first = hidden = top.hidden.sample(top.up(end), generator=generator)
    for _ in range(gibbs_steps):
        field = top.down(hidden)
        end = top.visible.sample(field, generator=generator)
        if labels:
            end = torch.cat([end[..., :-labels], top.visible.mean(field)[..., -labels:]], -1)
        hidden = top.hidden.sample(top.up(end), generator=generator)
    return first.to(kind), end.to(kind), hidden.to(kind)
