"""What a run says of every row: exact on small machines, in the scale of the rows, in the files that people keep."""

import csv
import json

import numpy as np
import pytest
import torch

import harmonium as hm
from harmonium import InputError, Run
from harmonium.data import load_rows
from marks import slow_but

SETTINGS = {"hidden": 4, "steps": 1, "lr": 1e-9, "seed": 2}
COUNT = 4000
DRAWN = np.random.default_rng(3)
BITS = DRAWN.random((300, 5)) < [0.1, 0.3, 0.5, 0.7, 0.9]
TABLES = {  # rows as people have them, what they are trained as, and the values that a sample may have
    "bits": (BITS.astype(np.uint8), {}, {0, 1}),
    "spins": (2.0 * BITS - 1, {}, {-1, 1}),
    "bits as spins": (BITS.astype(np.uint8), {"visible": "spin"}, {0, 1}),
    "gray": ((255 * BITS).astype(np.uint8), {"levels": 255}, {0, 255}),
    "sixteen levels": (16.0 * BITS, {"levels": 16}, {0, 16}),
    "gray as spins": ((255 * BITS).astype(np.uint8), {"levels": 255, "visible": "spin"}, {0, 255}),
    "states": (DRAWN.integers(0, 5, (300, 5)), {"visible": "potts:5"}, set(range(5))),
    "counts": (DRAWN.binomial(7, 0.3, (300, 5)), {"visible": "binomial:7"}, set(range(8))),
    "real": (DRAWN.normal([5, -40, 0, 1e4, 1e-3], [2, 10, 1, 100, 1e-4], (300, 5)), {}, None),
}
MODELS = {
    "rbm": {},
    "boltzmann": {"model": "boltzmann", "hidden": 3},
    "dbm": {"model": "dbm", "hidden": "4,3"},
    "dbn": {"model": "dbn", "hidden": "4,3"},
}


@pytest.mark.parametrize("model", slow_but(MODELS, ["rbm"]))
@pytest.mark.parametrize("table", TABLES)
def test_samples_have_the_support_the_mean_and_the_spread_of_the_data(table, model):
    """A model that has only taken up the moments of the data gives them back, in the scale in which they were given.

    Weights of N(0, 0.01²) move a mean by less than a deviation times their sum; the rest is chance: 5 standard errors.
    """
    rows, settings, support = TABLES[table]
    run = hm.fit(rows, **{**SETTINGS, **settings, **MODELS[model]})
    drawn, seen = run.sample(COUNT, gibbs_steps=3).astype(float), run.splits.train.rows.astype(float)
    assert drawn.shape == (COUNT, 5)
    assert support is None or set(np.unique(drawn).tolist()) <= support
    spread = seen.std(0)
    reach = max(float(weight.detach().abs().sum(1).max()) for weight in run.model.weights)
    smoothed = 2 / len(seen) * np.abs(rows).max(0)  # of the pseudo-counts that no frequency is zero by
    error = 5 * spread * np.sqrt(1 / COUNT + 1 / len(seen))
    assert (np.abs(drawn.mean(0) - seen.mean(0)) < error + (0 if support is None else smoothed) + reach * spread).all()
    assert (np.abs(np.log(drawn.std(0) / spread)) < 5 * np.sqrt(0.5 / COUNT + 0.5 / len(seen)) + reach + 0.1).all()


@pytest.mark.parametrize("table", TABLES)
def test_what_is_encoded_is_decoded_to_what_it_was(table):
    rows, settings, _ = TABLES[table]
    run = hm.fit(rows, **SETTINGS, **settings)
    dataset = run.encoder.read(rows)
    back = run.encoder.decode(run.encoder.rows(dataset)).numpy()
    assert np.allclose(back, rows, rtol=1e-5, atol=1e-5 * np.abs(rows).max())
    full = run.impute(rows, gibbs_steps=2, chains=1)
    assert np.array_equal(full, rows)
    holes = np.where(np.arange(5) < 2, np.nan, rows[:40].astype(float))
    filled = run.impute(holes, gibbs_steps=20, seed=1)
    low, high = rows.min(0), rows.max(0)
    assert (filled[:, :2] >= low[:2]).all()
    assert (filled[:, :2] <= high[:2]).all()
    assert np.array_equal(filled[:, 2:], rows[:40, 2:])


def test_scores_are_log_probabilities():
    model = hm.RBM(hm.Spin(6), 4, generator=0)
    with torch.no_grad():
        model.weight.mul_(60)
    run = Run.of(model)
    states = model.visible.states().numpy()
    scores = run.score(states)
    assert scores.verdict == "exact"
    assert np.exp(scores.log_likelihood).sum() == pytest.approx(1, abs=1e-5)
    assert np.allclose(scores.free_energy, model(states).detach(), atol=1e-5)
    assert np.array_equal(scores.lower, scores.upper)
    assert scores.log_likelihood.mean() == pytest.approx(run.evaluate(states).log_likelihood, abs=1e-6)


def test_scores_take_up_what_an_evaluation_found():
    run = hm.fit("digits", hidden=30, steps=30, seed=1)
    found = run.evaluate(method="ais", chains=20, n_betas=50)
    scores = run.score(split="test")
    assert (scores.verdict, scores.reason) == (found.verdict, found.reason)
    assert scores.log_likelihood.mean() == pytest.approx(found.log_likelihood, abs=1e-4)
    assert scores.lower.mean() == pytest.approx(found.lower, abs=1e-4)
    assert scores.upper.mean() == pytest.approx(found.upper, abs=1e-4)


