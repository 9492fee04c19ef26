"""Samplers: sources of negative states, called as ``sampler(machine, positive, generator=…)``.

A sampler is a module whose chains are buffers, so that ``.to`` and ``state_dict`` work as for an optimizer.
It never holds the machine.
"""

from abc import ABC, abstractmethod
from typing import Any, Self

import torch
from torch import Generator, Tensor

from .. import numerics
from ..arguments import Count, checked
from ..machines import Machine
from ..numerics import distributed
from .exact import exact_sample


class Sampler(numerics.Remembering, ABC):
    """A source of states that stand for the model in the gradient of its log-likelihood.

    A new one is a subclass with a ``forward``, and an entry of `registry.SAMPLERS`.
    """

    words: str = "Markov chains"
    """What it is called in a report."""

    @checked
    def __init__(self, k: Count = 1):
        super().__init__()
        self.k = int(k)

    @abstractmethod
    @torch.no_grad()
    def forward(self, machine: Machine, positive: Tensor, *, generator: Generator | None = None) -> Tensor:
        """Return negative states, (chains, width), given the positive ones, (batch, width)."""

    @classmethod
    def make(
        cls,
        machine: Machine,
        seen: Tensor,
        *,
        k: int,
        chains: int,
        n_replicas: int,
        generator: Generator | None = None,
    ) -> Self:
        """Return the sampler of a run that trains a machine on rows, some of which are ``seen``, (rows, visible)."""
        return cls(k)

    def last_chains(self) -> Tensor | None:
        """Return the states of the machine in training that the sampler keeps, (chains, width), of all processes."""
        return None

    def extra_repr(self) -> str:
        """Return what ``print`` shows."""
        return f"k={self.k}"


class CD(Sampler):
    """Contrastive divergence, CD-k: ``k`` Gibbs steps from the data (Hinton, 2002).

    Cheap, and biased: the chains barely leave the data, so modes far from it are never unlearned.

    Example:
        >>> import harmonium as hm
        >>> rbm, sampler = hm.RBM(6, 4), hm.CD(k=1)
        >>> sampler(rbm, rbm.sample_independent(5)).shape  # (batch, width): as many states as rows
        torch.Size([5, 6])
    """

    words = "contrastive divergence (CD-k)"

    @torch.no_grad()
    def forward(self, machine: Machine, positive: Tensor, *, generator: Generator | None = None) -> Tensor:
        """Return the states ``k`` Gibbs steps away from ``positive``."""
        return machine.gibbs_steps(positive, self.k, generator=generator)


class PCD(Sampler):
    """Persistent contrastive divergence (PCD), or stochastic maximum likelihood (Younes, 1989; Tieleman, 2008).

    The chains, (chains, width), go on from one update to the next, ``k`` Gibbs steps each, and follow the model as it
    learns.

    Example:
        >>> import harmonium as hm
        >>> rbm = hm.RBM(6, 4)
        >>> sampler = hm.PCD(rbm.sample_independent(100), k=1)
        >>> sampler(rbm, rbm.sample_independent(5)).shape
        torch.Size([100, 6])
    """

    chains: Tensor
    words = "persistent contrastive divergence (PCD)"

    @checked
    def __init__(self, chains: Tensor, k: Count = 1):
        super().__init__(k)
        self.register_buffer("chains", chains.detach().clone())

    @classmethod
    def make(cls, machine: Machine, seen: Tensor, *, k: int, chains: int, n_replicas: int, **draws: Any) -> Self:
        """Return chains that start at some of the rows."""
        drawn = numerics.integers(len(seen), chains, **draws)
        return cls(distributed.own(machine.infer(seen[drawn], **draws)), k)

    def last_chains(self) -> Tensor | None:
        """Return the chains of all processes."""
        return distributed.whole(self.chains)

    @torch.no_grad()
    def forward(self, machine: Machine, positive: Tensor, *, generator: Generator | None = None) -> Tensor:
        """Return the chains, ``k`` Gibbs steps further on."""
        self.chains = machine.gibbs_steps(self.chains, self.k, generator=generator)
        return self.chains


class NaiveMCMC(Sampler):
    """Naive MCMC: ``k`` Gibbs steps from new random states at every update (Algorithm 18.1 of Goodfellow et al., 2016).

    The states start from the units' biases without couplings.  With fewer Gibbs steps than the chains need to mix,
    the model is trained out of equilibrium and generates best after just that many Gibbs steps (Decelle et al., 2021).

    There are as many ``chains``, (chains, width), as the batch has rows unless given.

    Example:
        >>> import harmonium as hm
        >>> rbm = hm.RBM(6, 4)
        >>> hm.NaiveMCMC(chains=10, k=20)(rbm, rbm.sample_independent(5)).shape
        torch.Size([10, 6])
    """

    words = "naive Markov-chain Monte Carlo (MCMC) from new random states"

    @checked
    def __init__(self, chains: Count | None = None, k: Count = 100):
        super().__init__(k)
        self.count = chains

    @classmethod
    def make(cls, machine: Machine, seen: Tensor, *, k: int, chains: int, n_replicas: int, **draws: Any) -> Self:
        """Return the sampler, with this process's share of the chains."""
        return cls(chains // distributed.count(), k)

    @torch.no_grad()
    def forward(self, machine: Machine, positive: Tensor, *, generator: Generator | None = None) -> Tensor:
        """Return new states; as many as there are positive ones, unless told otherwise."""
        start = machine.sample_independent(self.count or len(positive), generator=generator)
        return machine.gibbs_steps(start, self.k, generator=generator)


class ExactSampler(Sampler):
    """Independent draws by enumeration of the smaller row, or of all units: for teaching, and for testing the rest.

    Example:
        >>> import harmonium as hm
        >>> rbm = hm.RBM(6, 4)  # 2⁴ hidden states are listed
        >>> hm.ExactSampler(chains=10)(rbm, rbm.sample_independent(5)).shape
        torch.Size([10, 6])
    """

    words = "exact draws by enumeration"

    @checked
    def __init__(self, chains: Count | None = None):
        super().__init__()
        self.count = chains

    @classmethod
    def make(cls, machine: Machine, seen: Tensor, *, k: int, chains: int, n_replicas: int, **draws: Any) -> Self:
        """Return the sampler, with this process's share of the draws."""
        return cls(chains // distributed.count())

    @torch.no_grad()
    def forward(self, machine: Machine, positive: Tensor, *, generator: Generator | None = None) -> Tensor:
        """Return exact draws; as many as there are positive ones, unless told otherwise."""
        return exact_sample(machine, self.count or len(positive), generator=generator)
