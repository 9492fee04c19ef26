"""What a training holds in memory, and that a table may be larger than it may hold."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell the peak of memory"),
]
FEW_AND_MANY, LIMIT = (50_000, 500_000), 300.0  # rows of 784 bytes; MB that may be allocated
CHILD = """
import json, resource, sys, time
from pathlib import Path

import torch
from harmonium.numerics import stable
import harmonium.cli.training, harmonium.evaluation, harmonium.fitting.trainer

def held(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))

time.perf_counter = time.process_time  # so that a run tells the seconds of the processor: others may be at work
kernels = stable.compiled(torch.zeros(1))
if kernels:
    kernels.logistic(torch.zeros(2, 2), torch.zeros(2), torch.zeros(2))
    kernels.draw(torch.zeros(2, 2), torch.zeros(2), torch.tensor(1))
before, limit = held("VmRSS"), float(sys.argv[1])
if limit:
    resource.setrlimit(resource.RLIMIT_DATA, (int((held("VmData") + limit) * 2**20),) * 2)
try:
    harmonium.cli.main(["train", *sys.argv[2:]])
except SystemExit as end:
    assert end.code in (0, None), end.code
print(json.dumps({"peak": held("VmHWM") - before, "data": held("RssAnon"), "before": before}))
"""


def train(*words, limit=0.0):
    """Return the figures of a training in its own process, in MB; it may allocate ``limit`` MB beyond its import."""
    command = [sys.executable, "-c", CHILD, str(limit), *words, "--no-report", "--replace"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def seconds(run):
    """Return the seconds of the processor that the updates of a run took."""
    lines = (run / "metrics.csv").read_text().splitlines()
    return float(dict(zip(lines[0].split(","), lines[-1].split(","), strict=True))["seconds"])


def test_a_training_holds_the_bytes_of_its_rows_and_little_more(tmp_path):
    """As many gray rows as MNIST has: at most their bytes, four times the parameters and 110 MB over the import."""
    rows = np.random.default_rng(0).integers(0, 256, (60_000, 28, 28), dtype=np.uint8)
    np.save(tmp_path / "x.npy", rows)
    words = ("--hidden", "500", "--binarize", "threshold", "--steps", "200", "--out", str(tmp_path / "run"))
    found = train(str(tmp_path / "x.npy"), *words)
    parameters = 4 * (784 * 500 + 784 + 500) / 2**20
    assert found["peak"] < rows.nbytes / 2**20 + 4 * parameters + 110, found


def table(path, count):
    """Write a table of ``count`` binary rows of 784, most of which lie in no block of the disk."""
    rows = np.lib.format.open_memmap(path, "w+", np.uint8, (count, 784))
    rows[:: count // 100] = np.random.default_rng(0).random((len(rows[:: count // 100]), 784)) < 0.3
    rows.flush()


def test_a_table_larger_than_the_memory_trains_in_its_place_and_in_proportion(tmp_path):
    """Ten times the rows, from a file larger than what may be allocated: ten times the work, and no more memory."""
    found, took = {}, {}
    for count in FEW_AND_MANY:
        table(tmp_path / "x.npy", count)
        words = ("--hidden", "16", "--batch-size", "1000", "--epochs", "1", "--precision", "float32")
        out = tmp_path / f"run{count}"
        found[count] = train(str(tmp_path / "x.npy"), *words, "--out", str(out), limit=LIMIT)
        took[count] = seconds(out)
    assert (tmp_path / "x.npy").stat().st_size > LIMIT * 2**20
    few, many = FEW_AND_MANY
    assert found[many]["data"] < found[few]["data"] + 50, found
    assert 6 < took[many] / took[few] < 15, took
