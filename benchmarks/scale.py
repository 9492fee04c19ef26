"""Sampling, annealing, PCD-10, deep machines and exact log Z, beside the products of each."""

from collections.abc import Iterator
from typing import Any

import torch
from interleave import Work, turns
from peers import Asked, ours, products, taking
from setting import Size, rows_to_learn, warm
from torch import Tensor

import harmonium as hm
from harmonium import CD, DBM, DBN, PCD, RBM, evaluation, gibbs_sample
from harmonium.evaluation.ais import climb
from harmonium.machines import abreast, ais_base
from harmonium.numerics import stream
from harmonium.training import SGD, updown

Case = tuple[str, dict[str, Work], int]
"""What is done, who does it, and how often in a turn."""


def scale(size: Size, threads: int) -> Iterator[dict[str, Any]]:
    """Time each case; ratios are to the products alone, or to the first where there are none."""
    v, hidden = rows_to_learn(size.data, size.rows)[0], size.sizes[-1][1]
    torch.set_num_threads(threads)
    for what, works, count in [*chains(v, hidden, size), *deep(v, hidden), *growth(v, hidden)]:
        found = {one.name: one.seconds for one in turns(works, count, rounds=min(3, size.rounds), threads=threads)}
        base = found.get("products alone", next(iter(found.values())))
        for name, seconds in found.items():
            yield {
                "what": what, "visible": v.shape[1], "hidden": hidden, "work": name, "threads": threads,
                "precision": "float32", "ms": 1000 * seconds, "ratio": seconds / base,
            }  # fmt: skip


def chains(v: Tensor, hidden: int, size: Size) -> Iterator[Case]:
    """Yield what has chains alone, and exact log Z."""
    rbm, small = warm(v, hidden, size.warm), RBM(v.shape[1], size.log_z, generator=0)
    asked, many = Asked(size.chains // 2, 0.01, 10), size.chains

    start = ais_base(rbm, v)
    x = start.sample_independent(many, generator=1)[None]

    def annealing(rungs: int) -> object:
        betas = torch.linspace(0, 1, rungs + 1, dtype=torch.float64)[:, None]
        return climb(abreast([start]), rbm, betas, x, generator=0)

    def alone(states: int, ups: int) -> Work:
        w, x, y = rbm.weight.detach(), v[:1].expand(states, -1).contiguous(), torch.ones(states, hidden)
        return lambda count: [(y @ w.T, *(x @ w for _ in range(ups))) for _ in range(count)]

    def sampling(steps: int) -> Tensor:
        return gibbs_sample(rbm, v[:64], steps, generator=0)

    ten = products(v.shape[1], hidden, asked.batch, k=10)
    yield "a Gibbs step of 64 chains", {"harmonium": sampling, "products alone": alone(64, 1)}, 4 * size.rungs
    yield (
        f"a rung of annealing, {many} chains: a Gibbs step, two free energies",
        {"harmonium": annealing, "products alone": alone(many, 2)},
        size.rungs,
    )
    training = {"harmonium": ours(v, rbm, asked).work, "products alone": ten}
    yield f"an update of PCD-10, batch {asked.batch}", training, 2
    yield (
        f"exact log Z, {size.log_z} hidden units",
        {"harmonium": lambda times: [evaluation.log_partition(small) for _ in range(times)]},
        1,
    )


def deep(v: Tensor, hidden: int) -> Iterator[Case]:
    """Yield the updates of two layers, by up-down and of a deep Boltzmann machine, beside one layer's."""
    layers = [RBM(v.shape[1], hidden, generator=0), RBM(hidden, hidden, generator=1)]
    network, dbm = DBN.stack(layers), DBM(v.shape[1], hidden, hidden, infer_steps=10, generator=2)
    feed, pcd = hm.data.batches(v, 100, generator=stream(3)), PCD(dbm.sample_independent(100, generator=4))
    first = layers[0]
    steps = {
        "one layer, CD-1": hm.train(first, feed, CD(), SGD(first.parameters(), lr=0.01), generator=5),
        "up-down": updown(network, feed, SGD(network.parameters(), lr=0.01), generator=6),
        "DBM": hm.train(dbm, feed, pcd, SGD(dbm.parameters(), lr=0.01), generator=7),
    }
    yield "an update of two layers, batch 100", {name: taking(each) for name, each in steps.items()}, 5


def growth(v: Tensor, hidden: int) -> Iterator[Case]:
    """Yield updates of twice and four times the rows, the hidden units or the Gibbs steps."""
    for what in ("rows", "hidden units", "Gibbs steps"):
        works = {}
        for n in (1, 2, 4):
            rows, units, k = (n if what == one else 1 for one in ("rows", "hidden units", "Gibbs steps"))
            works[f"× {n}"] = ours(v, RBM(v.shape[1], units * hidden, generator=0), Asked(64 * rows, 0.01, 4 * k)).work
        yield f"an update of PCD-4, batch 64, more {what}", works, 4
