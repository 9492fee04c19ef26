import json
import math

import pytest
import torch
from scipy.stats import chi2

from harmonium import recipes
from harmonium.recipes.common.small_machines import overflow, tiny
from harmonium.recipes.walkthrough import article, faults
from harmonium.recipes.walkthrough.derivation import checks, contrastive_bias
from laws import LIMIT, rng

SMALL = {"updates": 30, "points": 3, "seeds": 2, "units": 4, "draws": 2000, "chain_steps": 5, "k": [1, 2]}


@pytest.mark.parametrize("seed", range(3))
def test_both_sides_of_every_formula_agree(seed):
    found = checks(4, 3, 5, seed)
    assert list(found) == ["energy", "joint", "hidden", "visible", "free", "likelihood", "gradient"]
    for step, rows in found.items():
        for what, left, right in rows:
            assert left == pytest.approx(right, abs=1e-8 if step == "gradient" else 1e-12), what


def test_the_bias_of_contrastive_divergence_dies_out_with_k():
    gaps = [gap for _, gap in contrastive_bias(4, 3)]
    assert gaps == sorted(gaps, reverse=True)
    assert 0.5 < gaps[0] < 1
    assert gaps[-1] < 1e-8


@pytest.mark.parametrize("kind", [article.Printed, article.Mended])
def test_the_article_s_class_and_the_machine_carry_the_same_parameters(kind):
    m = tiny(4, 3, 0)
    model = article.from_machine(kind, m, 2)
    assert all(torch.equal(a, b) for a, b in zip(article.as_machine(model).parameters(), m.parameters(), strict=True))
    assert torch.allclose(model.free_energy(m.visible.states()), m.free_energy(m.visible.states()), rtol=1e-12)


def test_only_the_mended_chain_leaves_the_exact_distribution_alone():
    found = faults.started_exact(4, 3, 50_000, 0)
    assert found["mended"]["one_step"] < 1e-14
    assert found["mended"]["many_steps"] < 1e-9
    assert chi2.sf(found["mended"]["chi_square"], 15) > LIMIT
    assert found["printed"]["one_step"] > 0.1
    assert chi2.sf(found["printed"]["chi_square"], 15) == 0


def test_the_printed_chain_draws_what_its_matrix_says():
    """The matrix behind the total variation is that of the code, clamp and all."""
    m = tiny(4, 3, 1)
    x = m.visible.states()
    odds = faults.kernel(m, faults.clamped)[9]
    drawn, _ = article.from_machine(article.Printed, m, 1)(x[9].expand(100_000, -1), generator=rng(2))
    shares = (drawn[:, None, :] == x).all(-1).double().mean(0)
    assert ((shares - odds).abs() <= 6 * (odds * (1 - odds) / 100_000).sqrt()).all()


def test_at_the_article_s_start_the_printed_negatives_are_empty():
    shares = faults.first_negatives(9, 16, 20_000, 0)
    assert shares["printed"] < 0.05
    assert shares["mended"] == pytest.approx(0.5, abs=0.02)


def test_the_printed_logarithm_overflows_and_softplus_does_not():
    rows = {row["x"]: row for row in overflow(faults.FIELDS)}
    assert rows[89.0]["naive"] == math.inf
    assert math.isnan(rows[89.0]["naive_slope"])
    assert rows[-20.0]["naive"] == 0
    for row in rows.values():
        assert row["softplus"] == pytest.approx(row["truth"], rel=1e-6)
        assert 0 < row["softplus_slope"] <= 1


def test_one_update_destroys_the_printed_weights_alone():
    assert faults.one_update() == {"printed": pytest.approx(100 / 201), "mended": 1.0}


def test_draws_are_compared_with_the_patterns():
    model = article.Mended(4, 2, 1)
    with torch.no_grad():
        model.W.zero_()
        model.c.fill_(60.0)
    found, apart, x = faults.drawn(model, {"sides": 2, "chain_steps": 3, "chains": 10}, 0)
    assert (found, apart) == (1.0, pytest.approx(5 / 6))
    assert bool((x == 1).all())


def test_a_small_run_writes_its_page_and_every_figure(tmp_path):
    page = recipes.perform("walkthrough", {**recipes.plan("walkthrough", quick=True), **SMALL}, tmp_path)
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert list(figures["training"]["lines"]) == ["printed, k = 1", "mended, k = 1", "printed, k = 2", "mended, k = 2"]
    assert all(len(line["finals"]) == 2 for line in figures["training"]["lines"].values())
    assert (tmp_path / "training.png").stat().st_size > 1000
    assert (tmp_path / "draws.png").stat().st_size > 100
    text = page.read_text()
    assert text.index("<h2>How to read this page</h2>") < text.index("<h2>Step 1. Energy</h2>")


@pytest.mark.slow
def test_the_mended_code_reaches_a_better_likelihood_than_the_printed_one():
    settings = {**recipes.plan("walkthrough", quick=True), "updates": 1000, "rate": 0.3}
    runs = {name: faults.learn(kind, settings, 1, 0, recipes.silent, "") for name, kind in faults.KINDS.items()}
    last = {name: run["values"][-1] for name, run in runs.items()}
    assert last["mended"] > last["printed"] + 0.3
    assert last["mended"] < -math.log(14)
