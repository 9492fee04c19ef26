"""Rows that count by their weights: the objective is the weighted mean of log p, exactly."""

from fractions import Fraction

import numpy as np
import pytest
import torch

import harmonium as hm
from cli.inside import harmonium
from harmonium import data
from harmonium.data.weights import shares_of
from harmonium.errors import InputError
from laws import rng

ROWS = torch.bernoulli(torch.full((12, 5), 0.4), generator=rng(3)).numpy()
WHOLE = np.array([1, 0, 3, 2, 1, 5, 0, 1, 2, 4, 1, 1])
QUICK = {"hidden": 3, "steps": 40, "batch_size": 5, "seed": 1}


def parameters(rows, **settings):
    state = hm.fit(rows, **QUICK, **settings).model.state_dict()
    return torch.cat([value.flatten() for value in state.values()])


def weighted_gradient(machine, rows, weights):
    """Return the gradient of the weighted mean of log p, by enumeration of all that is hidden and visible."""
    machine.zero_grad()
    states = torch.cartesian_prod(*[torch.tensor([0.0, 1.0]).double()] * rows.shape[1])
    log_z = (-machine.free_energy(states)).logsumexp(0)
    log_p = -machine.free_energy(rows) - log_z
    ((log_p * weights).sum() / weights.sum()).backward()
    return torch.cat([p.grad.flatten() for p in machine.parameters()])


def test_the_mean_pass_has_the_gradient_of_the_weighted_objective():
    weights = np.random.default_rng(0).integers(0, 9, 12)
    machine = hm.RBM(5, 3, dtype=torch.float64, generator=0)
    total, v = int(weights.sum()), torch.from_numpy(ROWS).double()
    starts = [float(Fraction(2 * i + 1, 2 * total)) for i in range(total)]  # a pass is the same between neighbors
    passes = torch.stack([torch.bincount(torch.from_numpy(shares_of(weights, s)), minlength=12) for s in starts])
    assert torch.equal(passes.sum(0), 12 * torch.from_numpy(weights))
    mean = sum(weighted_gradient(machine, v, each.double()) for each in passes) / total
    assert torch.allclose(mean, weighted_gradient(machine, v, torch.from_numpy(weights)), atol=1e-12, rtol=0)
    assert torch.allclose(mean, weighted_gradient(machine, v.repeat_interleave(torch.from_numpy(weights), 0),
                                                  torch.ones(total)), atol=1e-12, rtol=0)  # fmt: skip


def test_a_pass_holds_a_row_by_its_share_rounded_up_or_down():
    weights = np.random.default_rng(1).gamma(0.5, size=200)
    held = [torch.bincount(data.one_pass(200, weights, generator=rng(i)), minlength=200) for i in range(300)]
    share = torch.from_numpy(200 * weights / weights.sum())
    assert all(bool(((one - share).abs() < 1 + 1e-9).all()) for one in held)
    part = share - share.floor()  # the chance of being rounded up
    up = torch.stack(held).sub(share.floor()).sum(0)
    z = (up - 300 * part) / (300 * part * (1 - part)).sqrt().clamp_min(1e-9)
    assert float(z.abs().max()) < 5.5  # 200 binomial counts: p > 1e-5


def test_whole_weights_are_copies_zero_leaves_out_and_a_common_factor_does_not_matter():
    found = parameters(ROWS, sample_weight=WHOLE)
    order = data.from_array(ROWS).with_weights(WHOLE)
    assert data.by_weight(order).rows.tolist() == ROWS.repeat(WHOLE, 0).tolist()
    assert torch.equal(found, parameters(ROWS, sample_weight=3 * WHOLE))
    assert torch.equal(parameters(ROWS, sample_weight=np.full(12, 2.0)), parameters(ROWS))
    odd = WHOLE * 0.37
    assert torch.equal(parameters(ROWS, sample_weight=odd), parameters(ROWS, sample_weight=2 * odd))


def test_weights_that_are_no_copies_are_learned_by():
    rows, weights = np.eye(2, dtype=np.float32).repeat(20, 0), np.r_[np.full(20, 0.3), np.full(20, 2.7)]
    machine = hm.fit(rows, sample_weight=weights, visible="bernoulli", hidden=1, steps=300, seed=0, match=False).model
    first, second = (-machine.free_energy(torch.eye(2))).exp().tolist()
    assert second / (first + second) > 0.8  # 0.9 by weight, 0.5 by number


