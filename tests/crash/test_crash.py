"""Twenty kills; ``make crash`` makes two hundred, and a hundred signals of each kind."""

import signal

import pytest

from crash.check import EACH, KINDS, survive, untouched


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_killed_ends_at_the_same_bytes(kind, tmp_path):
    whole, seconds = untouched(kind, tmp_path / "whole")
    assert survive(kind, tmp_path / "run", seconds, EACH, seed=1) == whole


@pytest.mark.slow
@pytest.mark.parametrize("cut", [signal.SIGINT, signal.SIGTERM], ids=lambda cut: cut.name)
def test_a_run_that_is_asked_to_end_goes_on_to_the_same_bytes(cut, tmp_path):
    kind = "rbm, tempered"
    whole, seconds = untouched(kind, tmp_path / "whole")
    assert survive(kind, tmp_path / "run", seconds, 2, 2, cut) == whole
