"""Train every machine of the gallery and write its parameters, in half precision, with its exact log Z.

    python tests/gallery/make.py [FAMILY ...]

About twenty minutes on one core.  The mnist families need HARMONIUM_DATA.
"""

import itertools
import json
import sys
from typing import Any

import torch
from families import FAMILIES, Case, seeds
from safetensors.torch import save_file
from shelf import path_of
from torch import Generator

from harmonium import CD, PCD, CenterGradient, Machine, Sampler, evaluation, train
from harmonium.storage import describe


def sampler_of(case: Case, g: Generator) -> Sampler:
    """Return the source of negative states that a case asks for."""
    how, machine = case.training, case.machine
    if how["sampler"] == "cd":
        return CD(how["k"])
    if how["sampler"] == "pcd":
        return PCD(machine.sample_independent(100, generator=g), how["k"])
    drawn = case.rows[torch.randint(len(case.rows), (100,), generator=g)]
    return PCD(machine.infer(drawn, generator=g), how["k"])


def learn(case: Case, g: Generator) -> Machine:
    """Train the machine of a case, and round its parameters to half precision."""
    machine, how, rows = case.machine, case.training, case.rows
    if how:
        machine.init_from_data(rows)
        optimizer = torch.optim.SGD(machine.parameters(), lr=how["lr"], momentum=how["momentum"])
        feed = (rows[torch.randint(len(rows), (64,), generator=g)] for _ in itertools.count())
        transforms = [CenterGradient()] if how["center"] else []
        steps = train(machine, feed, sampler_of(case, g), optimizer, transforms=transforms, generator=g)
        for _ in itertools.islice(steps, how["steps"]):
            pass
    machine.requires_grad_(False)
    for parameter in machine.parameters():
        parameter.copy_(parameter.half().float())
    return machine


def main() -> None:
    """Make the families named, or all."""
    torch.set_num_threads(1)
    for family in sys.argv[1:] or FAMILIES:
        count, make = FAMILIES[family]
        tensors, facts = {}, {}
        for number in range(count):
            machine = learn(make(family, number), seeds(family, number)[1])
            exact = evaluation.log_partition(machine).value
            name = f"{number:03}"
            tensors |= {f"{name}/{key}": p.detach().half().contiguous() for key, p in machine.named_parameters()}
            held: dict[str, Any] = {"machine": describe(machine), "log_z": exact}
            facts[name] = held
            print(f"{family} {name} log Z {exact:.6f}", flush=True)
        save_file(tensors, path_of(family), metadata={"gallery": json.dumps(facts, sort_keys=True)})


if __name__ == "__main__":
    main()
