"""What is done with a run: likelihood, chains, labels, recovery, and the model file that carries it away."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import harmonium as hm
from harmonium import InputError, Run, TrainConfig, Trainer, evaluation
from harmonium.fitting import Evaluation, effort
from harmonium.fitting.likelihood import recall
from harmonium.fitting.masks import hidden_part
from laws import bimodal, same_distribution
from marks import slow_but


def fit(rows="digits", **settings) -> Run:
    rows = np.random.default_rng(0).integers(0, 2, (900, 6)) if isinstance(rows, str) and rows == "few" else rows
    return hm.fit(rows, **({"hidden": 8, "steps": 60, "seed": 3} | settings))


@pytest.fixture(scope="module")
def learned():
    """A run of 16 hidden units that has learned something."""
    return fit(hidden=16, steps=600, lr=0.4)


@pytest.fixture(scope="module")
def labeled():
    """Runs that know labels."""
    return {
        "rbm": fit(labels=True),
        "dbn": fit(model="dbn", hidden="8,6,7", labels=True, steps=14),
        "dbm": fit(model="dbm", hidden="8,6", labels=True),
    }


def test_a_run_learns_and_is_evaluated_honestly(learned):
    exact = learned.evaluate(method="exact")
    assert exact.log_likelihood > exact.baseline + 3
    assert (exact.verdict, exact.error, exact.rows, exact.binarize) == ("exact", 0.0, 359, "threshold")
    annealed = learned.evaluate(method="ais")
    assert annealed.verdict == "consistent"
    assert abs(annealed.log_likelihood - exact.log_likelihood) < 4 * annealed.error
    assert annealed.baseline == exact.baseline
    assert recall(learned).log_likelihood == annealed.log_likelihood
    assert "exact" in str(exact)
    assert f"{exact.baseline:.2f}" in str(exact)
    history = {name: [row[name] for row in learned.history] for name in learned.history[0]}
    assert history["pseudo_likelihood"][-1] > history["pseudo_likelihood"][0] + 3
    assert set(history["log_likelihood"]) == {None}  # 2^16 hidden states are too many to sum after every epoch
    assert all(0 <= share <= 1 for share in history["static_weight_fraction"])
    assert history["weight_norm"][-1] > history["weight_norm"][0]


def test_a_model_file_goes_anywhere(learned, tmp_path):
    """With the rows alone at hand: evaluation, samples, recovery, features of its training, to the same figures."""
    learned.evaluate(method="exact")
    file, rows = learned.save(tmp_path / "m.safetensors"), hm.data.load("digits", "test").rows
    alone = hm.load(file)
    assert (alone.splits, alone.path, alone.words) == (None, None, "restricted Boltzmann machine (RBM)")
    assert alone.passport == learned.passport
    assert alone.info()["data"]["rows"] == 1295
    assert alone.facts["environment"]["torch"] == torch.__version__
    found = alone.evaluate(rows, method="exact")
    assert found.log_likelihood == pytest.approx(learned.evaluate(method="exact").log_likelihood, abs=1e-6)
    assert found.baseline == pytest.approx(learned.evaluate(method="exact").baseline, abs=1e-9)
    assert np.array_equal(alone.sample(9, 30), learned.sample(9, 30))
    assert alone.recover(rows, count=20, gibbs_steps=20).figures["mean_squared_error"] == pytest.approx(
        learned.recover(count=20, gibbs_steps=20).figures["mean_squared_error"]
    )
    assert np.array_equal(alone.weights(5), learned.weights(5))
    assert alone.save(tmp_path / "again.safetensors").read_bytes() == hm.load(file).save(
        tmp_path / "b"
    ).read_bytes() or (alone.passport != hm.load(file).passport)
    for ask in (alone.evaluate, alone.recover, alone.classify):
        with pytest.raises(InputError, match="without its data: say which rows with --data FILE"):
            ask()
    with pytest.raises(InputError, match="a report needs a run"):
        alone.report(tmp_path / "r.html")
    with pytest.raises(InputError, match="has 9 columns where the model was trained on 64"):
        alone.evaluate(rows[:, :9])
    from safetensors import safe_open

    with safe_open(str(file), framework="np") as held:
        told = json.loads(held.metadata()["harmonium"])
        assert {"visible.bias", "hidden.bias", "weight", "chains", "encoder.mean"} <= set(held.keys())
    assert told["encoder"]["shape"] == [8, 8]
    assert told["training"]["hidden"] == 16


@pytest.mark.parametrize("make", [lambda x: x, lambda x: x.astype(float), lambda x: x.astype(bool)])
def test_bits_given_to_a_model_of_gray_levels_are_bits(make, learned, tmp_path):
    """Rows that are binarized already mean the same as the gray rows that they came from."""
    gray = hm.data.load("digits", "test").rows
    bits, truth = make((gray > 8).astype(np.uint8)), learned.evaluate(gray, method="exact").log_likelihood
    assert learned.evaluate(bits, method="exact").log_likelihood == pytest.approx(truth, abs=1e-9)
    np.save(tmp_path / "bits.npy", bits)
    assert learned.evaluate(tmp_path / "bits.npy", method="exact").log_likelihood == pytest.approx(truth, abs=1e-9)


def test_a_bare_machine_is_saved_and_loaded(tmp_path):
    machine = hm.RBM(hm.Bernoulli(6), hm.Bernoulli(4), generator=torch.Generator().manual_seed(0))
    run = hm.load(hm.save(machine, tmp_path / "m"))
    assert torch.equal(run.model.weight, machine.weight)
    assert run.sample(5, 3).shape == (5, 6)
    rows = np.random.default_rng(0).integers(0, 2, (40, 6))
    found = run.evaluate(rows)
    truth = evaluation.log_likelihood(machine, torch.from_numpy(rows).float(), evaluation.log_partition(machine)).value
    assert found.log_likelihood == pytest.approx(truth, abs=1e-9)
    assert found.baseline is None


@pytest.mark.parametrize("kind", ["rbm", "dbn", "dbm"])
@pytest.mark.parametrize("readout", ["exact", "gibbs"])
def test_labels_are_read_from_every_model_that_learned_them(kind, readout, labeled):
    run = labeled[kind]
    found = run.classify(readout=readout)
    assert found.error == pytest.approx(1 - found.accuracy)
    assert np.array_equal(np.sum(found.confusion, 1), np.bincount(run.splits.test.labels, minlength=10))
    counted = np.bincount(found.predicted, minlength=10)
    assert np.array_equal(np.sum(found.confusion, 0), counted)


@pytest.mark.parametrize("kind", ["rbm", "dbn", "dbm"])
def test_rows_of_a_label_are_drawn(kind, labeled):
    run = labeled[kind]
    assert run.sample(3, 4, label=7).shape == (3, 64)
    assert run.sample(2, 4, label="all").shape == (20, 64)
    assert np.array_equal(run.sample(3, 4, label="7"), run.sample(3, 4, label=7))
    with pytest.raises(InputError, match=r"the label 10 was given where 0, 1, 2, .* 9, or all"):
        run.sample(3, 4, label=10)


def test_labels_that_are_missing_or_out_of_range_are_told(learned, labeled, tmp_path):
    for ask in (learned.classify, lambda: learned.sample(3, 2, label=3)):
        with pytest.raises(InputError, match="without labels"):
            ask()
    np.save(tmp_path / "bare.npy", np.eye(8, dtype=np.uint8).repeat(40, 0))
    with pytest.raises(InputError, match="holds none"):
        fit(tmp_path / "bare.npy", labels=True)
    np.savez(tmp_path / "short.npz", data=np.eye(8).repeat(40, 0), labels=np.arange(5))
    with pytest.raises(InputError, match="labels of shape"):
        fit(tmp_path / "short.npz", labels=True)
    with pytest.raises(InputError, match=r"is for a dbn and .* holds a RBM"):
        learned.finetune("updown")
    rows = hm.data.load("digits", "test").rows[:7]
    given = labeled["rbm"].classify(rows)  # no truth is known: labels alone
    assert (given.error, given.confusion, len(given.predicted)) == (None, None, 7)
    assert given.to_dict()["predicted"] == [str(i) for i in given.predicted]
    truth = hm.data.load("digits", "test").labels[:7]
    assert labeled["rbm"].classify(rows, truth).accuracy == pytest.approx((given.predicted == truth).mean())
    with pytest.raises(InputError, match=r"split is a ndarray of shape \(7,\) where a str"):
        labeled["rbm"].evaluate(rows, truth)


@pytest.mark.slow
def test_recovery_beats_the_means():
    run = fit(hidden=32, steps=1500, lr=0.1)
    for mask in ("bottom", "top", "left", "right", "random:0.5", "noise:0.1"):
        result = run.recover(mask=mask, count=100, chains=8, gibbs_steps=60)
        told = result.figures
        assert told["rows"] == 100
        assert told["mean_squared_error"] < told["baseline_mean_squared_error"], mask
        if ":" not in mask:
            hidden = hidden_part(mask, (8, 8), 100, torch.Generator()).numpy()
            assert (result.recovered[~hidden] == result.truth[~hidden]).all()
    rows = hm.data.load("digits", "test").rows[:5].astype(float)
    holes = np.where(np.arange(64) < 32, rows, np.nan)
    filled = run.impute(holes)
    assert np.array_equal(filled[:, :32], rows[:, :32])
    assert ((filled[:, 32:] >= 0) & (filled[:, 32:] <= 16)).all()
    assert np.abs(filled[:, 32:] - rows[:, 32:]).mean() < np.abs(rows[:, 32:].mean() - rows[:, 32:]).mean()


def test_masks_hide_what_they_say(tmp_path):
    g = torch.Generator().manual_seed(0)
    bottom = hidden_part("bottom", (4, 6), 2, g).view(2, 4, 6)
    assert bottom[:, 2:].all()
    assert not bottom[:, :2].any()
    assert hidden_part("left", (4, 6), 2, g).view(2, 4, 6)[..., :3].all()
    share = hidden_part("random:0.3", (50, 50), 4, g).float().mean()
    assert float(share) == pytest.approx(0.3, abs=5 * (0.3 * 0.7 / 10_000) ** 0.5)
    np.save(tmp_path / "mask.npy", np.eye(4))
    assert hidden_part(str(tmp_path / "mask.npy"), (4, 4), 3, g).sum() == 12


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        ("middle", "bottom, top, left, right"),
        ("random:2", "between 0 and 1"),
        ("random:x", "between 0 and 1"),
        ("noise:0.7", "between 0 and 0.5"),
    ],
)
def test_bad_masks_are_refused(mask, says):
    with pytest.raises(InputError, match=says):
        hidden_part(mask, (8, 8), 3, torch.Generator())


def test_masks_of_the_wrong_size_are_refused(tmp_path):
    np.save(tmp_path / "wide.npy", np.ones((9, 9)))
    np.save(tmp_path / "none.npy", np.zeros((8, 8)))
    for name, says in (("wide", "holds 81 values where a row has 64"), ("none", "hides nothing")):
        with pytest.raises(InputError, match=says):
            hidden_part(str(tmp_path / f"{name}.npy"), (8, 8), 3, torch.Generator())
    with pytest.raises(InputError, match="needs pictures"):
        hidden_part("bottom", (64,), 3, torch.Generator())


@pytest.mark.parametrize(
    "settings",
    slow_but([
        {}, {"sampler": "cd"}, {"sampler": "pt", "n_replicas": 3}, {"sampler": "ptt", "lr": 0.3},
        {"model": "dbn", "hidden": "8,6"}, {"model": "dbm", "hidden": "8,6"},
        {"model": "boltzmann", "hidden": "2", "steps": 14, "rows": "few"},
    ], [{}]),
    ids=lambda settings: "-".join(map(str, settings.values())) or "pcd",
)  # fmt: skip
def test_the_chains_of_every_run_get_a_verdict(settings, monkeypatch):
    monkeypatch.setattr(effort, "FULL", replace(effort.FULL, gibbs_steps=256))
    run, labels = fit(**settings), set()

    def progress(items, label):
        labels.add(label)
        return items

    found = run.mixing(progress=progress)
    assert {label.partition(" over ")[0] for label in labels} == {"annealing", "chains"}
    assert found.verdict in ("mixed", "lagging", "stuck")
    assert found.gibbs_steps <= 256
    assert run.passport["mixing"]["verdict"] == found.verdict
    assert (run.chains is None) == (run.config.sampler in ("cd", "exact"))


def test_chains_that_follow_a_tame_machine_are_called_mixed():
    run = fit(lr=0.001, hidden="4")
    assert run.mixing().verdict == "mixed"
    assert abs(run.history[-1]["free_energy_drift"]) < 4


def test_chains_that_a_wild_learning_rate_leaves_behind_are_told():
    assert fit(lr=3.0, schedule="constant").mixing().verdict != "mixed"


def told(**figures) -> Evaluation:
    nothing = dict.fromkeys(Evaluation.__dataclass_fields__)
    return Evaluation(**(nothing | {"log_likelihood": -3.0, "lower": -5.0, "upper": -2.0, "error": 0.5} | figures))


def test_what_is_inconsistent_is_told_by_its_ends_alone():
    assert told(verdict="inconsistent", bound=False).amount == "between -5.00 and -2.00"
    assert told(verdict="inconsistent", bound=True).amount == "at least -5.00"
    assert told(verdict="consistent", bound=False).amount == "-3.00 ± 0.50"
    assert told(verdict="exact", bound=False, error=0.0).amount == "-3.00"


def test_rows_in_the_order_of_their_class_are_evaluated_all_the_same(tmp_path, monkeypatch):
    """The start of the path, and the chains that stand for the data, see rows of both halves of sorted IDX files."""
    pixels = np.repeat(np.eye(2, dtype=np.uint8), 60, axis=0).repeat(4, axis=1) * 255
    for part in ("train", "t10k"):
        header = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (120, 2, 4))
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
    run = fit(tmp_path, hidden=2, steps=5)
    monkeypatch.setattr("harmonium.fitting.likelihood.ROWS", 40)
    seen, chains, plain = [], [], evaluation.ais

    def ais(machine, data, **settings):
        seen.append(data)
        return plain(machine, data, n_betas=10)

    monkeypatch.setattr("harmonium.evaluation.ais_until_consistent", lambda *a, **s: [ais(*a, **s)])
    run.evaluate(method="ais")
    assert len(seen[0]) == 40
    assert 0.2 < float(seen[0][:, 0].mean()) < 0.8
    nothing = evaluation.Mixing("mixed", "", 1.0, 0.0, 1.0, 1.0, 1.0, 1, 1.0)
    monkeypatch.setattr("harmonium.evaluation.mixing", lambda m, x, *a, data, **s: chains.extend([x, data]) or nothing)
    run.mixing()
    assert 0.2 < float(chains[1][:, 0].mean()) < 0.8


def test_no_row_is_told_a_probability_above_one(monkeypatch):
    run = fit()
    low = evaluation.Estimate(-50.0, 0.1, "ais", "consistent", "", 10, 10, 5.0, -50.0, 0.1, -50.3, -49.7)
    monkeypatch.setattr("harmonium.evaluation.ais_until_consistent", lambda *a, **s: [low])
    found = run.evaluate(method="ais")
    assert found.verdict == "inconsistent"
    assert "nats more than the estimate" in found.reason
    rows = run.encoder.rows(run.splits.test, sharp=True, generator=torch.Generator().manual_seed(0))
    assert float(evaluation.log_evidence(run.model, rows).max()) - found.log_partition <= 0
    assert found.upper <= found.log_likelihood + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [{"model": "dbm", "hidden": "6,5"}, {"model": "boltzmann", "hidden": "3", "rows": "few"}]
)
def test_annealing_of_deep_and_general_runs_meets_enumeration(settings, tmp_path):
    """From the data, and from the model file alone."""
    run = fit(**settings)
    exact = run.evaluate(method="exact")
    alone = hm.load(run.save(tmp_path / "m"))
    for found in (run.evaluate(method="ais"), alone.evaluate(run.splits.test, method="ais")):
        assert found.verdict == "consistent"
        assert abs(found.log_partition - exact.log_partition) < 4 * found.error + 1e-6


@pytest.mark.slow
def test_a_likelihood_is_certified_beside_its_bound():
    run = fit(steps=200)
    found, exact = run.evaluate(method="ais", n_betas=500, certify=True), run.evaluate(method="exact")
    assert found.certified["rows"] == 200
    assert found.certified["bound"] <= found.certified["estimate"] + 3 * found.error + 0.05
    assert found.lower - 1e-6 <= exact.log_likelihood <= found.upper + 1e-6
    assert "lower bound" in found.certificate
    with pytest.raises(InputError, match="leave --certify out"):
        run.evaluate(method="exact", certify=True)


@pytest.mark.slow
def test_a_report_is_written_in_memory_too(learned, tmp_path):
    with pytest.raises(InputError, match="say where"):
        learned.report()
    page = learned.report(tmp_path / "r.html").read_text()
    for part in ("How good is it?", "How it learned", "What the hidden units look for", "What it samples", "in use?"):
        assert part in page


def test_one_trainer_gives_one_run_at_any_time():
    trainer = Trainer(TrainConfig(hidden="4", steps=30, seed=1), "digits")
    norms = [float(trainer.run.model.weight.detach().norm()) for _ in trainer.steps()]
    assert len(norms) == 30
    assert norms[-1] != norms[0]


@pytest.mark.slow
def test_tempered_chains_draw_every_mode_by_its_weight():
    m, up = bimodal()
    run = Run.of(m)
    high = (run.sample(2000, gibbs_steps=60, sampler="pt", seed=1).sum(-1) > 0).astype(float)
    assert abs(high.mean() - up) < 4 * (up * (1 - up) / 2000) ** 0.5


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_a_sample_at_a_temperature_is_of_the_energy_divided_by_it(temperature):
    m = hm.BoltzmannMachine(hm.Spin(4), generator=0).double().requires_grad_(False)
    m.weight.mul_(40)
    x = Run.of(m).sample(20_000, gibbs_steps=50, temperature=temperature, seed=1)
    states = m.visible.states()
    same_distribution(torch.from_numpy(x), states, torch.softmax(-m.free_energy(states) / temperature, 0))


def test_a_network_has_the_temperature_of_its_top(labeled):
    dbn = labeled["dbn"]
    assert np.isfinite(dbn.sample(5, gibbs_steps=5, temperature=0.5)).all()
    assert dbn.sample(5, gibbs_steps=5, sampler="pt").shape == (5, 64)


@pytest.mark.parametrize("words", [{"sampler": "pcd"}, {"sampler": "pt", "label": 1}])
def test_a_sampler_that_cannot_draw_is_refused(labeled, words):
    with pytest.raises(InputError, match="gibbs, or pt without a label or a condition, was expected"):
        labeled["rbm"].sample(5, gibbs_steps=5, **words)


@pytest.mark.slow
def test_a_table_is_restored_in_the_unit_of_each_column(tmp_path):
    """A column in other units changes its own error by as much, and the error in deviations not at all."""
    g = np.random.default_rng(0)
    rows = np.repeat(g.normal(size=(500, 1)), 3, 1) + 0.3 * g.normal(size=(500, 3))
    told = {}
    for unit in (1.0, 1000.0):
        run = fit(rows * [1, 1, unit], hidden=4, steps=200, visible="gaussian")
        found = run.recover(mask="random:0.5", count=50, gibbs_steps=20)
        told[unit] = found.figures
        hidden = np.isnan(found.seen)
        off = (found.recovered - found.truth)[:, 2][hidden[:, 2]]
        assert found.figures["columns"]["3"]["error"] == pytest.approx((off**2).mean() ** 0.5, rel=1e-4)
        assert (found.recovered[~hidden] == found.truth[~hidden]).all()
        assert "squared deviations of each column" in str(found)
        assert found.save(tmp_path / "r.png").stat().st_size > 1000
    small, large = (told[unit]["columns"]["3"] for unit in told)
    assert large["error"] == pytest.approx(1000 * small["error"], rel=1e-2)
    assert large["baseline_error"] == pytest.approx(1000 * small["baseline_error"], rel=1e-4)
    assert told[1000.0]["mean_squared_error"] == pytest.approx(told[1.0]["mean_squared_error"], rel=1e-2)


@pytest.mark.slow
def test_states_are_judged_by_how_many_are_found(tmp_path):
    rows = np.random.default_rng(0).integers(0, 3, (500, 1)).repeat(4, 1)
    found = fit(rows, hidden=4, steps=600, lr=0.2, visible="potts:3").recover(mask="random:0.4", count=50)
    hidden = np.isnan(found.seen)
    right = (found.recovered == found.truth)[hidden].mean()
    assert found.figures["accuracy"] == pytest.approx(right)
    assert right > found.figures["baseline_accuracy"] + 0.3
    assert "mean_squared_error" not in found.figures
    assert "the most frequent states" in str(found)
    assert found.save(tmp_path / "r.png").is_file()
