"""Who is timed: harmonium, scikit-learn, rbms, learnergy, an autograd script, and the matrix products alone.

Each learner begins at the machine ``start``, takes updates of ``batch`` rows at a learning rate, and tells the machine
that it has reached.  Peers run the code that their own ``fit`` runs, in float32.
"""

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from interleave import Work
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import harmonium as hm
from harmonium import RBM


@dataclass(frozen=True)
class Learner:
    """One in training: takes so many updates, and tells the machine that it has reached."""

    work: Work
    machine: Callable[[], RBM]
    precision: str = "float32"
    form: str = "dense"


@dataclass(frozen=True)
class Asked:
    """How to learn: rows of a batch, learning rate, and Gibbs steps between updates."""

    batch: int = 100
    lr: float = 0.05
    k: int = 1


def ours(v: Tensor, start: RBM, asked: Asked, **settings: Any) -> Learner:
    """Return harmonium's `Trainer`; plain PCD without momentum, centering or schedule, unless the settings say so."""
    plain = {"momentum": 0.0, "center": False, "schedule": "constant", "sampler": "pcd", "precision": "float32"}
    alike = {"batch_size": asked.batch, "lr": asked.lr, "gibbs_steps": asked.k, "threads": torch.get_num_threads()}
    return _trained(v, start, {**plain, **alike, "steps": 10**9, "figures_every": 10**9, **settings})


def ours_by_default(v: Tensor, start: RBM, threads: int) -> Learner:
    """Return harmonium's `Trainer` as it comes."""
    return _trained(v, start, {"threads": threads})


def _trained(v: Tensor, start: RBM, settings: dict[str, Any]) -> Learner:
    trainer = hm.Trainer(hm.TrainConfig(hidden=start.hidden.width, seed=1, **settings), v.numpy(), save_every=1e9)
    trainer.model.load_state_dict(start.state_dict())
    steps = trainer.steps()
    return Learner(taking(steps), lambda: trainer.model, trainer.config.precision, trainer.config.products)


def taking(steps: Iterator[object]) -> Work:
    """Return what takes so many of the steps."""
    return lambda updates: [next(steps) for _ in range(updates)]


def _parts(rbm: RBM) -> list[Tensor]:
    """Return the weights, the visible and the hidden biases."""
    return [part.detach() for part in (rbm.weight, rbm.visible.bias, rbm.hidden.bias)]


def sklearn_rbm(v: Tensor, start: RBM, asked: Asked) -> Learner:
    """Return scikit-learn's BernoulliRBM: PCD-1 by the loop of its ``fit``, which keeps float32."""
    from sklearn.neural_network import BernoulliRBM

    rows, draws = v.numpy(), np.random.RandomState(0)
    rbm = BernoulliRBM(start.hidden.width, learning_rate=asked.lr, batch_size=asked.batch, n_iter=1, random_state=0)
    rbm.fit(rows[: asked.batch])
    weight, rbm.intercept_visible_, rbm.intercept_hidden_ = (part.numpy().copy() for part in _parts(start))
    rbm.components_ = weight.T
    batches = _in_turn(len(rows), asked.batch)

    def work(updates: int) -> None:
        for _ in range(updates):
            rbm._fit(rows[next(batches)], draws)

    def machine() -> RBM:
        parts = rbm.components_.T, rbm.intercept_visible_, rbm.intercept_hidden_
        return RBM.from_tensors(*(torch.from_numpy(np.ascontiguousarray(part)) for part in parts))

    return Learner(work, machine, str(rbm.components_.dtype))


def _in_turn(rows: int, batch: int) -> Iterator[slice]:
    while True:
        yield from (slice(first, first + batch) for first in range(0, rows - batch + 1, batch))


class Tutorial(nn.Module):
    """A binary machine as tutorials write it: both phases by autograd through the free energy, CD-k."""

    def __init__(self, start: RBM, k: int):
        super().__init__()
        self.weight = nn.Parameter(start.weight.detach().T.clone())
        self.bias_v, self.bias_h = (nn.Parameter(row.bias.detach().clone()) for row in start.layers)
        self.k = k

    def forward(self, v: Tensor) -> Tensor:
        """Return the state after k Gibbs steps."""
        for _ in range(self.k):
            h = torch.bernoulli(torch.sigmoid(F.linear(v, self.weight, self.bias_h)))
            v = torch.bernoulli(torch.sigmoid(F.linear(h, self.weight.t(), self.bias_v)))
        return v

    def free_energy(self, v: Tensor) -> Tensor:
        """Return the mean free energy of rows."""
        return (-v.mv(self.bias_v) - F.softplus(F.linear(v, self.weight, self.bias_h)).sum(1)).mean()


