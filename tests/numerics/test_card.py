"""The draws of a graphics card, in the interpreter of triton: no card is needed to see that the bits are the same."""

import importlib.util

import pytest
import torch

from harmonium.numerics import random
from laws import rng

TRITON = importlib.util.find_spec("triton")
pytestmark = pytest.mark.skipif(not TRITON or torch.cuda.is_available(), reason="wants triton, and no card")


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_the_kernel_draws_the_same_bits(kind, monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")  # read when the kernel is made
    from harmonium.numerics import card

    field, bias = (6 * torch.randn(5, 1500, generator=rng())).to(kind), torch.randn(1500, generator=rng(1))
    field[0, :4] = torch.tensor([torch.nan, torch.inf, -torch.inf, 200.0])
    key = torch.tensor(-(2**62) + 12345)
    expected, found = random.draw(field, bias, key), card.draw(field, bias, key)
    assert torch.equal(expected.nan_to_num(7), found.nan_to_num(7))
    assert found[0, :4].tolist()[1:] == [1, 0, 1]
    assert found[0, 0].isnan()
