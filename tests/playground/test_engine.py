"""The engine of the exported page beside the library: the same energies, and Gibbs steps that keep the distribution."""

import copy
import json
import shutil
import subprocess

import numpy as np
import pytest
import torch

import harmonium as hm
from harmonium.machines import label_log_probs
from harmonium.playground.export import bundled, machine
from laws import exact_states, odd_probabilities, probabilities, randomized, row_of, same_distribution
from marks import slow_but

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node to run the page's engine in")
MACHINES = {
    "binary": lambda: hm.RBM(5, 4),
    "spins": lambda: hm.RBM(hm.Spin(5), hm.Spin(3)),
    "labeled": lambda: hm.RBM(hm.Concat(4, hm.Potts(1, 3)), 3),
    "sites": lambda: hm.RBM(hm.Potts(3, 3), hm.Potts(2, 2)),
    "deep": lambda: hm.DBM(4, 3, 3, 2),
    "deep, labeled": lambda: hm.DBM(hm.Concat(3, hm.Potts(1, 3)), 4, hm.Spin(3)),
}
CHAINS = 200_000


def made(name: str):
    """Return a machine whose weights are numbers of half precision, in float64."""
    m = randomized(MACHINES[name](), 0.9, seed=3)
    for weight in m.weights:
        weight.data = weight.data.half().double()
    return m


def node(script: str, *, given: bytes = b"") -> bytes:
    """Return what a script prints, the engine before it; it reads the file descriptor 0."""
    before = 'import { readFileSync, writeSync } from "node:fs";'
    code = f"{before}\n{bundled('engine')}\nconst {{ machineOf, uniforms }} = from_engine;\n{script}"
    words = ["node", "--input-type=module", "--eval", code]
    return subprocess.run(words, input=given, capture_output=True, check=True, timeout=60).stdout


def engine(m) -> str:
    """Return the line that makes the engine of a machine."""
    return f"const machine = machineOf({json.dumps(machine(hm.Run.of(m)))}, uniforms(7));\n"


def split(m) -> str:
    """Return a function that makes a state of the engine of one even row of numbers."""
    widths = json.dumps([layer.width for layer in m.layers])
    return (
        f"const widths = {widths};\nfunction stateOf(row) {{\n  let at = 0;\n"
        "  const cut = (n) => Float32Array.from(row.slice(at, (at += n)));\n"
        "  const x = widths.map((n, l) => (l % 2 ? new Float32Array(n) : cut(n)));\n"
        "  return { x, mean: widths.map((n) => new Float32Array(n)) };\n}\n"
    )


@pytest.mark.parametrize("name", MACHINES)
def test_free_energies_are_those_of_the_library(name):
    m = made(name)
    states = row_of(m).states()
    script = (
        "const rows = JSON.parse(readFileSync(0));\n"
        "console.log(JSON.stringify(rows.map((row) => machine.freeEnergy(stateOf(row).x))));"
    )
    found = json.loads(node(engine(m) + split(m) + script, given=json.dumps(states.tolist()).encode()))
    # a field is a float32 sum of at most 8 terms below 4, and a free energy a sum of at most 8 of its functions
    tolerance = 8 * 8 * 4 * np.finfo(np.float32).eps
    np.testing.assert_allclose(found, m.free_energy(states).detach().numpy(), rtol=0, atol=tolerance)


def warmed(m, temperature: float):
    """Return the machine whose energy is divided by a temperature: all parameters of discrete units are."""
    warm = copy.deepcopy(m)
    for parameter in warm.parameters():
        parameter.data /= temperature
    return warm


STEPS = {"plain": (0, 1.0), "clamped": (1, 1.0), "warm": (0, 1.7)}  # visible sites clamped, temperature


@pytest.mark.parametrize("how", STEPS)
@pytest.mark.parametrize("name", slow_but(MACHINES, ("binary", "labeled")))
def test_a_step_keeps_the_exact_distribution(name, how):
    m = made(name)
    sites, temperature = STEPS[how]
    warm = warmed(m, temperature)
    x = exact_states(warm, CHAINS)
    clamped = sites * m.layers[0].components()[0].bias.numel() // 3
    script = f"""
      const clamped = [Uint8Array.from({{ length: widths[0] }}, (_, i) => (i < {clamped} ? 1 : 0))];
      const given = new Int8Array(readFileSync(0)), even = given.length / {CHAINS};
      const out = new Int8Array({CHAINS} * widths.reduce((a, b) => a + b));
      for (let c = 0, at = 0; c < {CHAINS}; c++) {{
        const state = stateOf(given.subarray(c * even, (c + 1) * even));
        machine.step(state, clamped, {temperature});
        for (const l of [0, 2, 1, 3]) if (l < widths.length) {{ out.set(state.x[l], at); at += widths[l]; }}
      }}
      for (let at = 0; at < out.length; ) at += writeSync(1, out, at);
    """
    done = node(engine(m) + split(m) + script, given=x.numpy().astype(np.int8).tobytes())
    new = torch.from_numpy(np.frombuffer(done, np.int8).reshape(CHAINS, -1).astype(np.float32))
    states, odd = row_of(m).states(), odd_probabilities(warm)
    assert torch.equal(new[:, :clamped], x[:, :clamped].float())
    same_distribution(new[:, : x.shape[1]], states, probabilities(warm, states))
    same_distribution(new[:, x.shape[1] :], *odd)


@pytest.mark.parametrize("name", [name for name in MACHINES if name == "labeled"])
def test_label_probabilities_are_those_of_the_library(name):
    m = made(name)
    states = m.visible.states()
    script = (
        "const rows = JSON.parse(readFileSync(0));\n"
        "console.log(JSON.stringify(rows.map((row) => machine.labelProbabilities(stateOf(row).x))));"
    )
    found = json.loads(node(engine(m) + split(m) + script, given=json.dumps(states.tolist()).encode()))
    exact = label_log_probs(m, states[:, : -m.visible.labels]).softmax(-1)
    np.testing.assert_allclose(found, exact.detach().numpy(), rtol=0, atol=8 * 8 * 4 * np.finfo(np.float32).eps)
