"""What figures cost beside what is learned: a rule by sizes, never by a clock, and never in the way of learning."""

import numpy as np
import pytest
import torch

from harmonium import RBM, Trainer
from harmonium.fitting import Run, TrainConfig
from harmonium.fitting.effort import effort
from harmonium.fitting.figures import APART, CHEAP, MANY, figures_every
from harmonium.fitting.likelihood import evaluations


def learned(rows, **settings) -> Trainer:
    trainer = Trainer(TrainConfig(seed=1, **settings), rows)
    for _ in trainer:
        pass
    return trainer


@pytest.mark.parametrize(("each", "lap"), [(2, 12_000), (15, 12_000), (600, 12_000), (1, 40), (7, 7)])
@pytest.mark.parametrize("products", [CHEAP, CHEAP + 1])
def test_figures_lie_so_far_apart_that_updates_cost_more(each, lap, products):
    every = figures_every(each, lap, products, None)
    assert every * each >= min(APART, lap / MANY if products <= CHEAP else APART)
    assert (every - 1) * each < APART  # and no farther
    assert figures_every(each, lap, products, 10) == 1  # early stopping with little patience sees every epoch


@pytest.mark.slow
def test_a_small_table_is_measured_now_and_then_and_its_loss_is_told_after_every_epoch():
    rows = np.random.default_rng(0).normal(size=(122, 4))
    trainer = learned(rows, hidden=8, steps=1200)
    measured = [epoch.epoch for epoch in trainer.history if epoch.measured]
    assert len(trainer.history) == 1200 // trainer.each
    assert len(measured) <= MANY + 3  # with the first, the middle and the last
    assert {1, len(trainer.history) // 2, len(trainer.history)} <= set(measured)
    assert all(np.isfinite(epoch.loss) for epoch in trainer.history)


def test_how_often_figures_are_measured_changes_nothing_of_what_is_learned():
    runs = [learned("digits", hidden=6, steps=60, figures_every=every) for every in (None, 1, 1000)]
    states = [run.stage.machine.state_dict() for run in runs]
    assert len({sum(epoch.measured for epoch in run.history) for run in runs}) > 1
    assert all(torch.equal(states[0][name], other[name]) for other in states[1:] for name in other)


@pytest.mark.slow
def test_figures_of_a_general_machine_of_many_states_take_as_long_as_a_few_sweeps():
    rows = np.random.default_rng(0).integers(0, 21, (300, 53))
    trainer = learned(rows, model="boltzmann", hidden=0, visible="potts:21", steps=2)
    assert -53 * 3.5 < trainer.history[-1].pseudo_likelihood < -53 * 2.5  # log 21 is 3.04


def test_the_pseudo_likelihood_of_a_wide_row_comes_with_its_error():
    rows = (np.random.default_rng(0).random((100, 3000)) < 0.05).astype(np.uint8)
    trainer = learned(rows, hidden=13, steps=1)
    last = trainer.history[-1]
    assert last.pseudo_likelihood_error > 0
    entropy = 3000 * (0.05 * np.log(0.05) + 0.95 * np.log(0.95))  # of the draw; the fit to 80 rows costs a little
    assert abs(last.pseudo_likelihood - entropy) < 0.1 * abs(entropy)


def test_a_quick_judge_takes_work_by_the_length_of_the_training():
    short, long = (Run.of(RBM(4, 2)) for _ in range(2))
    short.history, long.history = [{"step": 40}], [{"step": 12_000}]
    assert effort(short, "full") == effort(long, "full")
    few, many = effort(short, "quick"), effort(long, "quick")
    for name, most in vars(effort(long, "full")).items():
        assert getattr(few, name) <= getattr(many, name) <= most
    assert many.gibbs_steps == 10_000
    assert few.gibbs_steps == 128  # the fewest that the verdict on mixing can do with


@pytest.mark.slow
def test_evaluations_grow_finer_until_one_is_remembered():
    run = learned("digits", hidden=24, steps=8).run
    found = list(evaluations(run, method="ais", certify=True))
    assert [one.certified is None for one in found] == [*[True] * (len(found) - 1), False]
    assert run.passport["evaluation"]["test"] == {k: v for k, v in found[-1].to_dict().items() if k != "seconds"}


def test_a_short_run_is_surveyed_once_for_both_verdicts():
    run = learned("digits", hidden=24, steps=8).run
    run.evaluate(method="ais", judge="quick")
    held = run.first_estimate
    once = run.mixing(judge="quick")
    assert run.first_estimate is held
    run.first_estimate = None
    again = run.mixing(judge="quick")
    assert (once.verdict, once.gibbs_steps) == (again.verdict, again.gibbs_steps)
    assert once.rhat == pytest.approx(again.rhat, rel=1e-3)
