"""Every test that an estimate must pass, failed on purpose."""

import math
import re
from dataclasses import replace

import pytest
import torch

from harmonium.evaluation.strata import backwards, forwards
from harmonium.evaluation.verdict import Evidence
from laws import rng

N = 64


def evidence(parts=(0.0, -1.0), back=(0.0, 0.0), spread=0.1, certificate=-1.0, heavy=0):
    """Return what two basins say whose starts meet them alone: forwards ``param_groups``, on the way back ``back``
    more.
    """
    g, parts = rng(0), torch.tensor(parts, dtype=torch.float64)
    noise = spread * torch.randn(3, N, generator=g, dtype=torch.float64)
    ends = torch.tensor([0, 0, 1])[:, None].expand(3, N).clone()
    climbs = parts[torch.tensor([0, 0, 1])][:, None] + noise
    falls = parts[:, None, None] + torch.tensor(back, dtype=torch.float64)[:, None, None]
    falls = falls + spread * torch.randn(2, N // 4, 4, generator=g, dtype=torch.float64)
    falls[1, :heavy] += 10
    up = forwards(climbs, ends, 2)
    down = backwards(falls, torch.ones(2, dtype=torch.float64), torch.full((2,), N // 4))
    return Evidence(up, down, climbs, ends, falls, certificate)


TRUTH = math.log(1 + math.exp(-1))


def test_what_agrees_is_consistent_and_says_by_what():
    found = evidence()
    verdict, reason = found.verdict()
    assert verdict == "consistent"
    assert "2 basins" in reason
    assert found.value == pytest.approx(TRUTH, abs=0.05)
    low, high = found.bracket
    assert low < TRUTH < high < low + 0.3


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"certificate": TRUTH + 1}, r"states that were met hold 1\.0\d nats more"),
        ({"back": (0.0, 1.0)}, r"in basin 2, 2[67]% of Z, the way back gives 1\.0\d nats more"),
        ({"back": (0.0, -1.0)}, r"in basin 2, 2[67]% of Z, the way back gives 0\.9\d nats less"),
        ({"heavy": 3}, "outweigh every chain on the way up"),
    ],
)
def test_every_test_that_fails_is_named_with_its_basin_and_amount(changed, words):
    verdict, reason = evidence(**changed).verdict()
    assert verdict == "inconsistent"
    assert re.search(words, reason), reason
    assert "take more temperatures" in reason


def test_a_start_that_finds_more_than_was_counted_is_told():
    """It speaks up where it is significant, and where it is so high that chance can be left out."""
    found = evidence()
    climbs, ends = found.climbs.clone(), found.ends.clone()
    climbs[0] += 1
    told = replace(found, climbs=climbs).verdict()
    assert told[0] == "inconsistent"
    assert re.search(r"another start finds \d\.\d\d nats more, in basin 1", told[1])
    climbs, ends = found.climbs.clone(), found.ends.clone()
    climbs[0, 0], ends[0, 0] = math.log(N) + 8, 1  # one chain alone
    assert "another start finds" in replace(found, climbs=climbs, ends=ends).verdict()[1]


def test_ways_that_differ_by_little_in_each_basin_may_differ_over_all():
    found = evidence()
    down = replace(found.down, value=found.up.value + 0.2, error=0.01)
    told = replace(found, down=down).verdict()[1]
    assert re.match(r"the way back gives \d\.\d\d, 0\.20 nats more", told)


def test_a_value_that_is_not_precise_is_no_value():
    found = evidence()
    told = replace(found, up=replace(found.up, error=0.3)).verdict()
    assert told[0] == "inconsistent"
    assert re.match(r"the error is 0\.30 nats, with \d+\.\d effective chains", told[1])


def test_one_heavy_state_is_chance_and_a_light_region_does_not_count():
    assert evidence(heavy=1).verdict()[0] == "consistent"
    assert evidence(parts=(0.0, -30.0), heavy=3).verdict()[0] == "consistent"


def test_the_bracket_is_three_errors_about_both_ways():
    found = evidence(certificate=-math.inf)
    up, down = (found.value, found.error), (found.down.value, found.down.error)
    ends = [sign * 3 * e + v for v, e in (up, down) for sign in (-1, 1)]
    assert found.bracket == pytest.approx((min(ends), max(ends)))


def test_the_bracket_leaves_nothing_out():
    """Both ways, the certificate, what may be out of reach, and the start that knows of no basin."""
    wide = evidence(back=(0.5, 0.5)).bracket
    assert wide[0] < TRUTH < TRUTH + 0.5 < wide[1]
    assert evidence(certificate=TRUTH + 1).bracket[0] == TRUTH + 1
    assert evidence(heavy=3).bracket[1] > TRUTH + 3
    blind = evidence()
    more = replace(blind, climbs=torch.cat([blind.climbs[:1] + 2, blind.climbs[1:]]))
    assert more.bracket[1] > 1.5
    low = evidence(back=(-20.0, -20.0), certificate=-math.inf).bracket[0]
    assert TRUTH - 7 < low < TRUTH - 5


def test_the_value_is_no_less_than_what_is_certain():
    found = evidence(certificate=TRUTH + 0.03)
    assert found.verdict()[0] == "consistent"
    assert found.value == TRUTH + 0.03


def test_a_surer_way_up_takes_over_the_doubt_of_the_way_back():
    found = evidence(spread=1e-6, back=(0.05, 0.05))
    assert found.error >= found.up.error
    exact = replace(found, down=replace(found.down, error=0.03))
    assert exact.error == pytest.approx(math.hypot(found.up.error, 0.03))
