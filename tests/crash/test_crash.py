"""Twenty kills; ``make crash`` makes two hundred."""

import pytest

from crash.check import EACH, KINDS, survive, untouched


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_killed_ends_at_the_same_bytes(kind, tmp_path):
    whole, seconds = untouched(kind, tmp_path / "whole")
    assert survive(kind, tmp_path / "run", seconds, EACH, seed=1) == whole