def test_features_and_reconstructions_are_the_machines_own():
    run = hm.fit("digits", hidden="12,8", model="dbm", steps=30, seed=1)
    v = run.encoder.rows(run.splits.test)
    for layer in (1, 2):
        assert np.array_equal(run.features(layer=layer), run.model.hidden_means(v)[layer - 1].numpy())
    assert np.array_equal(run.features(), run.features(layer=2))
    means = run.model.reconstruct(run.model.infer(v))[:, :64].detach().numpy()
    assert np.allclose(run.reconstruct(), 16 * means, atol=1e-5)
    assert np.allclose(run.reconstruct(v.numpy()), means, atol=1e-5)  # rows of 0 and 1 come back from 0 to 1
    with pytest.raises(InputError, match="--layer 3 was given where 1 to 2"):
        run.features(layer=3)
    alone = hm.fit(BITS[:, :4], model="boltzmann", hidden=0, steps=3)
    with pytest.raises(InputError, match="no hidden units"):
        alone.features()


def test_labels_weigh_in_by_their_probabilities():
    run = hm.fit("digits", labels=True, hidden=6, steps=30, seed=1)
    found = run.classify()
    assert np.allclose(found.probabilities.sum(1), 1)
    assert str(found) == f"test error {found.error:.2%} of 359 rows (exact read-out)"
    assert len(repr(found)) < 1000
    assert np.array_equal(found.probabilities.argmax(1), found.predicted)
    assert found.labels.tolist() == [str(i) for i in found.predicted]
    v = torch.cat([run.encoder.rows(run.splits.test), torch.from_numpy(found.probabilities)], -1)
    assert np.allclose(run.features(), run.model.hidden_means(v)[0].numpy(), atol=1e-6)


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A run on a file whose columns have names and whose rows have ids, and new rows of it."""
    place, rows = tmp_path_factory.mktemp("named"), DRAWN.normal([5, -4, 0], [2, 1, 3], (60, 3)).round(3)
    for name, part in (("old", rows[:50]), ("new", rows[50:])):
        lines = [f"{1000 + i},{','.join(map(str, row))}" for i, row in enumerate(part.tolist())]
        (place / f"{name}.csv").write_text("\n".join(["id,height,depth,width", *lines]) + "\n")
    return hm.fit(place / "old.csv", hidden=3, steps=20, seed=1), place / "new.csv", rows[50:]


@pytest.mark.parametrize("what", ["score", "features", "reconstruct", "impute"])
@pytest.mark.parametrize("ending", [".csv", ".json", ".npy"])
def test_files_have_the_ids_and_the_names_of_the_rows(what, ending, named, tmp_path):
    run, new, rows = named
    found = getattr(run, what)(new, out=tmp_path / f"out{ending}")
    columns = found.columns if what == "score" else dict(enumerate(found.T))
    expected = np.column_stack(list(columns.values()))
    if ending == ".npy":
        assert np.array_equal(np.load(tmp_path / "out.npy"), expected)
        return
    text = (tmp_path / f"out{ending}").read_text()
    lines = list(csv.DictReader(text.splitlines())) if ending == ".csv" else json.loads(text)
    assert [str(line["id"]) for line in lines] == [str(1000 + i) for i in range(10)]
    names = list(lines[0])[1:]
    wanted = {"score": list(columns), "features": ["unit1", "unit2", "unit3"]}
    assert names == wanted.get(what, ["height", "depth", "width"])
    assert np.allclose([[float(line[name]) for name in names] for line in lines], expected, rtol=1e-6, atol=1e-8)
    if what == "impute":
        assert np.allclose(expected, rows)
        assert np.allclose(load_rows(tmp_path / "out.csv").rows if ending == ".csv" else rows, rows)


def test_samples_are_written_as_a_table(named, tmp_path):
    run, _, _ = named
    drawn = run.sample(7, gibbs_steps=5, out=tmp_path / "rows.csv")
    lines = list(csv.DictReader((tmp_path / "rows.csv").read_text().splitlines()))
    assert np.allclose([[float(line[name]) for name in ("height", "depth", "width")] for line in lines], drawn)


def test_what_cannot_be_written_is_told_before_anything_is_done(named, tmp_path):
    run, new, _ = named
    with pytest.raises(InputError, match=r"ends in '.txt' where .csv, .npy or .json"):
        run.features(new, out=tmp_path / "out.txt")
    assert run.features(new, out=tmp_path / "new" / "out.csv").shape == (10, 3)  # which makes the folder
    with pytest.raises(InputError, match="cannot be written"):
        run.features(new, out=new / "out.csv")
    (tmp_path / "less.csv").write_text("id,height,width\n1,2.5,3\n2,3.5,4\n")
    with pytest.raises(InputError, match="lacks the column 'depth'"):
        run.impute(tmp_path / "less.csv")


def test_an_evaluation_says_that_the_data_have_changed(tmp_path):
    file = tmp_path / "rows.csv"
    np.savetxt(file, DRAWN.normal(5, 2, (200, 3)), delimiter=",")
    run = hm.fit(file, hidden=3, steps=20, seed=1, out=tmp_path / "run")
    before = run.sample(500, gibbs_steps=10)
    assert run.evaluate().data_changed == ""
    with file.open("a") as stream:
        np.savetxt(stream, np.full((300, 3), 500.0), delimiter=",")
    later = Run.open(tmp_path / "run")
    assert np.array_equal(later.sample(500, gibbs_steps=10), before)
    found = later.evaluate()
    assert "where the run began with" in found.data_changed
    assert "the data have changed" in str(found)
    file.unlink()
    assert np.array_equal(Run.open(tmp_path / "run").sample(500, gibbs_steps=10), before)
    with pytest.raises(InputError, match="there is no file"):
        Run.open(tmp_path / "run").evaluate()
