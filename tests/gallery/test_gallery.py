"""A few machines of every family, as a whole gallery of liars takes too long: `make coverage` goes through all."""

import pytest
from audit import evaluate_run
from families import FAMILIES, NEEDS_DATA

MORE = {"clusters": 4, "rare": 4, "dbm": 3, "gaussian": 3, "needle": 3, "ising": 3, "labels": 3}
QUICK = {"clusters", "needle", "rare"}
CASES = [
    pytest.param(f, i, marks=pytest.mark.whole if i > 2 else () if f in QUICK else pytest.mark.slow)
    for f in FAMILIES
    if f not in NEEDS_DATA
    for i in range(1, 1 + MORE.get(f, 2))
]


@pytest.mark.parametrize(("family", "number"), CASES)
def test_no_liar_is_believed(family, number):
    """The bracket holds the truth; a value called consistent lies within four errors of it, and within a nat."""
    told = evaluate_run(family, number, seed=2, certify=False)
    assert told.bracketed, told
    if told.consistent:
        assert not told.beyond(4), told
        assert abs(told.off) < 1, told
