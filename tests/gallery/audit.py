"""Hold the estimator against the gallery: how often its errors, its brackets and its verdicts are right, by family.

    python tests/gallery/audit.py [--seed N] [FAMILY ...]

Two machines at a time.  Prints one line a family and one for each machine that is told wrongly; exit 1 where the
promise is broken.  The mnist families need HARMONIUM_DATA, and are left out without it.
"""

import os
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import torch
from families import FAMILIES, NEEDS_DATA
from shelf import take

from harmonium import evaluation
from harmonium.evaluation import Estimate

CLOSE = 0.3  # nats within which a value is right, whatever is said of it
ROUNDING = 1e-3  # nats of rounding in float32


@dataclass(frozen=True)
class Told:
    """What was said of one machine, and what is true: log Z, and the mean likelihood of the rows that were bounded.

    ``pair`` is the lower bound and the estimate of that likelihood, ``exact`` the truth.
    """

    name: str
    truth: float
    found: Estimate
    pair: tuple[float, float]
    exact: float
    certified: bool

    @property
    def off(self) -> float:
        """The estimate less the truth, in nats."""
        return self.found.value - self.truth

    @property
    def consistent(self) -> bool:
        """Whether it was called so."""
        return self.found.verdict == "consistent"

    def beyond(self, errors: float) -> bool:
        """Say whether the truth lies further away than so many errors."""
        return abs(self.off) > errors * self.found.error + ROUNDING

    @property
    def bracketed(self) -> bool:
        """Whether the truth lies in the bracket."""
        return self.found.low - ROUNDING <= self.truth <= self.found.high + ROUNDING

    @property
    def crossed(self) -> bool:
        """Whether the truth lies outside a pair that was certified, further than its errors."""
        low, high = self.pair
        return self.certified and not low - 0.25 - ROUNDING <= self.exact <= high + 3 * self.found.error + ROUNDING

    @property
    def alarmed(self) -> bool:
        """Whether it was called inconsistent although right."""
        return not self.consistent and abs(self.off) <= CLOSE


def evaluate_run(family: str, number: int, seed: int, *, certify: bool = True) -> Told:
    """Estimate log Z of one machine as `harmonium evaluate` does, up to 16,000 temperatures and half a minute."""
    torch.set_num_threads(1)
    liar, g = take(family, number), torch.Generator().manual_seed(seed)
    rows = liar.rows[torch.randperm(len(liar.rows), generator=g)[:10_000]]
    *_, found = evaluation.ais_until_consistent(liar.machine, rows, most=16_000, max_time=30, generator=g)
    if not certify:
        return Told(liar.name, liar.log_z, found, (0.0, 0.0), 0.0, False)
    pair = evaluation.lower_bound(liar.machine, liar.rows, found, rows, rows=50, n_betas=found.n_betas, generator=g)
    exact = pair.estimate + found.value - liar.log_z
    both = pair.bound, pair.estimate
    return Told(liar.name, liar.log_z, found, both, exact, pair.verdict == "certified")


def line(name: str, told: list[Told]) -> str:
    """Return the line of a family."""
    said = [one for one in told if one.consistent]
    share = [sum(one.beyond(k) for one in said) / max(len(said), 1) for k in (1, 2, 3)]
    worst = max((abs(one.off) for one in said), default=0.0)
    held, alarms = (sum(getattr(one, what) for one in told) / len(told) for what in ("bracketed", "alarmed"))
    certified = sum(one.certified for one in told)
    return (
        f"| {name} | {len(told)} | {len(said)} | {1 - share[0]:.0%} | {1 - share[1]:.0%} | {1 - share[2]:.1%} | "
        f"{worst:.2f} | {held:.1%} | {alarms:.1%} | {certified} |"
    )


COLUMNS = (
    "family", "machines", "consistent", "within 1 error", "2", "3", "worst, nats", "brackets hold", "false alarms",
    "certified",
)  # fmt: skip
HEADER = f"| {' | '.join(COLUMNS)} |"


def main() -> int:
    """Go through the gallery."""
    words = sys.argv[1:]
    seed = int(words.pop(words.index("--seed") + 1)) if "--seed" in words else 1
    asked = [word for word in words if word in FAMILIES] or list(FAMILIES)
    here = [family for family in asked if family not in NEEDS_DATA or os.environ.get("HARMONIUM_DATA")]
    for family in set(asked) - set(here):
        print(f"{family} is left out: HARMONIUM_DATA names no folder of data sets")
    jobs = [(family, number, seed) for family in here for number in range(FAMILIES[family][0])]
    told: dict[str, list[Told]] = defaultdict(list)
    print(HEADER + "\n|" + "---|" * len(COLUMNS))
    with ProcessPoolExecutor(2) as workers:
        for (family, number, _), one in zip(jobs, workers.map(evaluate_run, *zip(*jobs, strict=True)), strict=True):
            told[family].append(one)
            if number + 1 == FAMILIES[family][0]:
                print(line(family, told[family]), flush=True)
    every = [one for family in told.values() for one in family]
    print(line("all", every))
    said = [one for one in every if one.consistent]
    wrong = [one for one in every if not one.bracketed or one.crossed or (one.consistent and one.beyond(3))]
    for one in wrong + [one for one in every if not one.consistent and one not in wrong]:
        found = one.found
        print(f"{one.name}: {one.off:+.3f} ± {found.error:.3f}, bracket {found.low - one.truth:+.2f} to "
              f"{found.high - one.truth:+.2f}, {found.verdict}: {found.reason}")  # fmt: skip
    broken = [
        sum(one.beyond(3) for one in said) > 0.01 * len(said),
        any(abs(one.off) > 1 for one in said),
        sum(one.bracketed for one in every) < 0.99 * len(every),
        sum(one.alarmed for one in every) > 0.15 * len(every),
        any(one.crossed for one in every),
    ]
    return 1 if any(broken) else 0


if __name__ == "__main__":
    sys.exit(main())
