"""What a graphics card does, in one call: ``python benchmarks/gpu.py`` writes ``gpu.md`` and ``gpu.json``.

Parity with the processor first, then the speed of updates beside the products alone, annealing, sampling, how often the
processor waits for the card, memory, and `rbms` on the same machine.  Without a card it runs on the processor with tiny
sizes, which shows that it runs and nothing else.  Parts begin only while time is left.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from bench import write
from peers import Asked, Learner, available, rbms, taking
from setting import bits, rows_to_learn, setting
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

import harmonium as hm
from harmonium import CD, PCD, RBM, evaluation, gibbs_sample
from harmonium.numerics import products, stream
from harmonium.numerics.random import keyed_bernoulli
from harmonium.training import SGD

Row = dict[str, Any]
WAITS = ("aten::_local_scalar_dense", "cudaStreamSynchronize", "cudaDeviceSynchronize")


@dataclass(frozen=True)
class Load:
    """How much is done: (visible, hidden, batch) of updates, chains and rungs, and the machine set beside `rbms`."""

    sizes: tuple[tuple[int, int, int], ...] = ((784, 500, 512), (784, 2000, 2048), (4096, 4096, 4096))
    seconds: float = 2.0  # of each timing
    chains: int = 10_000
    rungs: int = 10_000
    burn: int = 200  # Gibbs steps of a survey before annealing
    steps: int = 1000
    hidden: int = 1024
    batch: int = 2000
    updates: int = 500
    exact: tuple[int, int] = (784, 20)
    rows: int = 60_000
    data: str = "mnist"


TINY = Load(((12, 8, 6),), 0.01, 20, 4, 4, 3, 5, 10, 3, (12, 6), 200, "digits")


def timed(work: Callable[[int], object], device: torch.device, seconds: float) -> float:
    """Return the seconds of one of what ``work`` does so many of: a first call, then the median of three turns."""
    found, count = [], 1
    for _ in range(4):
        wait(device)
        since = time.perf_counter()
        work(count)
        wait(device)
        found.append((time.perf_counter() - since) / count)
        count = max(1, int(seconds / 3 / min(found)))
    return sorted(found[1:])[1]


def wait(device: torch.device) -> None:
    """Wait until the card has done what it was asked to."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def parity(load: Load, device: torch.device) -> Iterator[Row]:
    """Hold the card to the processor: draws to the bit, gradients and log Z to rounding, annealing to its error."""
    host, card = (RBM(*load.exact, generator=0, device=place) for place in ("cpu", device))
    for machine in (host, card):
        machine.weight.data *= 20
    v = host.sample_independent(512, generator=1)
    key, field = torch.tensor(2**62 - 5), 3 * torch.randn(257, 300, generator=stream(2))
    drawn = keyed_bernoulli(field, field.new_zeros(300), key)
    again = keyed_bernoulli(field.to(device), field.new_zeros(300).to(device), key.to(device)).cpu()
    yield {"what": "draws that differ, of 77,100", "found": float((drawn != again).sum()), "at most": 0.0}
    for machine, states in ((host, v), (card, v.to(device))):
        machine.contrastive_loss(states[:256], states[256:]).backward()
    far = max(
        float((a.grad - b.grad.cpu()).abs().max()) for a, b in zip(host.parameters(), card.parameters(), strict=True)
    )
    yield {"what": "gradients, largest difference", "found": far, "at most": 1e-5}
    truth, value = evaluation.log_partition(host).value, evaluation.log_partition(card).value
    yield {"what": "exact log Z, relative difference", "found": abs(value / truth - 1), "at most": 1e-10}
    found = annealed(card, load, 1000)
    far = abs(found.value - truth) / found.error
    yield {"what": "annealed log Z, errors away", "found": far, "at most": 5.0}


def annealed(rbm: RBM, load: Load, most: int) -> evaluation.Estimate:
    """Return log Z by at most so many chains and rungs."""
    chains, rungs = min(most, load.chains), min(most, load.rungs)
    return evaluation.ais(rbm, chains=chains, n_betas=rungs, burn=load.burn, generator=3)


