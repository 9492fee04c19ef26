"""What the report of a run shows, by the kind of its rows and of its model."""

import contextlib
import itertools
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from test_page import Reader

import harmonium as hm
from harmonium import plots
from harmonium.cli import main
from harmonium.evaluation import Mixing
from harmonium.evaluation.mixing import _verdict
from harmonium.fitting.curves import by_stage, columns_of
from harmonium.fitting.likelihood import recall
from harmonium.fitting.live import change, keep
from harmonium.progress import silent
from harmonium.report import words
from harmonium.report.kinds import _correlations, _covariances
from harmonium.report.learning import told
from harmonium.report.material import Report
from marks import slow_but

STUCK = Mixing("stuck", "chains differ", 3.0, 0.1, 10.0, 0.5, float("nan"), 8192, 0.5)


def chain_of_spins(count: int, sites: int) -> np.ndarray:
    """Return rows of a one-dimensional Ising chain in which neighbors agree three times out of four."""
    g = np.random.default_rng(0)
    steps = np.where(g.random((count, sites)) < 0.75, 1, -1)
    return np.cumprod(steps, 1).astype(np.float32)


SPINS = chain_of_spins(900, 6)
TABLE = np.random.default_rng(1).normal([5, 100, -2], [2, 30, 0.1], (400, 3)).astype(np.float32)
LETTERS = np.random.default_rng(2).choice(3, (600, 4), p=[0.6, 0.3, 0.1])
RUNS = {
    "pictures": lambda: hm.fit("digits", hidden=8, epochs=3),
    "table": lambda: hm.fit(TABLE, hidden=4, steps=60),
    "spins": lambda: hm.fit(SPINS, hidden=4, visible="spin", sampler="pcd", steps=300, lr=0.1),
    "general": lambda: hm.fit(SPINS, model="boltzmann", hidden=0, visible="spin", steps=200, lr=0.1),
    "sequences": lambda: hm.fit(LETTERS, visible="potts:3", hidden=3, steps=60),
    "network": lambda: hm.fit(TABLE, model="dbn", hidden=[14, 4], epochs=3),
    "labels": lambda: hm.fit("digits", labels=True, hidden=8, epochs=2),
    "cd": lambda: hm.fit(SPINS, hidden=4, visible="spin", sampler="cd", steps=60),
}


