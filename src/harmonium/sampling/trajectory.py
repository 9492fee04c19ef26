"""Trajectory tempering: a ladder whose replicas are what the machine was at earlier moments of its training."""

import copy
import math
from typing import Any, Self, cast

import torch
from torch import Generator, Tensor, nn

from .. import numerics
from ..errors import DivergenceError
from ..machines import Machine, ais_base
from ..numerics import Seed, stream
from .gibbs import gibbs_sample
from .samplers import Sampler

NEAR = 0.3  # the overlap below which the machine has come far enough to be kept
LOST = 0.1  # the overlap below which its last step was too long
EQUILIBRATE = 20  # Gibbs steps of the ladder, for each of its replicas, when it has grown
RESERVE = 10  # states in reserve for each chain


class TrajectoryTempering(Sampler):
    """Parallel trajectory tempering: chains of the machine swap states with what it was some updates ago (Béreux,
    Decelle, Furtlehner & Seoane, 2026).

    The replicas are ``start``, a machine without couplings, and the machine as it was at moments of its training.  A
    reserve of states of the last replica offers one to each chain at every update, which takes it or stays where it is
    (Hastings, 1970).  When machine and replica overlap by less than `NEAR`, the machine is kept as the next replica,
    the whole ladder takes Gibbs steps and swaps, and a new reserve is drawn from it; replicas that the new one can do
    without are dropped.  The two reserves give the difference of log Z by Bennett's ratio (Bennett, 1976), so that log
    Z is known all along.

    ``chains`` (chains, width) are the machine's own, ``ladder`` (replicas, chains, width) those of the replicas,
    ``reserve`` (reserve, width) the last replica's; ``log_z`` (replicas, 2) holds each replica's log Z in nats and its
    squared error. ``rate`` is the `overlap` of the machine with the last replica.  Where it is less than `LOST` the
    machine is ``lost``: the transform `Rollback` takes the update back.

    Example:
        >>> import harmonium as hm
        >>> rbm = hm.RBM(6, 4)
        >>> trail = hm.TrajectoryTempering(rbm.independent(), rbm, chains=20)
        >>> trail(rbm, rbm.sample_independent(5)).shape
        torch.Size([20, 6])
        >>> log_z, error = trail.log_partition(rbm)  # in nats, at no cost
    """

    chains: Tensor
    ladder: Tensor
    reserve: Tensor
    log_z: Tensor
    rate: Tensor
    age: Tensor
    count: Tensor
    words = "trajectory tempering (PTT)"

    def __init__(
        self,
        start: Machine,
        machine: Machine,
        chains: int = 100,
        k: int = 1,
        *,
        generator: Seed = None,
    ):
        generator = stream(generator, start.weights[0].device)
        super().__init__(k)
        first = copy.deepcopy(start).requires_grad_(False)
        self.replicas = nn.ModuleList([first])
        drawn = first.sample_independent((RESERVE + 2) * chains, generator=generator)
        self.register_buffer("chains", drawn[:chains])
        self.register_buffer("ladder", drawn[None, chains : 2 * chains])
        self.register_buffer("reserve", drawn[2 * chains :])
        self.register_buffer("log_z", drawn.new_tensor([[0.0, 0.0]], dtype=torch.float64))
        self.register_buffer("rate", drawn.new_tensor(1.0, dtype=torch.float64))
        self.register_buffer("age", torch.tensor(0, device=drawn.device))
        self.register_buffer("count", torch.tensor(0, device=drawn.device))
        self.log_z[0, 0] = float(first.log_partition_independent())
        self._reach(machine, generator)

    @classmethod
    def make(
        cls, machine: Machine, seen: Tensor, *, k: int, chains: int, n_replicas: int, generator: Generator | None = None
    ) -> Self:
        """Return a ladder from independent units fitted to the rows."""
        return cls(ais_base(machine, seen), machine, chains, k, generator=generator)

    def last_chains(self) -> Tensor | None:
        """Return the machine's own chains."""
        return self.chains

    @property
    def last(self) -> Machine:
        """The machine on the last replica."""
        return self.replicas[-1]  # type: ignore[return-value]

    @property
    def top(self) -> Tensor:
        """The states on the last replica, (chains, width)."""
        return self.ladder[-1]

    @property
    def own(self) -> Tensor:
        """The states of the machine in training, (chains, width)."""
        return self.chains

    @property
    def overlap(self) -> float:
        """The share of swaps between the machine and the last replica that are taken."""
        return float(self.rate)

    @property
    def lost(self) -> bool:
        """Whether the machine is out of the last replica's reach, or one step took it as far as a replica should be."""
        return float(self.rate) < (LOST if int(self.age) > 1 else NEAR)

    @torch.no_grad()
    def forward(self, machine: Machine, positive: Tensor, *, generator: Generator | None = None) -> Tensor:
        """Return the chains after a swap with the reserve and ``k`` Gibbs steps.

        Raises `DivergenceError` when the machine was lost at the update before and nothing took that back.
        """
        if self.lost:
            raise DivergenceError(
                f"the last update took the machine out of reach, to an overlap of {float(self.rate):.0%} with what it "
                "was: give train the transform Rollback(sampler, optimizer), or lower the learning rate"
            )
        drawn = numerics.permutation(len(self.reserve), generator=generator)[: len(self.chains)]
        offered = self.reserve[drawn]  # and left there: chains that lag must not spoil what they are corrected by
        self.chains, _, work = exchange(machine, self.last, self.chains, offered, generator=generator)
        self.rate, self.age = overlap(work), self.age + 1
        self.chains = gibbs_sample(machine, self.chains, self.k, generator=generator)
        if not self.lost and float(self.rate) < NEAR:
            self.keep(machine, generator=generator)
        return self.chains

    @torch.no_grad()
    def keep(self, machine: Machine, *, generator: Generator | None = None) -> None:
        """Make the machine, as it is now, the next replica."""
        below, before = self.last, self.reserve
        odds = torch.softmax((below.free_energy(before) - machine.free_energy(before)).double(), 0)
        begun = before[numerics.categorical(odds, len(self.chains), generator=generator)]
        self.replicas.append(copy.deepcopy(machine).requires_grad_(False))
        self.ladder = torch.cat([self.ladder, begun[None]])
        gibbs_steps = EQUILIBRATE * len(self.replicas)
        self.advance(machine, gibbs_steps // 2, generator=generator)
        drawn = []
        for _ in range(RESERVE):
            self.advance(machine, gibbs_steps // 2 // RESERVE, generator=generator)
            drawn.append(self.top)
        self.reserve = torch.cat(drawn)
        gained = bennett(below, machine, before, self.reserve)
        self.log_z = torch.cat([self.log_z, self.log_z[-1:] + self.log_z.new_tensor([[gained[0], gained[1] ** 2]])])
        self._shorten()
        self.chains, self.rate, self.age = self.top.clone(), torch.ones_like(self.rate), torch.zeros_like(self.age)

    def log_partition(self, machine: Machine) -> tuple[float, float]:
        """Return log Z of the machine in nats, and its standard error, from the chains and the reserve."""
        gained, error = bennett(self.last, machine, self.reserve, self.chains)
        below, squared = self.log_z[-1].tolist()
        return below + gained, math.sqrt(squared + error**2)

    @torch.no_grad()
    def advance(self, machine: Machine, gibbs_steps: int, *, generator: Seed = None) -> None:
        """Take ``gibbs_steps`` Gibbs steps and swaps of all replicas, where even and odd pairs take turns.

        The replicas stay as they are: of ``machine``, the one in training, nothing is asked.
        """
        generator = stream(generator, self.chains.device)
        start, *rest = self.replicas
        for _ in range(gibbs_steps):
            drawn = start.sample_independent(len(self.top), generator=generator)  # type: ignore[operator]
            x = [drawn, *(m.gibbs(s, generator=generator) for m, s in zip(rest, self.ladder[1:], strict=True))]  # type: ignore[operator]
            for low in range(int(self.count) % 2, len(x) - 1, 2):
                a, b = cast("tuple[Machine, Machine]", tuple(self.replicas[low : low + 2]))
                x[low], x[low + 1], _ = exchange(a, b, x[low], x[low + 1], generator=generator)
            self.ladder, self.count = torch.stack(x), self.count + 1

    def fresh(self, *, generator: Seed = None) -> Self:
        """Return a ladder of the same replicas whose states start anew, without couplings."""
        generator = stream(generator, self.chains.device)
        other = copy.deepcopy(self)
        states = self.replicas[0].sample_independent(self.ladder[..., 0].numel(), generator=generator)  # type: ignore[operator]
        other.ladder = states.view_as(self.ladder)
        return other

    @torch.no_grad()
    def roll_back(self, machine: Machine) -> None:
        """Take a machine that is lost back to the last replica, and its chains into the reserve."""
        for parameter, value in zip(machine.parameters(), self.last.parameters(), strict=True):
            parameter.copy_(value)
        self.chains = self.reserve[-len(self.chains) :].clone()
        self.rate, self.age = torch.ones_like(self.rate), torch.zeros_like(self.age)

    def _shorten(self) -> None:
        """Drop the replicas between the first that overlaps with the last one and it."""
        new = self.last
        for k, (replica, x) in enumerate(zip(self.replicas[:-1], self.ladder[:-1], strict=True)):
            if overlap(new.free_energy(x) - replica.free_energy(x)) >= NEAR:  # type: ignore[operator]
                kept = [*range(k + 1), len(self.replicas) - 1]
                self.replicas = nn.ModuleList(self.replicas[i] for i in kept)
                self.ladder, self.log_z = self.ladder[kept], self.log_z[kept]
                return

    @torch.no_grad()
    def _reach(self, machine: Machine, generator: Generator | None) -> None:
        """Keep machines on the straight line from the last replica to this one, each near the one before."""
        part = 0.0
        while part < 1:
            step = 1 - part
            while True:
                near = between(self.last, machine, min(1.0, step / (1 - part)))
                if overlap(near.free_energy(self.reserve) - self.last.free_energy(self.reserve)) >= NEAR:
                    break
                step /= 2
            self.keep(near, generator=generator)
            part += step

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Take as many replicas as were saved."""
        self.replicas = self.replicas[: len(state_dict[f"{prefix}log_z"])]
        while len(self.replicas) < len(state_dict[f"{prefix}log_z"]):
            self.replicas.append(copy.deepcopy(self.last))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def extra_repr(self) -> str:
        """Return what ``print`` shows."""
        return f"n_replicas={len(self.replicas)}, k={self.k}"


def exchange(
    a: Machine, b: Machine, x: Tensor, y: Tensor, *, generator: Generator | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Swap states x of a with y of b, each pair with probability min(1, exp(F_a(x) + F_b(y) − F_a(y) − F_b(x))).

    Return the states of a, those of b, and F_a − F_b at the states that b offered.
    """
    work = (a.free_energy(y) - b.free_energy(y)).double()
    odds = (a.free_energy(x) - b.free_energy(x)).double() - work
    taken = (numerics.uniform(odds, generator=generator).log() < odds)[..., None]
    return torch.where(taken, y, x), torch.where(taken, x, y), work


def overlap(work: Tensor) -> Tensor:
    """Return the share of swaps between machines a and b that would be taken, from F_b − F_a at states of a.

    With weights w ∝ exp(−work), which turn the states into those of b, it is the mean of min(wᵢ, wⱼ) over all pairs by
    the mean of w: one less the Gini coefficient of the weights.
    """
    share, n = torch.softmax(-work.double(), 0).sort().values, len(work)
    return (share * torch.arange(2 * n - 1, 0, -2, device=work.device)).sum() / n


@torch.no_grad()
def bennett(a: Machine, b: Machine, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Return log Z_b − log Z_a in nats, and its standard error, from states x of a and y of b."""
    forward = (b.free_energy(x) - a.free_energy(x)).double()
    return numerics.bennett(forward, (a.free_energy(y) - b.free_energy(y)).double())


@torch.no_grad()
def between(a: Machine, b: Machine, part: float) -> Machine:
    """Return a machine whose parameters are ``part`` of the way from those of a to those of b."""
    made = copy.deepcopy(b).requires_grad_(False)
    for value, begun in zip(made.parameters(), a.parameters(), strict=True):
        value.copy_(torch.lerp(begun, value, part))
    return made