PRECISIONS = {"float32": "highest", "TF32": "high", "bfloat16": "highest"}
"""What torch is told of float32 products in each."""


def updates(load: Load, device: torch.device) -> Iterator[Row]:
    """Time updates of CD-1, PCD-1 and PCD-10 beside their products alone, dense, in the same precision."""
    for visible, hidden, batch in load.sizes:
        v = torch.bernoulli(torch.full((8 * batch, visible), 0.2), generator=stream(0)).to(device)
        for precision, words in PRECISIONS.items():
            torch.set_float32_matmul_precision(words)
            kind = "bfloat16" if precision == "bfloat16" else "float32"
            for name, k in (("CD", 1), ("PCD", 1), ("PCD", 10)):
                with products(kind, device):
                    spent = timed(taking(training(v, hidden, batch, name, k)), device, load.seconds)
                floor = timed(alone(visible, hidden, batch, getattr(torch, kind), k, device), device, load.seconds)
                yield {
                    "visible": visible, "hidden": hidden, "batch": batch, "work": f"{name}-{k}", "precision": precision,
                    "updates a second": 1 / spent, "products alone": 1 / floor, "ratio": spent / floor,
                }  # fmt: skip
    torch.set_float32_matmul_precision("highest")


def training(v: Tensor, hidden: int, batch: int, name: str, k: int) -> Iterator[object]:
    """Return the steps of a training on rows that lie on the card."""
    rbm = RBM(v.shape[1], hidden, generator=0, device=v.device)
    g = stream(1, v.device)
    sampler = CD(k) if name == "CD" else PCD(rbm.sample_independent(batch, generator=g), k)
    feed = hm.data.batches(v, batch, generator=g)
    return hm.train(rbm, feed, sampler, SGD(rbm.parameters(), lr=0.01), generator=g)


def alone(
    visible: int, hidden: int, batch: int, kind: torch.dtype, k: int, device: torch.device
) -> Callable[[int], None]:
    """Return the products of CD-k and nothing else."""
    w, v, h = (
        torch.randn(shape, device=device).to(kind) for shape in ((visible, hidden), (batch, visible), (batch, hidden))
    )

    def work(count: int) -> None:
        for _ in range(count):
            for _ in range(k):
                v @ w, h @ w.T
            v @ w, v.T @ h, v.T @ h

    return work


