"""Model and run files from a stranger: refused in one line, and nothing that they hold is run."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from harmonium.storage import FORMAT

CHILD = """
import json, sys
from pathlib import Path

import torch, numpy, yaml, safetensors.torch
import harmonium
from harmonium.errors import InputError
from harmonium.fitting import Run, checkpoints

seen = []
WATCHED = "os.system os.exec os.posix_spawn subprocess.Popen pickle.find_class socket.connect os.fork".split()
sys.addaudithook(lambda event, args: seen.append(event) if event in WATCHED else None)
doors = {
    ".safetensors": harmonium.load,
    ".yaml": lambda p: Run.open(p.parent),
    ".json": lambda p: checkpoints.latest(p.parents[2]),
}
for path in map(Path, sys.argv[1:]):
    seen.clear()
    try:
        doors.get(path.suffix, harmonium.data.load)(path)
        said = "opened"
    except InputError as error:
        said = "refused" if "\\n" not in str(error) else "told in several lines"
    print(json.dumps([str(path), said, seen, Path("ran").exists()]), flush=True)
"""


class Payload:
    def __reduce__(self):
        import os

        return os.system, ("touch ran",)


def model(facts, tensors=None):
    """Return the bytes of a safetensors file of our own format with hostile facts."""
    from safetensors.torch import save

    held = {"weight": torch.zeros(2, 3)} if tensors is None else tensors
    return save(held, metadata={"harmonium": json.dumps({"format": FORMAT, **facts})})


def nested(depth):
    return "[" * depth + "]" * depth


def torch_saved(place):
    torch.save(Payload(), place)
    return place.read_bytes()


def array_of_objects(place):
    np.save(place, np.array([Payload()], dtype=object), allow_pickle=True)
    return place.read_bytes()


def archive_of_objects(place):
    np.savez(place, x=np.array([[Payload()]], dtype=object))
    return place.read_bytes()


def wide(width):
    return {"model": {"kind": "RBM", "visible": {"kind": "Bernoulli", "width": width},
                      "hidden": {"kind": "Bernoulli", "width": 3}}}  # fmt: skip


INFINITE = {"weight": torch.full((2, 3), float("inf")), "visible.bias": torch.zeros(2), "hidden.bias": torch.zeros(3)}
HOSTILE = {
    "pickle.safetensors": lambda p: pickle.dumps(Payload()),
    "torch.safetensors": torch_saved,
    "no_machine.safetensors": lambda p: model({}),
    "call.safetensors": lambda p: model({"model": {"kind": "__import__('os').system", "command": "touch ran"}}),
    "other_kind.safetensors": lambda p: model({"model": {"kind": "Sampler"}}),
    "dunder.safetensors": lambda p: model({"model": {"kind": "RBM", "__class__": 1, "visible": {"kind": "Spin"}}}),
    "list.safetensors": lambda p: model({"model": [1, 2, 3]}),
    "negative.safetensors": lambda p: model(wide(-4)),
    "huge.safetensors": lambda p: model(wide(10**15)),
    "text.safetensors": lambda p: model(wide("touch ran")),
    "infinite.safetensors": lambda p: model(wide(2), INFINITE),
    "deep.safetensors": lambda p: (n := nested(100_000).encode()) and len(n).to_bytes(8, "little") + n,
    "no_header.safetensors": lambda p: (2**63).to_bytes(8, "little"),
    "objects.npy": array_of_objects,
    "objects.npz": archive_of_objects,
    "run/config.yaml": lambda p: b"!!python/object/apply:os.system ['touch ran']\n",
    "run2/config.yaml": lambda p: b"data: digits\nhidden: !!python/name:os.system\nsteps: 3\n",
    "run3/checkpoints/000000001/manifest.json": lambda p: nested(100_000).encode(),
    "run4/checkpoints/000000001/manifest.json": lambda p: pickle.dumps(Payload()),
    "table.csv": lambda p: b"__import__('os').system('touch ran'),1\n2,3\n",
}


@pytest.fixture(scope="module")
def met(tmp_path_factory):
    """Return what one process said to each file, what it ran meanwhile, and whether a payload has run; and its end."""
    place = tmp_path_factory.mktemp("hostile")
    for name, make in HOSTILE.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(make(place / name))
    done = subprocess.run([sys.executable, "-c", CHILD, *HOSTILE], capture_output=True, text=True, cwd=place)
    told = map(json.loads, done.stdout.splitlines())
    return {name: rest for name, *rest in told}, done


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_strangers_file_is_refused_and_nothing_runs(name, met):
    told, done = met
    assert told.get(name) == ["refused", [], False], done.stdout + done.stderr[-1500:]


def test_the_process_that_met_them_ended_well(met):
    assert (met[1].returncode, met[1].stderr) == (0, "")
