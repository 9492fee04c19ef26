"""How much is done, and what stands beside every figure: processor, versions, and the rows that were learned."""

import os
import platform
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import harmonium as hm
from harmonium import PCD, RBM
from harmonium.numerics import stream
from harmonium.numerics.precision import has_bfloat16
from harmonium.training import SGD


@dataclass(frozen=True)
class Size:
    """How much is done: (visible, hidden, batch) of updates, (data, hidden, goal, seconds at most) of races."""

    data: str = "mnist"
    sizes: tuple[tuple[int, int, int], ...] = ((100, 64, 10), (784, 128, 64), (784, 500, 64), (784, 500, 512))
    races: tuple[tuple[str, int, float, float], ...] = (("digits", 20, -18.5, 4.0), ("mnist", 16, -140.0, 12.0))
    threads: tuple[int, ...] = (1, 2)
    rounds: int = 5
    rows: int = 12_000
    warm: int = 200  # updates before anything is timed
    work: float = 2e9  # multiply-adds of a turn
    chains: int = 1000
    rungs: int = 30
    log_z: int = 20  # hidden units


TINY = Size("digits", ((20, 8, 4),), (("digits", 3, -26.0, 0.1),), (1,), 1, 200, 3, 1e4, 20, 3, 6)
"""Sizes that show that it runs, and nothing else."""
FLAGS = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16")
PACKAGES = ("harmonium", "torch", "numpy", "scikit-learn", "rbms", "learnergy")


def setting(device: str = "cpu") -> dict[str, str]:
    """Return the processor, its flags and what was made of them, and the versions."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "flags": " ".join(flag for flag in FLAGS if flag in _told("flags").split()) or "not told",
        "products": f"torch takes {torch.backends.cpu.get_cpu_capability()}, ONEDNN_MAX_CPU_ISA is "
        f"{os.environ.get('ONEDNN_MAX_CPU_ISA') or 'not set'}, "
        f"bfloat16 is {'' if has_bfloat16(torch.device(device)) else 'not '}had",
        "versions": ", ".join([f"Python {platform.python_version()}", *map(_version, PACKAGES)]),
    }


def _processor() -> str:
    return _told("model name") or platform.processor() or platform.machine()


def _told(what: str) -> str:
    """Return a line of what Linux tells of the processor; nothing elsewhere."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(what)), "")


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} not installed"


def bits(name: str, half: str, count: int | None = None) -> Tensor:
    """Return the rows of a data set with a name, thresholded, as float32."""
    rows = hm.data.load(name, half).binarized("threshold")[:count]
    return torch.from_numpy(np.asarray(rows, dtype=np.float32))


@cache
def rows_to_learn(name: str, count: int) -> tuple[Tensor, str]:
    """Return rows, and what they are: a data set where it can be had, else noise with as many bits on as MNIST has."""
    try:
        return bits(name, "train", count), f"thresholded {name}"
    except hm.InputError as error:
        print(f"{error}: rows are noise of the density of MNIST", flush=True)
        return torch.from_numpy((np.random.default_rng(0).random((count, 784)) < 0.13).astype(np.float32)), "noise"


def warm(v: Tensor, hidden: int, updates: int) -> RBM:
    """Return a machine after some updates of PCD-1."""
    rbm = RBM(v.shape[1], hidden, generator=0).init_from_data(v)
    chains = PCD(rbm.sample_independent(64, generator=1))
    feed = hm.data.batches(v, 64, generator=stream(2))
    steps = hm.train(rbm, feed, chains, SGD(rbm.parameters(), lr=0.05), generator=3)
    for _ in range(updates):
        next(steps)
    return rbm
