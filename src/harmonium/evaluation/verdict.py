"""What an estimate of log Z can be trusted for: every test that it must pass, and which one it failed."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .strata import Strata, by_start

APART = 4.0  # errors by which two sides may differ
PRECISE = 0.25  # nats of error above which a value is no value
RARE = 5.0  # nats by which an unbiased estimate is too high once in e⁵ = 148
HEAVIER = 2.0  # nats by which a state must outweigh all chains on the way up to count as out of their reach
MORE = "take more temperatures (--n-betas), which looks for more basins too"


@dataclass(frozen=True)
class Evidence:
    """Everything that speaks for or against a value of log Z.

    ``up`` and ``down`` are log Z forwards and backwards; ``climbs`` (starts, chains) the log-weights on the way up with
    the basins ``ends`` in which they ended, those of the basins' own starts last; ``falls`` (basins, states, chains)
    what each chain on the way down implies, several for each state that they begin from; ``certificate`` a lower bound
    on log Z.
    """

    up: Strata
    down: Strata
    climbs: Tensor
    ends: Tensor
    falls: Tensor
    certificate: float

    @property
    def value(self) -> float:
        """The estimate, no lower than what is certain."""
        return max(self.up.value, self.certificate)

    @property
    def error(self) -> float:
        """One standard error of the value, in nats.

        Forward weights that are all alike say nothing of what they missed; where the way back differs and is less
        sure, its doubt is taken over.
        """
        return math.hypot(self.up.error, min(self.down.error, abs(self.up.value - self.down.value)))

    @property
    def bracket(self) -> tuple[float, float]:
        """The lowest and highest log Z: three errors about both ways, no less than the certificate, no start left out.

        A way back from states that the machine hardly ever takes lies too low, but an unbiased estimate is rarely far
        too high, P(log Ẑ > log Z + b) ≤ e⁻ᵇ: it counts down to six nats.
        """
        up, down = (self.value, self.error), (self.down.value, self.down.error)
        low = min(up[0] - 3 * up[1], max(down[0] - 3 * down[1], up[0] - 6))
        ends = [up[0] + 3 * up[1], down[0] + 3 * down[1], self.beyond_reach()]
        ends += [float(total) for total in torch.logsumexp(self.climbs, 1) - math.log(self.climbs.shape[1])]
        return max(low, self.certificate), max(*ends, self.certificate)

    def beyond_reach(self) -> float:
        """Return log Z if the states that the way up does not reach had all the mass that it can miss.

        Such a state outweighs every chain on the way up in its basin, each time that a chain leads down from it.  With
        no chain of n there, the share of chains that would end there is at most 3/n.
        """
        n, missed = self.climbs.shape[1], [self.up.value]
        for implied, reached in zip(self.falls, self._reach(), strict=True):
            heavy = implied[(implied > reached + HEAVIER).all(-1)]
            if len(heavy) > 1:
                missed.append(math.log(3 * heavy.numel() / n) - float((-heavy).logsumexp((0, 1))))
        return float(torch.tensor(missed, dtype=torch.float64).logsumexp(0))

    def _reach(self) -> list[float]:
        """Return the heaviest chain on the way up in each basin."""
        none = torch.full_like(self.climbs, -math.inf)
        return [float(torch.where(self.ends == k, self.climbs, none).max()) for k in range(len(self.falls))]

    def verdict(self) -> tuple[str, str]:
        """Return the verdict and its reason."""
        for doubt in self._doubts():
            return "inconsistent", doubt
        count, back = len(self.falls), self.down.value
        basins = "one basin" if count == 1 else f"{count} basins"
        return "consistent", (
            f"{basins}, {self.up.ess:.0f} effective chains; the ways up and back agree in each, {back:.2f} on the way "
            f"back, and the states met hold {self.certificate:.2f}"
        )

    def _doubts(self) -> Iterator[str]:
        """Give the tests that failed, the gravest first."""
        value, error = self.value, self.error
        if self.certificate > self.up.value + 3 * error:
            yield (
                f"states that were met hold {self.certificate - self.up.value:.2f} nats more than the estimate: every "
                f"start misses a mode; {MORE}"
            )
        if self.beyond_reach() > value + max(3 * error, 0.02):
            yield f"states of the machine outweigh every chain on the way up: a mode is out of their reach; {MORE}"
        yield from self._other_starts()
        yield from self._two_ways()
        if not error <= PRECISE:
            yield f"the error is {error:.2f} nats, with {self.up.ess:.1f} effective chains; {MORE}"

    def _other_starts(self) -> Iterator[str]:
        """Compare what each start alone says of each basin with the value."""
        values, errors = by_start(self.climbs, self.ends, len(self.falls))
        share = torch.exp(values - self.up.value)
        gain = share - self.up.shares
        scale = torch.sqrt((share * errors).nan_to_num(0) ** 2 + self.error**2).clamp_min(1e-3)
        worst = (gain / scale).nan_to_num(0)
        s, k = divmod(int(worst.argmax()), len(self.falls))
        total = torch.logsumexp(values, 1) - self.up.value
        if float(worst[s, k]) > APART or float(total.max()) > RARE:
            more = float(torch.log1p(gain[s, k])) if float(worst[s, k]) > APART else float(total.max())
            yield (
                f"another start finds {more:.2f} nats more, in basin {k + 1}: the machine has grown modes where its "
                f"own start does not lead; {MORE}"
            )

    def _two_ways(self) -> Iterator[str]:
        """Compare the ways up and back, in each basin and over all."""
        up, down = self.up, self.down
        back = torch.exp(down.parts - up.value)
        errors = torch.hypot((up.shares * up.errors).nan_to_num(0), back * down.errors)
        off = (up.shares - back) / errors.clamp_min(1e-3)
        k = int(off.abs().argmax())
        if float(off[k].abs()) > APART:
            gap = float(up.parts[k] - down.parts[k])
            yield (
                f"in basin {k + 1}, {float(up.shares[k]):.0%} of Z, the way back gives {abs(gap):.2f} nats "
                f"{_side(gap)} ({float(off[k].abs()):.1f} errors); {MORE}"
            )
        gap = up.value - down.value
        if abs(gap) > APART * math.hypot(up.error, down.error):
            yield f"the way back gives {down.value:.2f}, {abs(gap):.2f} nats {_side(gap)}; {MORE}"


def _side(gap: float) -> str:
    return "less" if gap > 0 else "more"