def test_a_column_of_weights_is_no_feature_and_a_run_goes_on_with_it(tmp_path):
    rng = np.random.default_rng(5)
    lines = [f"{a},{b},{w:.3f}" for a, b, w in zip("xyz" * 20, rng.normal(size=60), rng.gamma(1, size=60), strict=True)]
    (tmp_path / "t.csv").write_text("kind,size,w\n" + "\n".join(lines) + "\n")
    options = ["--column", "w=weight", "--hidden", 3, "--judge", "none"]
    told = harmonium("train", "t.csv", *options, "--steps", 12, "--out", "whole", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "'w' is left out: weight, it says how much each row counts" in told.stderr
    assert "rows count by their weights" in told.stderr
    run = hm.load(tmp_path / "whole")
    assert run.encoder.schema.names == ("kind", "size")
    assert run.splits.train.weights.shape == (49,)
    plain = harmonium("train", "t.csv", *options[2:], "--column", "w=text", "--steps", 12, "--out", "p", cwd=tmp_path)
    assert plain.returncode == 0
    one, other = (hm.load(tmp_path / name).model.weight for name in ("whole", "p"))
    assert not torch.equal(one, other)
    new = harmonium("score", "whole", "t.csv", cwd=tmp_path)  # rows with and without the column are taken
    (tmp_path / "new.csv").write_text("kind,size\nx,0.5\n")
    assert new.returncode == harmonium("score", "whole", "new.csv", cwd=tmp_path).returncode == 0


def test_a_run_in_memory_goes_on_bit_for_bit_with_its_weights_alone(tmp_path):
    weights, out = np.random.default_rng(6).gamma(1, size=12), tmp_path / "run"
    whole = hm.fit(ROWS, sample_weight=weights, **QUICK)
    begun = hm.Trainer(hm.TrainConfig(**QUICK), ROWS, sample_weight=weights, out=out).steps()
    _ = [next(begun) for _ in range(7)]
    begun.close()
    with pytest.raises(InputError, match="have changed"):
        hm.Trainer.resume(out, ROWS, sample_weight=weights + 1)
    trainer = hm.Trainer.resume(out, ROWS, sample_weight=weights)
    assert list(trainer)
    assert all(torch.equal(a, b) for a, b in zip(trainer.model.parameters(), whole.model.parameters(), strict=True))


def test_rows_with_holes_that_a_batch_holds_twice_remember_one_draw():
    holed = np.where(np.random.default_rng(7).random(ROWS.shape) < 0.3, np.nan, ROWS)
    runs = [hm.fit(holed, sample_weight=np.r_[9.5, np.full(11, 0.1)], **QUICK).model.weight for _ in range(2)]
    assert torch.equal(*runs)


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        (np.ones(11), r"shape \(11,\)"),
        (np.ones((12, 1)), r"shape \(12, 1\)"),
        (["a"] * 12, "type <U1"),
        (np.r_[np.ones(11), -1], "weight of row 12 of .* is -1"),
        (np.r_[np.nan, np.ones(11)], "weight of row 1 of .* is nan"),
        (np.full(12, np.inf), "is inf"),
        (np.zeros(12), "are all 0"),
    ],
)
def test_weights_that_are_none_are_refused_in_one_line(weights, told):
    with pytest.raises(InputError, match=told) as caught:
        hm.fit(ROWS, sample_weight=weights, **QUICK)
    assert "\n" not in str(caught.value)


def test_weights_said_twice_are_refused(tmp_path):
    rows = np.column_stack([ROWS, WHOLE])
    with pytest.raises(InputError, match="beside the column"):
        hm.fit(rows, sample_weight=WHOLE, column={"column6": "weight"}, **QUICK)
    with pytest.raises(InputError, match="as weights where one was expected"):
        hm.fit(rows, column={"column6": "weight", "column5": "weight"}, **QUICK)
    np.save(tmp_path / "x.npy", ROWS)
    with pytest.raises(InputError, match="NAME=weight"):
        hm.fit(tmp_path / "x.npy", sample_weight=WHOLE, **QUICK)
