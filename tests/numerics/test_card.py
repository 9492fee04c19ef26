"""The kernels of a graphics card, in the interpreter of triton: no card is needed to see what they give."""

import importlib.util

import pytest
import torch

from harmonium.numerics import random
from laws import rng

TRITON = importlib.util.find_spec("triton")
pytestmark = pytest.mark.skipif(not TRITON or torch.cuda.is_available(), reason="wants triton, and no card")


@pytest.fixture
def card(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")  # read when a kernel is made
    return importlib.import_module("harmonium.numerics.card")


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_the_kernel_draws_the_same_bits(kind, card):
    field, bias = (6 * torch.randn(5, 1500, generator=rng())).to(kind), torch.randn(1500, generator=rng(1))
    field[0, :4] = torch.tensor([torch.nan, torch.inf, -torch.inf, 200.0])
    key = torch.tensor(-(2**62) + 12345)
    expected, found = random.draw(field, bias, key), card.draw(field, bias, key)
    assert torch.equal(expected.nan_to_num(7), found.nan_to_num(7))
    assert found[0, :4].tolist()[1:] == [1, 0, 1]
    assert found[0, 0].isnan()


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_sums_over_entries_are_those_of_tensor_operations_but_for_rounding(kind, card):
    field, bias = (9 * torch.randn(70, 300, generator=rng())).to(kind), torch.randn(300, generator=rng(1))
    field[0, :3] = torch.tensor([torch.inf, -torch.inf, 200.0])
    weights = torch.tensor([-0.5, 0.5]).repeat(35)
    logits = field.double() + bias
    each = torch.sigmoid(logits) * weights[:, None]
    mean, total, cgf = card.logistic(field, bias, weights)
    step = 2.0**-7 if kind == torch.bfloat16 else 2.0**-18  # the interpreter cuts off; logits to 60 have 24 bits
    assert mean.dtype == kind
    assert torch.allclose(mean.double(), each, rtol=step, atol=1e-30)
    assert torch.allclose(total.double(), each.sum(0), rtol=0, atol=70 * 2.0**-22)  # 70 rows
    finite = field.clone().index_fill_(0, torch.tensor([0]), 1.0)
    logits = finite.double() + bias
    expected = torch.nn.functional.softplus(logits, threshold=40).sum(-1)
    found = card.softplus_sum(finite, bias)
    assert torch.allclose(found.double(), expected, rtol=2.0**-20, atol=0)
    cgf = card.logistic(finite, bias, weights)[2]
    assert abs(float(cgf) - float(weights.double() @ expected)) < 2.0**-20 * float(expected.sum())


def test_what_is_not_a_number_is_told(card):
    field, bias = torch.zeros(2, 5), torch.zeros(5)
    field[1, 2] = torch.nan
    assert card.softplus_sum(field, bias).isnan().tolist() == [False, True]
    mean, total, cgf = card.logistic(field, bias, torch.ones(2))
    assert mean.isnan().sum() == 1
    assert total.isnan().nonzero().tolist() == [[2]]
    assert cgf.isnan()


def test_a_table_is_written_rounded_and_its_columns_summed(card):
    x = torch.randint(0, 256, (70, 130), generator=rng()).float()
    into = torch.empty(70, 130, dtype=torch.bfloat16)
    assert torch.equal(card.written(x, into), x.sum(0))
    assert torch.equal(into, x.to(torch.bfloat16))