def tutorial(v: Tensor, start: RBM, asked: Asked) -> Learner:
    """Return the autograd script, its rows from a DataLoader as tutorials have them."""
    rbm = Tutorial(start, asked.k)
    optimizer = torch.optim.SGD(rbm.parameters(), lr=asked.lr)
    loader = DataLoader(TensorDataset(v), asked.batch, shuffle=True, drop_last=True)
    feed = (x for _ in iter(int, 1) for (x,) in loader)

    def work(updates: int) -> None:
        for _ in range(updates):
            x = next(feed)
            loss = rbm.free_energy(x) - rbm.free_energy(rbm(x).detach())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return Learner(work, lambda: RBM.from_tensors(rbm.weight.detach().T, rbm.bias_v, rbm.bias_h))


def rbms(v: Tensor, start: RBM, asked: Asked, *, chains: int | None = None, centered: bool = True) -> Learner:
    """Return `rbms`: centered PCD-k by the loop of its ``train``, without the file that this writes at each update."""
    from rbms.bernoulli_bernoulli.classes import BBRBM
    from rbms.training.pcd import fit_batch_pcd

    rbm = BBRBM(*(part.clone() for part in _parts(start)))
    rbm.init_grad()
    state = {"chains": rbm.init_chains(chains or asked.batch)}
    optimizer = torch.optim.SGD(rbm.parameters(), lr=asked.lr, maximize=True)
    weights = torch.ones(len(v), device=v.device)

    @torch.no_grad()
    def work(updates: int) -> None:
        for _ in range(updates):
            drawn = torch.randperm(len(v))[: asked.batch]
            optimizer.zero_grad(set_to_none=False)
            rows = v[drawn], weights[drawn]
            state["chains"], _ = fit_batch_pcd(rows, state["chains"], rbm, asked.k, 1.0, centered)
            optimizer.step()

    return Learner(work, lambda: RBM.from_tensors(rbm.weight_matrix, rbm.vbias, rbm.hbias))


def learnergy(v: Tensor, start: RBM, asked: Asked) -> Learner:
    """Return learnergy's RBM: CD-k by its ``fit``, whose epochs are as many rows as are asked for."""
    from learnergy.models.bernoulli import RBM as Theirs

    rbm = Theirs(start.visible.width, start.hidden.width, asked.k, asked.lr)
    with torch.no_grad():
        for theirs, given in zip((rbm.W, rbm.a, rbm.b), _parts(start), strict=True):
            theirs.copy_(given)

    def work(updates: int) -> None:
        while updates > 0:
            taken = min(updates, len(v) // asked.batch)
            rows = v[torch.randperm(len(v))[: taken * asked.batch]]
            rbm.fit(TensorDataset(rows, torch.zeros(len(rows))), asked.batch, 1)
            updates -= taken

    return Learner(work, lambda: RBM.from_tensors(rbm.W, rbm.a, rbm.b))


PEERS: dict[str, Callable[..., Learner]] = {
    "scikit-learn, PCD": sklearn_rbm,
    "tutorial, CD": tutorial,
    "rbms, PCD": rbms,
    "learnergy, CD": learnergy,
}
DEFAULTS = {
    "scikit-learn, PCD": Asked(10, 0.1),
    "tutorial, CD": Asked(64, 0.1),
    "rbms, PCD": Asked(2000, 0.01, 100),
    "learnergy, CD": Asked(128, 0.1),
}
"""What each takes unless told otherwise; of the tutorial, what is usual."""


def available(name: str) -> bool:
    """Say whether a peer is installed, in a line where it is not."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            PEERS[name](torch.zeros(2, 3), RBM(3, 2), Asked(2))
    except ImportError as error:
        print(f"{name.partition(',')[0]} is left out ({error}): pip install -e '.[bench]'", flush=True)
        return False
    return True


def products(visible: int, hidden: int, batch: int, kind: torch.dtype = torch.float32, k: int = 1) -> Work:
    """Return the matrix products of CD-k and nothing else: up, (down, up) for each Gibbs step, and two gradients."""
    w = torch.randn(visible, hidden).to(kind)
    v, h = torch.ones(batch, visible, dtype=kind), torch.ones(batch, hidden, dtype=kind)

    def work(updates: int) -> None:
        for _ in range(updates):
            v @ w
            for _ in range(k):
                h @ w.T
                v @ w
            v.T @ h
            v.T @ h

    return work
