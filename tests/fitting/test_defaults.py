"""What a command leaves open is settled by rule: neither a clock nor the number of cores has a say."""

import os
import subprocess
import sys

import numpy as np
import pytest

from harmonium import data
from harmonium.fitting import TrainConfig
from harmonium.fitting.defaults import resolve
from harmonium.fitting.splits import Splits

SIZES = {"light": {"hidden": 128, "batch_size": 100}, "heavy": {"hidden": 500, "batch_size": 512}}
PROGRAM = """
import sys
from harmonium.fitting import TrainConfig
from harmonium.fitting.defaults import resolve
from harmonium.fitting.splits import Splits
for hidden, batch_size in zip(sys.argv[2::2], sys.argv[3::2]):
    config = TrainConfig(hidden=hidden, batch_size=batch_size)
    print(resolve(config, Splits(sys.argv[1], config).train).yaml().decode())
"""


@pytest.fixture(scope="module")
def bits(tmp_path_factory):
    file = tmp_path_factory.mktemp("settle") / "bits.npy"
    np.save(file, np.random.default_rng(0).integers(0, 2, (600, 784)).astype(np.uint8))
    return str(file)


def settled(bits, cores=None):
    """Return the settings that a process of its own settles for every size, on some of the cores."""
    words = [sys.executable, "-c", PROGRAM, bits, *(str(value) for size in SIZES.values() for value in size.values())]
    pin = None if cores is None else lambda: os.sched_setaffinity(0, cores)
    return subprocess.run(words, capture_output=True, text=True, check=True, preexec_fn=pin).stdout


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes cannot be held to a core")
@pytest.mark.parametrize("times", [1, pytest.param(3, marks=pytest.mark.whole)])
def test_settings_are_the_same_whatever_else_runs_and_on_one_core(bits, times):
    """Against those of a process with all cores: those of one on a core that another keeps busy."""
    core = {min(os.sched_getaffinity(0))}
    busy = subprocess.Popen(
        [sys.executable, "-c", "while True: pass"], preexec_fn=lambda: os.sched_setaffinity(0, core)
    )
    try:
        found = {settled(bits, core) for _ in range(times)}
    finally:
        busy.kill()
        busy.wait()
    assert found == {settled(bits)}


@pytest.mark.parametrize(("size", "threads"), [("light", 1), ("heavy", 4)])
def test_threads_are_settled_and_stay_as_they_were_given(bits, size, threads):
    for given, found in (({}, threads), ({"threads": 2}, 2)):
        config = TrainConfig(**SIZES[size], **given)
        assert resolve(config, Splits(bits, config).train).threads == found


def test_many_narrow_rows_of_bits_take_larger_steps_unless_something_is_given():
    def settle(width=16, rows=10_000, **given):
        bits = np.random.default_rng(0).integers(0, 2, (rows, width)).astype(np.uint8)
        config = TrainConfig(hidden=32, **given)
        found = resolve(config, Splits(bits, config, held_out=False).train)
        return found.batch_size, found.lr

    eager, plain = (200, 0.3), (100, 0.05)
    assert settle() == eager
    for other in ({"width": 33}, {"rows": 9_999}, {"sampler": "cd"}, {"lr": 0.05}, {"batch_size": 100}, {"steps": 99}):
        assert settle(**other) == plain


def test_columns_of_real_numbers_take_adam_and_those_with_labels_a_stronger_decay():
    def settle(width=4, rows=50, shape=None, **given):
        real = data.from_array(np.random.default_rng(0).normal(size=(rows, width)), np.arange(rows) % 2, shape=shape)
        config = TrainConfig(**given)
        found = resolve(config, Splits(real, config, held_out=False).train)
        return found.optimizer, found.lr, found.l2, found.steps

    assert settle() == ("adam", 0.01, 0.001, 3000)
    assert settle(labels=True) == ("adam", 0.01, 0.02, 2000)
    assert settle(labels=True, discriminative=0) == settle()
    assert settle(steps=9, l2=0.0) == ("adam", 0.01, 0.0, 9)
    for other in ({"shape": "2x2"}, {"rows": 10_000}, {"width": 101}, {"model": "dbm"}, {"hidden_kind": "spin"}):
        assert settle(**other)[:3] == ("sgd", pytest.approx(0.005), 0.0)
