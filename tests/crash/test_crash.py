"""One cut of every kind, past the half of its time; ``make crash`` makes 200 kills, and 100 signals of each kind."""

import signal

import pytest

from crash.check import KINDS, survive, untouched

pytestmark = pytest.mark.slow
CUT = "rbm, tempered"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Give what `untouched` tells of a kind, when it is first asked for."""
    found: dict[str, tuple[bytes, float]] = {}

    def model(kind):
        if kind not in found:
            found[kind] = untouched(kind, tmp_path_factory.mktemp("whole") / "run")
        return found[kind]

    return model


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_killed_ends_at_the_same_bytes(kind, whole, tmp_path):
    model, seconds = whole(kind)
    assert survive(kind, tmp_path / "run", seconds, 1, seed=5) == model


@pytest.mark.parametrize("cut", [signal.SIGINT, signal.SIGTERM], ids=lambda cut: cut.name)
def test_a_run_that_is_asked_to_end_goes_on_to_the_same_bytes(cut, whole, tmp_path):
    model, seconds = whole(CUT)
    assert survive(CUT, tmp_path / "run", seconds, 1, 5, cut) == model
