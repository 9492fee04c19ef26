"""``harmonium doctor``."""

import os
import tempfile
from pathlib import Path

from ..errors import InputError
from . import console


def doctor() -> None:
    """Tell what is installed, which data are found, whether files can be written, and how fast a step is."""
    from ..runs.directory import environment

    found = environment()
    names = ("harmonium", "python", "torch", "numpy", "platform", "cpus", "threads", "cuda")
    rows = [[name, str(found[name])] for name in names]
    rows += [["data directory", os.environ.get("HARMONIUM_DATA") or "not set (HARMONIUM_DATA)"]]
    rows += [[name, _where(name)] for name in ("digits", "mnist", "fashion-mnist")]
    rows += [["runs can be written", _writable()], ["one step of 784×500, batch 100", _speed()]]
    rows += [["law of the sampler", _law()]]
    console.table(["", ""], rows)


def _where(name: str) -> str:
    """Return where a data set lies on this machine, without downloading it."""
    from ..data import registry

    if name == "digits":
        return "in scikit-learn"
    folder = registry.local(name)
    return str(folder) if folder else "not here; downloaded when first used"


def _writable() -> str:
    try:
        with tempfile.NamedTemporaryFile(dir=Path.cwd()):
            return "yes, here"
    except OSError as error:
        raise InputError(f"{Path.cwd()} cannot be written ({error.strerror}): work in another directory") from None


def _speed() -> str:
    import time

    import torch

    from .. import CD, RBM, Bernoulli, numerics, train

    g = torch.Generator().manual_seed(0)
    machine = RBM(Bernoulli(784), Bernoulli(500), generator=g)
    v = (numerics.uniforms((100, 784), generator=g) < 0.2).float()
    loop = train(machine, [v] * 30, CD(), torch.optim.SGD(machine.parameters(), lr=0.01), generator=g)
    for step in loop:
        if step.index == 9:
            began = time.perf_counter()
    return f"{(time.perf_counter() - began) / 20 * 1000:.1f} ms (CD-1)"


def _law() -> str:
    """Start 20,000 chains exactly, Gibbs step, and compare with enumeration."""
    import torch

    from .. import RBM, Bernoulli, ExactSampler, numerics, run

    g = torch.Generator().manual_seed(0)
    machine = RBM(Bernoulli(3), Bernoulli(2), generator=g).requires_grad_(False)
    machine.weight.copy_(numerics.normal(machine.weight, generator=g))
    states = machine.even.states()
    p = torch.softmax(-machine.free_energy(states), 0)
    x = run(machine, ExactSampler(20_000)(machine, states, generator=g), 4, generator=g)
    seen = (x[:, None] == states).all(-1).float().mean(0)
    worst = float(((seen - p).abs() / (p * (1 - p) / 20_000).sqrt()).max())
    return f"{'kept' if worst < 5 else 'BROKEN'}: largest deviation {worst:.1f} standard errors"
