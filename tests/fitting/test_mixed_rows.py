"""Tables of columns of their own kinds, with holes, through training, files and what a run answers."""

import csv

import numpy as np
import pandas as pd
import pytest
import torch

import harmonium as hm
from cli.inside import harmonium
from harmonium import InputError, data, evaluation
from harmonium.encoding import TableEncoder
from harmonium.fitting.defaults import resolve
from harmonium.fitting.holes import Holes
from laws import LIMIT, chi_square, rng

N = 90
G = np.random.default_rng(0)
SEX = np.array(["f", "m"])[G.integers(0, 2, N)]
FRAME = pd.DataFrame(
    {
        "age": (30 + 10 * (SEX == "m") + G.normal(0, 3, N)).round(),
        "city": np.array(["Bern", "Graz", "Wien"])[G.integers(0, 3, N)],
        "sex": SEX,
        "n": G.integers(0, 5, N),
        "pay": np.exp(G.normal(8, 1, N)).round(2),
        "gain": np.where(G.random(N) < 0.6, 0.0, G.gamma(2.0, 50.0, N).round(1)),
    }
)
HOLED = FRAME.astype(object).mask(G.random(FRAME.shape) < 0.2)
QUICK = {"hidden": 4, "steps": 12, "batch_size": 20, "seed": 1}


@pytest.fixture(scope="module")
def run():
    return hm.fit(HOLED, **QUICK)


def test_every_column_has_a_cell_of_its_own_and_kinds_share_a_part(run):
    encoder = run.encoder
    assert isinstance(encoder, TableEncoder)
    parts = [type(part).__name__ for part in encoder.units().components()]
    assert parts == ["Potts", "Bernoulli", "Binomial", "Gaussian", "ZeroInflated"]
    columns = sorted(i for cell in encoder.cells for i in range(cell.start, cell.stop))
    assert columns == list(range(encoder.width))


def test_rows_go_to_states_and_back(run):
    codes = torch.from_numpy(data.from_array(FRAME, like=run.encoder.form).rows)
    x = run.encoder.encode(codes)
    assert run.encoder.units().in_support(x)
    # a skewed column comes back as exactly as its quantiles tell: to within the last knots for what lies beyond them
    inside = (codes[:, 4] > codes[:, 4].quantile(0.05)) & (codes[:, 4] < codes[:, 4].quantile(0.95))
    torch.testing.assert_close(run.encoder.decode(x)[inside], codes[inside], rtol=1e-3, atol=1e-3)
    blank = run.encoder.encode(torch.full_like(codes[:1], torch.nan))
    assert bool(blank.isnan().all())


def test_a_model_file_keeps_the_encoder(run, tmp_path):
    again = hm.load(run.save(tmp_path / "m.safetensors"))
    assert again.encoder.schema == run.encoder.schema
    codes = torch.from_numpy(run.splits.test.rows)
    torch.testing.assert_close(again.encoder.encode(codes), run.encoder.encode(codes), equal_nan=True)


def test_holes_are_filled_in_and_the_rest_stays(run):
    given = data.from_array(HOLED, like=run.encoder.form).rows
    found = run.impute(HOLED, chains=2, gibbs_steps=4)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[np.isfinite(given)], given[np.isfinite(given)])


def test_what_is_resumed_goes_on_bit_for_bit(tmp_path):
    whole = hm.fit(HOLED, out=tmp_path / "a", **QUICK)
    trainer = hm.Trainer(hm.TrainConfig(**QUICK), HOLED, out=tmp_path / "b", save_every=0.0)
    for i, _ in enumerate(trainer.steps()):
        if i == 6:
            trainer.stop()
    again = hm.Trainer.resume(tmp_path / "b", HOLED)
    for _ in again:
        pass
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, again.run.model.state_dict()[name]), name
    assert (tmp_path / "a" / "schema.yaml").is_file()


def test_draws_of_holes_follow_the_posterior():
    """Many copies of one holed row, drawn by clamped steps from the exact posterior, stay there."""
    rows = np.array([["a", "u"], ["b", "v"], ["a", None]] * 10, dtype=object)
    dataset = data.from_array(rows)
    encoder = TableEncoder.fit("table", "none", dataset)
    machine = hm.RBM(encoder.units(), 3, generator=0)
    machine.weight.data.normal_(0, 1.5, generator=rng(1))
    many = dataset.select(np.full(4000, 2))
    holes = Holes(encoder, many, rng(2), torch.device("cpu"))
    v, order = encoder.rows(many), torch.arange(4000)
    g = rng(3)
    for _ in range(30):
        drawn = holes.draw(machine, v, order, generator=g)
    states = machine.visible.states()
    agree = states[(states[:, encoder.cells[0]] == drawn[0, encoder.cells[0]]).all(1)]
    odds = torch.softmax(-machine.free_energy(agree), 0).detach()
    counts = torch.stack([(drawn == state).all(1).sum() for state in agree])
    assert chi_square(counts, odds) > LIMIT
    assert torch.equal(holes.known(v, order), drawn)  # remembered


def test_evaluation_says_how_holes_were_summed_out(run):
    found = run.evaluate()
    assert "empty cells are summed out, exactly" in str(found)
    assert found.verdict == "exact"
    v = run.encoder.rows(run.splits.test)
    expected = evaluation.log_evidence_of_known(run.model, v).mean() - evaluation.log_partition(run.model).value
    assert found.log_likelihood == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("model", ["dbn", "dbm", "boltzmann"])
def test_other_models_learn_around_holes_too(model):
    frame = HOLED[["city", "sex", "n"]] if model == "boltzmann" else HOLED
    run = hm.fit(frame, model=model, **{**QUICK, "hidden": "4,3" if model[:2] == "db" else 3})
    assert np.isfinite(run.sample(3, 3)).all()


