"""One kill of every kind at a step drawn by chance; ``make crash`` makes 200, and 100 of each signal, at any moment."""

import random
import signal
import subprocess

import pytest

from cli.inside import harmonium
from crash.check import HARMONIUM, KINDS, survive, untouched, words
from crash.moments import wait_for_step

SHORT = 60  # updates, each of which is saved
CUT = "rbm, tempered"


def short(kind, out):
    return [*words(kind, out, SHORT), "--save-every", "0"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_killed_ends_at_the_same_bytes(kind, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "run"
    assert harmonium(*short(kind, whole)).returncode == 0
    work = subprocess.Popen([*HARMONIUM, *short(kind, out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_step(out, random.Random(kind).randrange(SHORT // 2))
    work.kill()
    assert work.wait() == -signal.SIGKILL
    assert harmonium("train", "--resume", out, "--no-report").returncode == 0
    assert (out / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


@pytest.mark.whole
@pytest.mark.parametrize("cut", [signal.SIGINT, signal.SIGTERM], ids=lambda cut: cut.name)
def test_a_run_that_is_asked_to_end_goes_on_to_the_same_bytes(cut, tmp_path):
    """As tests/cli/test_commands.py says of one moment, here of any."""
    model, seconds = untouched(CUT, tmp_path / "whole")
    assert survive(CUT, tmp_path / "run", seconds, 1, 5, cut) == model
