"""Rows drawn under conditions in the words of the rows, surprise of their cells, and samples compared with them."""

import copy
import csv
import json
from dataclasses import replace

import numpy as np
import pytest

import harmonium as hm
from cli.inside import harmonium
from harmonium import InputError, evaluation
from harmonium.encoding.conditions import parse_conditions
from harmonium.fitting import surprising
from harmonium.fitting.comparing import Table, compared

DRAWN = np.random.default_rng(3)
BITS = DRAWN.random((300, 4)) < [0.1, 0.3, 0.5, 0.9]
SETTINGS = {"hidden": 4, "steps": 20, "seed": 2}
NUMBERS = {  # rows, what they are trained as, conditions on them, and the test that samples must pass
    "bits": (BITS.astype(np.uint8), {}, "column2=1", lambda x: x[:, 1] == 1),
    "one-hot": (
        np.eye(4, dtype=np.uint8)[DRAWN.integers(0, 4, 300)], {}, "column1=0, column3=0",
        lambda x: (x[:, 0] == 0) & (x[:, 2] == 0) & (x.sum(1) <= 1),
    ),
    "spins": (2.0 * BITS - 1, {}, "column2=-1", lambda x: x[:, 1] == -1),
    "gray": ((255 * BITS).astype(np.uint8), {"levels": 255}, "column1=255", lambda x: x[:, 0] == 255),
    "states": (DRAWN.integers(0, 5, (300, 4)), {"visible": "potts:5"}, "column1>=3", lambda x: x[:, 0] >= 3),
    "counts": (
        DRAWN.binomial(7, 0.3, (300, 4)), {"visible": "binomial:7"}, "column1={0|3|4}, column2>2",
        lambda x: np.isin(x[:, 0], [0, 3, 4]) & (x[:, 1] > 2),
    ),
    "real": (
        DRAWN.normal([5, -40, 0, 1e4], [2, 10, 1, 100], (300, 4)), {}, "column1>9, column2<=-40, column4=10000",
        lambda x: (x[:, 0] > 9) & (x[:, 1] <= -40) & (abs(x[:, 3] - 1e4) < 0.01),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_samples_of_numbers_meet_conditions(name):
    rows, settings, given, met = NUMBERS[name]
    run = hm.fit(rows, **SETTINGS, **settings)
    x = run.sample(200, 3, given=given, seed=1).astype(float)
    assert x.shape == (200, 4)
    assert met(x).all()


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A run on a table of words, counts, numbers, dates, many zeros and holes, in the directory run."""
    place = tmp_path_factory.mktemp("people")
    g, rows = np.random.default_rng(1), []
    for _ in range(240):
        age, sex = g.integers(18, 90), g.choice(["female", "male"])
        gain = 0 if g.random() < 0.7 else round(g.gamma(2, 500), 2)
        town = g.choice(["Paris, TX", "Rome", "Oslo"], p=[0.5, 0.4, 0.1])
        pet = "?" if g.random() < 0.2 else g.choice(["cat", "dog"]) if sex == "female" else "dog"
        rows.append([age, sex, round(150 + 20 * (sex == "male") + g.normal(0, 9), 1), gain, town, pet, g.poisson(2)])
    with open(place / "people.csv", "w", newline="") as file:
        csv.writer(file).writerows([["age", "sex", "height", "gain", "town", "pet", "children"], *rows])
    run = hm.fit(place / "people.csv", hidden=6, steps=200, seed=1, out=place / "run", batch_size=50)
    return place, run


MET = {
    "sex=female, age>=60": lambda w: (w["sex"] == "female") & (w["age"] >= 60),
    "town={Rome|Oslo}": lambda w: np.isin(w["town"].astype(str), ["Rome", "Oslo"]),
    'town="Paris, TX", age < 30': lambda w: (w["town"] == "Paris, TX") & (w["age"] < 30),
    "town!=Rome,children>1,children<=3": lambda w: (w["town"] != "Rome") & (w["children"] > 1) & (w["children"] <= 3),
    "height=170.5": lambda w: w["height"] == 170.5,
    "height<151.3,pet=cat": lambda w: (w["height"] < 151.3) & (w["pet"] == "cat"),
    "gain=0": lambda w: w["gain"] == 0,
    "gain>0": lambda w: w["gain"] > 0,
    "gain>=800,gain<1200": lambda w: (w["gain"] >= 800) & (w["gain"] < 1200),
    "gain<300": lambda w: w["gain"] < 300,
}


@pytest.mark.parametrize("given", MET)
def test_samples_of_a_table_meet_conditions_in_its_own_words(people, given):
    run = people[1]
    words = run.encoder.schema.words(run.sample(150, 3, given=given, seed=1))
    assert MET[given](words).all()


def test_conditions_may_be_a_mapping(people):
    run = people[1]
    found = run.sample(20, 3, given={"sex": "female", "town": ["Rome", "Oslo"], "age": ">=60"}, seed=1)
    assert np.array_equal(found, run.sample(20, 3, given="sex=female, town={Rome|Oslo}, age>=60", seed=1))


BAD = {
    "sex=femal": "names 'femal' where 'sex' has female, male",
    "agee>3": "no column 'agee'.*did you mean 'age'",
    "age>200": "leaves no value of 'age', which is",
    "gain<-5": "leaves no value of 'gain'",
    "height!=3": "'height', which is continuous",
    "height={1|2}": "'height', which is continuous",
    "sex<3": "'female', which is no number",
    "sex=female,sex=male": "leaves no value of 'sex'",
    "age>={1|2}": "compares with several values",
    "age>x": "'x', which is no number",
    "age>": "such as 'sex=female",
    "": "no condition",
    "age": "such as 'sex=female",
}


@pytest.mark.parametrize("given", BAD)
def test_conditions_that_say_nothing_are_told_in_one_line(people, given):
    with pytest.raises(InputError, match=BAD[given]) as told:
        people[1].sample(2, 2, given=given)
    assert "\n" not in str(told.value)


def test_names_that_begin_alike_and_odd_values_are_told_apart():
    found = parse_conditions("a b>=1,a={x | y,z},'q'!=\"u, v\"", ["a", "a b", "'q'"])
    assert found == [("a b", ">=", ("1",)), ("a", "=", ("x", "y,z")), ("'q'", "!=", ("u, v",))]


def test_a_network_and_a_ladder_cannot_be_held_to_conditions(people):
    with pytest.raises(InputError, match="leave --sampler out"):
        people[1].sample(2, 2, given="sex=male", sampler="pt")
    run = hm.fit(BITS.astype(np.uint8), model="dbn", hidden="3,3", steps=2)
    with pytest.raises(InputError, match="leave --given out"):
        run.sample(2, 2, given="column1=1")


def test_surprise_of_whole_rows_is_that_of_the_machine_and_of_holes_is_nothing(people):
    run = people[1]
    dataset = run.splits.train
    nats, states = run.surprise(split="train"), run.encoder.rows(dataset)
    whole = ~np.isnan(dataset.rows).any(1)
    expected = evaluation.surprise(run.model, states[whole], list(run.encoder.cells)).numpy()
    assert np.allclose(nats[whole], expected, atol=1e-4)  # float32, and other rows beside
    assert np.array_equal(np.isnan(nats), np.isnan(dataset.rows))


def test_surprise_beside_a_hole_sums_it_out(people, monkeypatch):
    """p(age | rest without town) by listing the towns, against completions: within 5 of their standard errors."""
    run = people[1]
    monkeypatch.setattr(surprising, "DRAWS", 4000)
    whole = run.splits.train.select(np.flatnonzero(~np.isnan(run.splits.train.rows).any(1))[:1])
    town, sex = run.encoder.names.index("town"), run.encoder.names.index("sex")
    rows = np.repeat(whole.rows, 3, 0)
    rows[:, town] = [0, 1, 2]
    flipped = rows.copy()
    flipped[:, sex] = 1 - flipped[:, sex]
    states = [run.encoder.rows(replace(whole, table=one, index=None, ids=None)) for one in (rows, flipped)]
    mass = [_mass(run, one) for one in states]
    expected = np.logaddexp(mass[0], mass[1]) - mass[0]
    rows[:, town] = np.nan
    found = run.surprise(replace(whole, table=rows[:1], index=None, ids=None), seed=3)
    assert np.isnan(found[0, town])
    inverse = np.exp(expected)  # 1/p is a mean of draws: its deviation is below its range
    assert abs(np.exp(found[0, sex]) - inverse) < 5 * _spread(run, states) / 4000**0.5


def _mass(run, states):
    return float((-run.model.free_energy(states).detach().double()).logsumexp(0))


def _spread(run, states):
    """Return the deviation of 1/p(sex | rest) over the posterior of the town."""
    one, two = (-run.model.free_energy(x).detach().double() for x in states)
    values, p = 1 + (two - one).exp(), one.softmax(0)
    mean = (p * values).sum()
    return float((p * (values - mean) ** 2).sum().sqrt()) + 1e-4 * float(mean)


def test_the_commands_write_what_the_library_gives(people, tmp_path):
    place, run = people
    done = harmonium("score", place / "run", place / "people.csv", "--cells", "--out", tmp_path / "s.json")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "s.json").read_text())
    assert {f"surprise({name})" for name in run.encoder.names} <= found[0].keys()
    done = harmonium(
        "sample", place / "run", "--given", "sex=female", "--count", 12, "--gibbs-steps", 3, "--out", tmp_path / "x.csv"
    )
    assert done.stdout.startswith("12 rows given sex=female"), done.stderr
    done = harmonium("compare", place / "run", "--gibbs-steps", 5, "--json")
    assert 0 <= json.loads(done.stdout)["auc"] <= 1, done.stderr
    done = harmonium("compare", place / "run", tmp_path / "x.csv")
    assert done.returncode == 0, done.stderr
    assert str(run.compare(str(tmp_path / "x.csv"))) in " ".join(done.stdout.split())


# Comparison -----------------------------------------------------------------------------------------------------------


def drawn(seed, count=400, shift=0.0):
    g = np.random.default_rng(seed)
    level = g.integers(0, 3, count)
    x = g.normal(level + shift, 1)
    return Table(np.stack([level, x, 2 * x + g.normal(0, 1, count)], 1), (3, 0, 0))


def test_rows_of_one_distribution_cannot_be_told_apart():
    found = compared(drawn(1), drawn(2), drawn(3), ("level", "x", "y"), 0)
    assert abs(found.auc - 0.5) < 5 * np.sqrt(801 / (12 * 400 * 400))  # of the Mann-Whitney statistic
    assert (found.distance < 5 * np.sqrt(2 / 400)).all()
    assert found.association < 5 * np.sqrt(2 / 400)


def test_what_differs_is_found_where_it_is():
    found = compared(drawn(1, shift=2.0), drawn(2), drawn(3), ("level", "x", "y"), 0)
    assert found.auc > 0.8
    assert found.distance[1] > 0.5 > found.distance[0]


def test_copies_of_training_rows_lie_too_near():
    train = drawn(3)
    found = compared(Table(train.rows[:200], train.levels), drawn(2), train, ("level", "x", "y"), 0)
    assert found.nearest["50%"] == pytest.approx(0.0, abs=1e-3)
    assert found.nearest_held_out["50%"] > 0.01
    assert found.closer > 0.9


def test_distances_and_associations_are_those_of_the_textbook():
    from scipy.stats import chi2_contingency, ks_2samp

    from harmonium.fitting.comparing import associations, distances

    a, b = drawn(1), drawn(2)
    level = [np.bincount(one.rows[:, 0].astype(int), minlength=3) / 400 for one in (a, b)]
    assert distances(a, b)[0] == pytest.approx(abs(level[0] - level[1]).sum() / 2)
    assert distances(a, b)[1] == pytest.approx(ks_2samp(a.rows[:, 1], b.rows[:, 1]).statistic)
    two = Table(np.stack([a.rows[:, 0], (a.rows[:, 1] > 1).astype(float), a.rows[:, 1], a.rows[:, 2]], 1), (3, 2, 0, 0))
    found, counts = associations(two), np.zeros((3, 2))
    np.add.at(counts, (two.rows[:, 0].astype(int), two.rows[:, 1].astype(int)), 1)
    assert found[0, 1] == pytest.approx(np.sqrt(chi2_contingency(counts, correction=False).statistic / 400))
    assert found[2, 3] == pytest.approx(np.corrcoef(two.rows[:, 2], two.rows[:, 3])[0, 1])
    groups = [two.rows[two.rows[:, 0] == k, 2] for k in range(3)]
    between = sum(len(x) * (x.mean() - two.rows[:, 2].mean()) ** 2 for x in groups)
    assert found[0, 2] == pytest.approx(np.sqrt(between / (400 * two.rows[:, 2].var())))


# Imputation -----------------------------------------------------------------------------------------------------------


def test_every_draw_keeps_what_is_known_and_the_uncertainty_is_of_what_is_not(people):
    run = people[1]
    rows = run.splits.train.rows[:40].copy()
    rows[:, 0] = np.nan  # age, so that a number is missing too
    found = run.imputation(run.splits.train.take(40), draws=3, gibbs_steps=20)
    holes = np.isnan(run.splits.train.rows[:40])
    assert found.draws.shape == (3, *holes.shape)
    assert not np.isnan(found.draws).any()
    assert all(np.array_equal(draw[~holes], run.splits.train.rows[:40][~holes]) for draw in found.draws)
    assert np.array_equal(~np.isnan(found.uncertainty), holes)


def test_how_sure_the_model_is_of_a_level_is_its_probability_and_of_a_number_its_deviation(people):
    """On independent units: p is that of the likeliest level, s the deviation of the unit in the unit of the column."""
    run = copy.copy(people[1])
    run.model = run.model.independent()
    names, chains, steps = run.encoder.names, 64, 100
    one = run.splits.train.take(1)
    blank = replace(one, table=np.full_like(one.rows, np.nan), index=None)
    found = run.imputation(blank, draws=2, chains=chains, gibbs_steps=steps, seed=5)
    units = run.model.visible.mean(run.model.visible.zero_field(1))[0].detach()
    count = chains * steps / 2
    town = units[run.encoder.cells[names.index("town")]].max().item()
    told = found.uncertainty[0]
    assert abs(told[names.index("town")] - town) < 5 * (town * (1 - town) / count) ** 0.5
    height = run.sample(4000, 3, seed=3)[:, names.index("height")].std()
    assert told[names.index("height")] == pytest.approx(height, rel=5 * (1 / (2 * count) + 1 / 8000) ** 0.5)


def test_impute_writes_draws_below_each_other_and_the_uncertainty_beside(people, tmp_path):
    place = people[0]
    words = ["--draws", 2, "--gibbs-steps", 4, "--out", tmp_path / "d.csv", "--uncertainty", tmp_path / "u.csv"]
    done = harmonium("impute", place / "run", place / "people.csv", *words)
    assert done.returncode == 0, done.stderr
    paths = tmp_path / "d.csv", tmp_path / "u.csv", place / "people.csv"
    drawn, sure, given = (list(csv.DictReader(path.read_text().splitlines())) for path in paths)
    assert [row["draw"] for row in drawn] == ["1"] * 240 + ["2"] * 240
    assert {row["pet"] for row in drawn} == {"cat", "dog"}
    assert [row["sex"] for row in drawn] == 2 * [row["sex"] for row in given]
    assert [row["pet"] == "?" for row in given] == [row["pet"] not in ("", "nan") for row in sure]