def test_commands_read_and_write_the_file_s_own_words(tmp_path):
    HOLED.to_csv(tmp_path / "t.csv", index=False)
    done = harmonium("train", "t.csv", "--hidden", 3, "--steps", 6, "--no-report", "--out", "r", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "city  categorical: Bern, Graz, Wien" in done.stderr
    for words, name in (
        (["impute", "r", "t.csv", "--chains", 2, "--gibbs-steps", 3], "filled.csv"),
        (["sample", "r", "--count", 7, "--gibbs-steps", 3], "drawn.csv"),
        (["reconstruct", "r", "t.csv"], "again.csv"),
    ):
        done = harmonium(*words, "--out", name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        rows = list(csv.DictReader((tmp_path / name).read_text().splitlines()))
        assert set(FRAME.columns) <= set(rows[0])
        assert {row["city"] for row in rows} <= {"Bern", "Graz", "Wien"}
        assert all(row["n"].isdecimal() for row in rows)
    for command in ("score", "features"):
        done = harmonium(command, "r", "t.csv", "--out", "s.csv", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    (tmp_path / "s.yaml").write_text("n: categorical\n")
    options = ["--schema", "s.yaml", "--column", "age=identifier", "--hidden", 3, "--steps", 3, "--no-report"]
    done = harmonium("train", "t.csv", *options, "--out", "q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [column.kind for column in hm.load(tmp_path / "q").encoder.schema.columns][:4:3] == [
        "identifier",
        "categorical",
    ]
    wrong = harmonium("train", "t.csv", "--column", "age=reel", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "column 'age' is given as 'reel'" in wrong.stderr
    assert "\n" not in wrong.stderr.strip()


@pytest.mark.parametrize(("rows", "steps"), [(9_999, 3_000), (10_000, 8_000)])
def test_a_long_table_is_learned_in_more_steps_unless_they_are_said(tmp_path, rows, steps):
    lines = "\n".join(f"{'ab'[i % 2]},{'cde'[i % 3]}" for i in range(rows))
    (tmp_path / "x.csv").write_text(f"one,two\n{lines}\n")
    train = data.load_rows(tmp_path / "x.csv")
    found = resolve(hm.TrainConfig(), train)
    assert (found.optimizer, found.steps) == ("sgd", steps)
    said = resolve(hm.TrainConfig(steps=7, lr=0.5, optimizer="adam", batch_size=9), train)
    assert (said.optimizer, said.steps, said.lr, said.batch_size) == ("adam", 7, 0.5, 9)


def test_a_discrete_number_is_a_site_whose_states_are_numbers_and_is_averaged_as_one():
    hours = np.array([8.0, 40.0, 40.5, 60.0] * 10)
    dataset = data.from_array(pd.DataFrame({"hours": hours, "c": ["a", "b"] * 20}), columns={"hours": "discrete"})
    encoder = TableEncoder.fit("table", "none", dataset)
    x = encoder.rows(dataset)
    assert encoder.units().in_support(x)
    assert encoder.units().width == 4 + 1
    np.testing.assert_array_equal(encoder.decode(x), dataset.rows)
    assert float(encoder.settle(encoder.natural(x).mean(0))[0]) == hours.mean()
    between = encoder.encode(torch.tensor([[41.0, 0.0], [1e6, 1.0], [torch.nan, 1.0]]))
    assert encoder.decode(between[:2])[:, 0].tolist() == [40.5, 60.0]
    assert between[2].isnan().tolist() == [True] * 4 + [False]
    with pytest.raises(InputError, match="the level 'x' in column 'hours', said to be discrete: give numbers"):
        data.from_array(
            pd.DataFrame({"hours": hours}), columns={"hours": {"kind": "discrete", "levels": [8, 40, 40.5, 60, "x"]}}
        )


def test_how_sure_the_model_is_of_a_discrete_number_is_its_deviation():
    """On independent units, whose draws are independent: within five errors of the second moment."""
    frame = pd.DataFrame({"n": [0.0, 1.0, 1.0, 8.0] * 20, "c": ["a", "b"] * 40})
    run = hm.fit(frame, column=("n=discrete",), **QUICK)
    run.model = run.model.independent()
    found = run.imputation(pd.DataFrame({"n": [None], "c": ["a"]}), draws=1, chains=64, gibbs_steps=100, seed=2)
    numbers, p = (
        run.encoder.numbers(0).double(),
        run.model.visible.mean(run.model.visible.zero_field(1))[0, :3].double(),
    )
    off = (numbers - p @ numbers) ** 2
    variance, error = p @ off, (p @ off**2 - (p @ off) ** 2).div(64 * 50).sqrt()
    assert abs(found.uncertainty[0, 0] ** 2 - float(variance)) < 5 * float(error) + float(off.max() / (64 * 50))


def test_whole_rows_beside_holes_are_neither_touched_nor_drawn_for(run):
    whole = data.from_array(FRAME, like=run.encoder.form)
    for draws in (0, 2):
        found = run.imputation(whole, draws=draws, gibbs_steps=2)
        assert np.array_equal(found.filled, whole.rows)
        assert found.draws.shape == (draws, *whole.rows.shape)
        assert np.isnan(found.uncertainty).all()
    rows = whole.rows.copy()
    rows[5, 1] = np.nan
    frames = [pd.DataFrame(run.encoder.schema.words(x)) for x in (rows[5:6], rows)]
    alone, beside = (run.imputation(frame, gibbs_steps=3, seed=4) for frame in frames)
    assert np.array_equal(beside.draws[:, 5], alone.draws[:, 0])