def chains(load: Load, device: torch.device) -> Iterator[Row]:
    """Time annealing and sampling of many chains, as whole runs."""
    visible, hidden, _ = load.sizes[0]
    rbm = RBM(visible, hidden, generator=0, device=device).requires_grad_(False)
    v = rbm.sample_independent(load.chains, generator=1)

    def anneal(rungs: int) -> object:
        return evaluation.ais(rbm, chains=load.chains, n_betas=max(2, rungs), burn=1, generator=2)

    few = timed(lambda _: anneal(max(2, load.rungs // 100)), device, 0.0)
    rungs = load.rungs if 100 * few < 60 else max(2, load.rungs // 10)
    since = time.perf_counter()
    anneal(rungs)
    yield {"what": f"annealing, {load.chains} chains, {rungs} rungs", "seconds": time.perf_counter() - since}
    spent = timed(lambda _: gibbs_sample(rbm, v, load.steps, generator=3), device, 0.0)
    yield {"what": f"sampling, {load.chains} chains, {load.steps} Gibbs steps", "seconds": spent}


def waiting(load: Load, device: torch.device) -> Iterator[Row]:
    """Count how often the processor waits for the card in an epoch of a `Trainer`, and the memory that it takes."""
    rows = rows_to_learn(load.data, load.rows)[0].numpy()
    config = hm.TrainConfig(hidden=load.hidden, batch_size=load.batch, epochs=3, device=str(device), seed=1)
    trainer = hm.Trainer(config, rows, save_every=1e9)
    steps = trainer.steps()
    while next(steps).epoch is None:
        pass
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
    with profile(activities=kinds) as watched:
        for _ in range(trainer.each - 1):  # the last of an epoch measures figures, which wait
            next(steps)
    counts = {event.key: event.count for event in watched.key_averages()}
    waits = sum(counts.get(name, 0) for name in WAITS)
    peak = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else 0.0
    yield {"updates": trainer.each - 1, "waits": waits, "most memory, MB": peak}


def beside_rbms(load: Load, device: torch.device) -> Iterator[Row]:
    """Train the same machine by PCD-10 as `rbms` does: as many updates, and as long; annealed likelihood of both."""
    if not available("rbms, PCD"):
        return
    v, test = rows_to_learn(load.data, load.rows)[0].to(device), bits_or_none(load.data)
    start, asked = RBM(v.shape[1], load.hidden, generator=0).init_from_data(v.cpu()), Asked(load.batch, 0.01, 10)
    learners = {"rbms": rbms(v, start.to(device), asked, chains=load.batch)}
    learners |= {name: trained(v, start, asked) for name in ("harmonium, as many updates", "harmonium, as long")}
    limit = 0.0
    for name, learner in learners.items():
        learner.work(3)
        wait(device)
        since, taken = time.perf_counter(), 0
        while taken < load.updates or (name.endswith("as long") and time.perf_counter() - since < limit):
            learner.work(10)
            wait(device)
            taken += 10
        spent = time.perf_counter() - since
        limit = limit or spent
        machine, rows = learner.machine().to(device), v[:2000] if test is None else test.to(device)
        log_z = annealed(machine, load, 2000)
        found = evaluation.log_likelihood(machine, rows, log_z)
        yield {"work": name, "updates": taken, "seconds": spent, "log-likelihood": found.value, "error": found.error}


def bits_or_none(name: str) -> Tensor | None:
    """Return test rows, where there are any."""
    try:
        return bits(name, "test", 2000)
    except hm.InputError:
        return None


def trained(v: Tensor, start: RBM, asked: Asked) -> Learner:
    """Return harmonium's PCD-k with centered gradients, from the same machine and on the same rows."""
    rbm = RBM(*start.weight.shape, device=v.device)
    rbm.load_state_dict(start.state_dict())
    g = stream(1, v.device)
    sampler = PCD(rbm.sample_independent(asked.batch, generator=g), asked.k)
    feed, optimizer = hm.data.batches(v, asked.batch, generator=g), SGD(rbm.parameters(), lr=asked.lr)
    steps = hm.train(rbm, feed, sampler, optimizer, transforms=[hm.CenterGradient()], generator=g)
    return Learner(taking(steps), lambda: rbm)


PARTS = {
    "The card beside the processor": parity,
    "Updates": updates,
    "Many chains": chains,
    "Waiting in an epoch": waiting,
    "Beside rbms": beside_rbms,
}


def main(words: list[str]) -> int:
    """Run the parts while time is left, write what they found, and return 1 where the card failed parity."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(), help="folder of gpu.json and gpu.md")
    parser.add_argument("--seconds", type=float, default=420.0, help="no part begins after so many")
    parser.add_argument("--each", type=float, default=Load.seconds, help="seconds of each timing of updates")
    given = parser.parse_args(words)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    load, since, told = (
        TINY if device.type == "cpu" else Load(seconds=given.each),
        time.perf_counter(),
        setting(str(device)),
    )
    told["card"] = torch.cuda.get_device_name(device) if device.type == "cuda" else "none: tiny sizes on the processor"
    given.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[Row]] = {}
    for title, part in PARTS.items():
        if time.perf_counter() - since > given.seconds:
            print(f"{title}: left out, {given.seconds:.0f} seconds are over", flush=True)
            continue
        found[title] = list(part(load, device))
        told["seconds"] = f"{time.perf_counter() - since:.0f}"
        write(found, told, given.out, "gpu")
    return int(any(row["found"] > row["at most"] for row in found.get("The card beside the processor", ())))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
