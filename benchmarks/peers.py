"""What harmonium is timed against: scikit-learn, a plain autograd script, and the matrix products alone."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harmonium import CD, PCD, RBM, Bernoulli, data, train
from harmonium.numerics import products

Work = Callable[[int], None]  # take so many updates


def ours(
    v: Tensor, hidden: int, batch: int, sampler: str = "cd", gibbs_steps: int = 1, precision: str = "float32"
) -> Work:
    """Return plain updates of harmonium's own: no centering, no momentum, no figures."""
    g = torch.Generator().manual_seed(0)
    rbm = RBM(Bernoulli(v.shape[1]), Bernoulli(hidden), generator=g)
    start = rbm.sample_independent(batch, generator=g)
    source = CD(gibbs_steps) if sampler == "cd" else PCD(start, gibbs_steps)
    optimizer = torch.optim.SGD(rbm.parameters(), lr=0.01, fused=True)
    steps = train(rbm, data.batches(v, batch, generator=g), source, optimizer, generator=g)

    def work(updates: int) -> None:
        with products(precision, v.device):
            for _ in range(updates):
                next(steps)

    return work


def sklearn_rbm(v: Tensor, hidden: int, batch: int) -> Work:
    """Return the updates of scikit-learn's BernoulliRBM, which are those of PCD-1."""
    from sklearn.neural_network import BernoulliRBM

    rbm, rows = BernoulliRBM(hidden, learning_rate=0.01, batch_size=batch, random_state=0), v.numpy()
    rbm.partial_fit(rows[:batch])
    at = 0

    def work(updates: int) -> None:
        nonlocal at
        for _ in range(updates):
            at = at + batch if at + 2 * batch <= len(rows) else 0
            rbm._fit(rows[at : at + batch], rbm.random_state_)

    return work


class Tutorial(nn.Module):
    """A binary machine as tutorials write it: both phases by autograd through the free energy, CD-1."""

    def __init__(self, visible: int, hidden: int):
        super().__init__()
        self.weight = nn.Parameter(0.01 * torch.randn(hidden, visible))
        self.bias_v = nn.Parameter(torch.zeros(visible))
        self.bias_h = nn.Parameter(torch.zeros(hidden))

    def forward(self, v: Tensor) -> Tensor:
        """Return the state after one Gibbs step."""
        h = torch.bernoulli(torch.sigmoid(F.linear(v, self.weight, self.bias_h)))
        return torch.bernoulli(torch.sigmoid(F.linear(h, self.weight.t(), self.bias_v)))

    def free_energy(self, v: Tensor) -> Tensor:
        """Return the mean free energy of rows."""
        return (-v.mv(self.bias_v) - F.softplus(F.linear(v, self.weight, self.bias_h)).sum(1)).mean()


def tutorial(v: Tensor, hidden: int, batch: int) -> Work:
    """Return the updates of the autograd script, its rows from a DataLoader as tutorials have them."""
    rbm = Tutorial(v.shape[1], hidden)
    optimizer = torch.optim.SGD(rbm.parameters(), lr=0.01)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(v), batch, shuffle=True, drop_last=True)

    def rows() -> Iterator[Tensor]:
        while True:
            for (x,) in loader:
                yield x

    feed = rows()

    def work(updates: int) -> None:
        for _ in range(updates):
            x = next(feed)
            loss = rbm.free_energy(x) - rbm.free_energy(rbm(x).detach())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return work


def floor(visible: int, hidden: int, batch: int, kind: torch.dtype, gibbs_steps: int = 1) -> Work:
    """Return the matrix products of CD-k and nothing else: up, (down, up) for each Gibbs step, and two gradients."""
    g = torch.Generator().manual_seed(0)
    w = torch.randn(visible, hidden, generator=g).to(kind)
    v = torch.bernoulli(torch.full((batch, visible), 0.2), generator=g).to(kind)
    h = torch.bernoulli(torch.full((batch, hidden), 0.2), generator=g).to(kind)

    def work(updates: int) -> None:
        for _ in range(updates):
            v @ w
            for _ in range(gibbs_steps):
                h @ w.T
                v @ w
            v.T @ h
            v.T @ h

    return work


def rows_like_mnist(count: int = 12_000) -> Tensor:
    """Return sparse binary rows of the width of MNIST, a fifth of them on, drawn from blurred noise."""
    g = np.random.default_rng(0)
    return torch.from_numpy((g.random((count, 784)) < 0.2).astype(np.float32))