@cache
def run(name: str) -> hm.Run:
    return run("labels").finetune("classifier", epochs=1) if name == "classifier" else RUNS[name]()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Return the text of the report of a run by its name; each is written once."""
    place = tmp_path_factory.mktemp("reports")
    return cache(lambda name: run(name).report(place / name / "report.html").read_text())


def report(name: str, tmp_path) -> Report:
    made = run(name)
    return Report(made, recall(made) or made.evaluate(), tmp_path / "r.html", "full", silent)


def titles(text: str) -> list[str]:
    return Reader(text).words["h2"]


KINDS = {
    "pictures": ("What it samples", "Data, reconstructions and samples while it learned"),
    "table": ("Data beside samples", "Does it know one column from the others?", "What the hidden units look for"),
    "spins": ("Data beside samples", "What the hidden units look for"),
    "general": ("Data beside samples", "What couples what?"),
    "sequences": ("Data beside samples", "Does it know one site from the others?"),
    "network": ("Data beside samples", "The network"),
    "labels": ("How well does it read labels?", "How good is it?"),
    "classifier": ("How well does it read labels?", "The model that it began from"),
}
ALL = {title for of_kind in KINDS.values() for title in of_kind} - {"How good is it?"}


@pytest.mark.parametrize("name", slow_but(KINDS, ["table"]))
def test_a_report_shows_what_its_rows_are(page, name):
    found = titles(page(name))
    assert set(KINDS[name]) <= set(found)
    if name in ("table", "spins", "general", "sequences"):
        assert "What it samples" not in found  # strips of black and white tell nothing there
    assert ("What the hidden units look for" in found) == (name != "general")
    assert found == sorted(set(found), key=found.index)


@pytest.mark.slow
def test_a_model_that_learned_labels_and_a_classifier_tell_of_them_first(page):
    for name in ("labels", "classifier"):
        text = Reader(page(name))
        assert next(title for title in text.words["h2"] if title != "What to know first") == KINDS["labels"][0]
        assert text.words["dt"][0] == "test labels read rightly"
        error = run(name).classify().error
        assert f"{100 * (1 - error):.1f} ±" in text.words["dd"][0]


@pytest.mark.slow
def test_a_classifier_is_not_led_by_the_likelihood_of_the_model_that_it_left(page):
    text = Reader(page("classifier"))
    assert "log-likelihood" not in " ".join(text.words["p"][:1] + text.words["dt"])
    assert "cross-entropy" in text.words["th"]
    assert "no measure of success" not in page("classifier")


@pytest.mark.slow
def test_every_option_that_a_page_advises_exists(page, capsys):
    """The words of every verdict are among them, those of chains that are stuck too."""
    advised = {option for name in RUNS for option in re.findall(r"--[a-z][a-z-]+", page(name).partition("</style>")[2])}
    for apart, lag in ((True, 1.0), (False, 0.0)):
        advised |= set(re.findall(r"--[a-z][a-z-]+", _verdict(replace(STUCK, lag=lag), apart, "", None)[1]))
    for command in ("sample", "train"):
        with contextlib.suppress(SystemExit):
            main([command, "--help"])
    known = capsys.readouterr().out
    assert {"--sampler", "--lr", "--gibbs-steps"} <= advised
    assert [option for option in advised if option not in known] == []


@pytest.mark.slow
def test_stuck_chains_are_one_story(tmp_path):
    """The page says so at its head, draws by tempered chains itself, and names the command that does."""
    page_of = report("spins", tmp_path)
    page_of.mixing = STUCK
    assert page_of.how["sampler"] == "pt"
    assert "tempering" in page_of.drawn_how
    lead = words.lead(page_of)
    assert "harmonium sample RUN --sampler pt" in lead
    assert "Chains travel" not in lead
    assert ("chains", "stuck") in words.facts(page_of)
    assert len(page_of.samples) == 1000
    assert run("spins").encoder.units().in_support(page_of.samples)


@pytest.mark.slow
def test_a_training_without_chains_says_what_was_tried(page):
    text = page("cd")
    assert "The training by cd left no chains" in text
    assert "lag" not in text.replace("lagging", "")
    assert "The training by" not in page("spins")


@pytest.mark.slow
def test_observables_of_spins_are_those_of_the_rows(page, tmp_path):
    page_of = report("spins", tmp_path)
    rows = page_of.decoded(page_of.data)
    product = (rows[:, 1:] * rows[:, :-1]).mean(1)
    assert f"{product.mean():.4f} ± {product.std(ddof=1) / len(rows) ** 0.5:.4f}" in page("spins")
    assert np.isin(rows, (-1, 1)).all()


@pytest.mark.slow
def test_couplings_of_a_general_machine_are_drawn_and_reached_by_that_name(page):
    assert "run.model.couplings" in page("general")
    couplings = run("general").model.couplings
    assert couplings.shape == (6, 6)
    assert (couplings.diag(1) > 0.2).all()  # neighbors agree


def test_errors_of_columns_are_in_their_own_units(tmp_path):
    page_of = report("table", tmp_path)
    filled, truth, guess = page_of.filled
    test = run("table").rows(None, "test").rows
    np.testing.assert_allclose(truth, test.T[:, : truth.shape[1]], rtol=1e-4)
    train = run("table").rows(None, "train").rows.mean(0)
    np.testing.assert_allclose(guess[:, 0], train, rtol=1e-3)
    assert filled.shape == truth.shape
    for one, true, column in zip(filled, truth, TABLE.T, strict=True):
        assert abs(one - true).max() < 8 * column.std()


@pytest.mark.slow
def test_columns_are_told_by_the_names_of_the_file(tmp_path):
    names = ["height, cm", "mass", "$a_b$ <i>"]
    header = ",".join(f'"{name}"' for name in names)
    np.savetxt(tmp_path / "t.csv", TABLE, delimiter=",", header=header, comments="")
    made = hm.fit(tmp_path / "t.csv", hidden=3, steps=20)
    text = Reader(made.report(tmp_path / "r.html").read_text())
    assert [word for word in text.words["td"] if word in names] == names * 2  # samples, and what is filled in


@pytest.mark.slow
def test_sites_are_judged_by_accuracy(page, tmp_path):
    page_of = report("sequences", tmp_path)
    filled, truth, guess = page_of.filled
    assert set(np.unique(filled)) <= {0, 1, 2}
    assert (guess == 0).all()  # the most frequent letter at every site
    assert f"{(filled.round() == truth).mean():.1%}" in page("sequences")
    assert "square" not in page("sequences").partition("Does it know one site")[2].partition("</section>")[0]


@pytest.mark.slow
def test_a_table_of_epochs_has_them_all(page):
    lines = page("pictures").partition("Every epoch.")[2].partition("</table>")[0]
    assert lines.count("<tr>") == 1 + 3
    assert "loss" in lines
    assert "nan" not in lines


def test_a_table_of_epochs_tells_those_that_have_figures():
    columns = {name: [1.0] * 100 for name in ("epoch", "loss")}
    gap = [float(k) if k % 10 == 9 else np.nan for k in range(100)]
    assert told(columns | {"free_energy_gap": gap}, ["loss", "free_energy_gap"])[1] == [*range(9, 100, 10)]
    assert told(columns, ["loss"]) == ("One epoch in 3", [*range(2, 99, 3), 99])
    assert told({name: [1.0] * 40 for name in columns}, ["loss"])[1] == [*range(40)]


@pytest.mark.slow
def test_all_rows_of_a_snapshot_are_drawn(page):
    assert f"After epoch 3, {len(run('pictures').snapshots[3]['data'])} rows" in page("pictures")
    assert len(run("pictures").snapshots[3]["data"]) == 32


def test_each_layer_has_a_curve_from_its_own_first_epoch():
    stages = by_stage(columns_of(run("network").history), ["weight_norm"])
    assert [len(one["weight_norm"]) for one in stages] == [3, 3]
    assert [x for one in stages for x in one["loss"]] == [row["loss"] for row in run("network").history]


@pytest.mark.slow
def test_no_page_has_raw_names_or_broken_figures(page):
    for name in RUNS:
        told = page(name).partition("What was run, on what</h2>")[0]  # versions and settings are shown as they are
        words = re.sub(r"<(style|code)>.*?</\1>|<[^>]*>", " ", told, flags=re.S)
        assert "_" not in words
        assert not re.search(r"\b(nan|inf|None)\b", words)


def test_correlations_of_a_constant_column_are_nothing():
    x = np.stack([np.arange(5.0), np.ones(5), -np.arange(5.0)], 1)
    np.testing.assert_allclose(_correlations(x), [[1, 0, -1], [0, 0, 0], [-1, 0, 1]])


def test_covariances_are_of_states_at_different_sites():
    x = np.eye(4)[[0, 3, 0, 3]]  # two sites of two states: the first state of the first, or the second of the second
    found = _covariances(x, 2)
    assert found.shape == (4,)
    full = np.cov(x.T, bias=True)
    np.testing.assert_allclose(found, [full[0, 2], full[0, 3], full[1, 2], full[1, 3]])


@pytest.mark.slow
def test_numbers_in_words_have_true_minuses(page):
    assert not re.search(r"[ (]-\d", " ".join(Reader(page("spins")).words["p"] + Reader(page("spins")).words["dd"]))


def test_charts_refuse_what_cannot_be_drawn():
    with pytest.raises(hm.InputError, match="at least one"):
        plots.histograms([])
    with pytest.raises(hm.InputError, match="single shape"):
        plots.matrices([("a", np.eye(2)), ("b", np.eye(3))], xlabel="", ylabel="", unit="")
    with pytest.raises(hm.InputError, match="one fewer"):
        plots.network([("a", "b")], [True])


@pytest.mark.parametrize("name", slow_but([*RUNS, "classifier"], ["table"]))
def test_a_notebook_shows_a_run_and_its_curves(name):
    shown = run(name)._repr_html_()
    assert run(name).model._repr_html_() in shown
    assert f"{run(name).facts['data']['rows']:,} rows" in shown
    assert run(name).curves()._repr_png_().startswith(b"\x89PNG")


def test_layers_share_their_axes():
    figure = run("network").curves()
    norm = next(axes for axes in figure.axes if "norm" in axes.get_title(loc="left"))
    assert [line.get_xdata().tolist() for line in norm.lines] == [[1, 2, 3], [1, 2, 3]]
    assert [line.get_label() for line in norm.lines] == ["layer 1", "layer 2"]
    assert len(figure.legends) == 1


def test_samples_are_drawn_as_what_a_notebook_shows():
    made = run("pictures")
    assert made.draw(made.sample(6, gibbs_steps=2))._repr_png_() is not None


def test_a_model_alone_has_no_curves():
    with pytest.raises(hm.InputError, match="nothing to draw"):
        hm.Run.of(hm.RBM(4, 3)).curves()


def test_a_run_that_was_changed_on_the_way_says_so_and_promises_no_other_like_it(tmp_path):
    trainer = hm.Trainer(hm.TrainConfig(hidden=4, steps=40, seed=1, figures_every=20), "digits")
    assert list(itertools.islice(trainer.steps(), 10))
    change(trainer, lr=0.01)
    assert list(itertools.islice(trainer.steps(), 20))
    text = hm.Run.open(keep(trainer, tmp_path / "run")).report().read_text()
    assert "Changed while it ran" in text
    assert "byte for byte" not in text
