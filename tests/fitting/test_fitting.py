"""A training from its settings to a run: the same bytes however it is cut, on disk and in memory; what it refuses."""

import itertools
import json
import os
import shutil
import signal

import numpy as np
import pytest
import torch
import yaml

import harmonium as hm
from harmonium import DivergenceError, InputError, Run, TrainConfig, Trainer
from harmonium.fitting.config import FinetuneConfig
from harmonium.fitting.defaults import resolve
from harmonium.fitting.environment import choose_device
from harmonium.fitting.home import free_path
from harmonium.fitting.splits import Splits
from marks import slow_but

SMALL = {"hidden": 8, "steps": 40, "seed": 3}
VARIANTS = {
    "pcd": {},
    "cd": {"sampler": "cd", "gibbs_steps": 2},
    "naive-mcmc": {"sampler": "naive-mcmc", "gibbs_steps": 3},
    "pt": {"sampler": "pt", "n_replicas": 3},
    "tempered, general": {
        "sampler": "pt",
        "n_replicas": 3,
        "model": "boltzmann",
        "hidden": "2",
        "steps": 14,
        "rows": "few",
    },
    "ptt": {"sampler": "ptt", "lr": 0.3},
    "trajectory, deep": {"sampler": "ptt", "model": "dbm", "hidden": "6,4", "chains": 20},
    "exact": {"sampler": "exact"},
    "adam, sampled bits": {"optimizer": "adam", "binarize": "sample"},
    "momentum, all penalties": {"momentum": 0.5, "l1": 1e-4, "l2": 1e-4, "sparsity": 0.2, "clip": 1.0},
    "sums of rows": {"products": "sparse"},
    "sums of rows, spins, labels": {
        "products": "sparse",
        "visible": "spin",
        "labels": True,
        "discriminative": 0,
        "gibbs_steps": 2,
    },
    "sums of rows, plain": {"products": "sparse", "sampler": "cd", "center": False, "l2": 1e-4, "hidden_kind": "spin"},
    "plain, constant": {"center": False, "schedule": "constant"},
    "spins": {"visible": "spin"},
    "hidden spins": {"hidden_kind": "spin"},
    "hidden relu": {"hidden_kind": "relu"},
    "hidden potts": {"hidden_kind": "potts:3", "hidden": 4},
    "early stopping": {"patience": 1, "lr": 0.5},
    "labels, hybrid": {"labels": True, "discriminative": 0.1},
    "network": {"model": "dbn", "hidden": "8,6,7", "labels": True, "steps": 14},
    "deep": {"model": "dbm", "hidden": "8,6", "labels": True},
    "deep, layer by layer": {"model": "dbm", "hidden": "8,6,5", "pretrain": True, "steps": 13},
    "general": {"model": "boltzmann", "hidden": "2", "steps": 14, "rows": "few"},
}
TUNINGS = {
    "updown": {"method": "updown", "epochs": 2, "gibbs_steps": "1,2"},
    "classifier": {"method": "classifier", "epochs": 2, "dropout": 0.2},
}

FEW = {}


@pytest.fixture(scope="session", autouse=True)
def few(tmp_path_factory):
    """A table of a few columns, for machines whose units move one after the other."""
    FEW["few"] = tmp_path_factory.mktemp("few") / "few.npy"
    np.save(FEW["few"], np.random.default_rng(0).integers(0, 2, (900, 6)))


def start(path, rows="digits", **settings) -> Trainer:
    rows = FEW.get(rows, rows) if isinstance(rows, str) else rows
    return Trainer(TrainConfig(**(SMALL | settings)), rows, out=path, save_every=1e9)


def finish(trainer: Trainer) -> Run:
    for _ in trainer:
        pass
    return trainer.run


def cut(trainer: Trainer, steps: int) -> None:
    updates = trainer.steps()
    for _ in itertools.islice(updates, steps):
        pass
    updates.close()


def model(home) -> bytes:
    return (home / "model.safetensors").read_bytes()


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Every variant, trained once; they are shared and must be left as they are."""
    place, made = tmp_path_factory.mktemp("trained"), {}

    def give(variant):
        if variant not in made:
            made[variant] = finish(start(place / variant.replace(" ", "-"), **VARIANTS[variant]))
        return made[variant]

    return give


@pytest.fixture
def network(trained, tmp_path):
    """A network of its own, to fine-tune."""
    return Run.open(shutil.copytree(trained("network").path, tmp_path / "network"))


@pytest.mark.parametrize("variant", slow_but(VARIANTS, ("pcd", "network", "sums of rows")))
@pytest.mark.parametrize("at", [1, 12, 29])
def test_a_run_cut_and_resumed_ends_at_the_same_bytes(variant, at, trained, tmp_path):
    whole = trained(variant)
    cut(start(tmp_path / "cut", **VARIANTS[variant]), at)
    second = Trainer.resume(tmp_path / "cut")
    assert second.step == min(at, second.total_steps, whole.history[-1]["step"])
    assert finish(second).history[-1]["weight_norm"] == whole.history[-1]["weight_norm"]
    assert model(tmp_path / "cut") == model(whole.path)
    assert [row["epoch"] for row in second.run.history] == [row["epoch"] for row in whole.history]


@pytest.mark.parametrize("variant", slow_but(["pcd", "pt", "ptt", "network", "deep, layer by layer"], ["pcd"]))
def test_one_seed_gives_the_same_bytes_in_memory_too(variant, trained, tmp_path):
    whole = trained(variant)
    assert finish(start(None, **VARIANTS[variant])).save(tmp_path / "same").read_bytes() == model(whole.path)
    other = finish(start(None, **(VARIANTS[variant] | {"seed": 4})))
    assert other.save(tmp_path / "other").read_bytes() != model(whole.path)


@pytest.mark.parametrize("tuning", TUNINGS)
def test_a_fine_tuning_cut_and_resumed_ends_at_the_same_bytes(tuning, network, tmp_path):
    kept, config = model(network.path), FinetuneConfig(**TUNINGS[tuning])
    whole = finish(Trainer.finetune(network, config, out=tmp_path / "whole"))
    cut(Trainer.finetune(network, config, out=tmp_path / "cut"), 17)
    finish(Trainer.resume(tmp_path / "cut"))
    assert model(tmp_path / "cut") == model(tmp_path / "whole")
    assert model(network.path) == kept
    same = all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), network.model.parameters(), strict=True))
    assert same == (tuning == "classifier")
    found = Run.open(tmp_path / "whole").classify()
    assert found.rows == 359 == sum(map(sum, found.confusion))
    in_memory = network.finetune(**TUNINGS[tuning])
    assert in_memory.classify().confusion == found.confusion


def test_a_finished_run_goes_on_with_more_epochs(tmp_path):
    finish(start(tmp_path / "run", steps=None, epochs=2))
    assert Trainer.resume(tmp_path / "run").finished
    longer = Trainer.resume(tmp_path / "run", epochs=5)
    assert [epoch.epoch for epoch in longer] == [3, 4, 5]
    assert Run.open(tmp_path / "run").config.steps == 5 * 12
    with pytest.raises(InputError, match="--lr was given and a run goes on with its own settings"):
        Trainer.resume(tmp_path / "run", lr=0.1)


def test_the_best_epoch_is_kept_where_patience_ends_a_run():
    """A learning rate far too large: the likelihood falls after some epochs, and the model of the best one is left."""
    trainer = Trainer(TrainConfig(hidden=8, epochs=60, seed=1, lr=3.0, schedule="constant", patience=3), "digits")
    scores = [epoch.score for epoch in trainer]
    assert len(scores) == 1 + int(np.argmax(scores)) + 3 < 60
    unseen = trainer.stage.encode(trainer.watch.unseen)[:200]
    assert trainer.stage.likelihoods(unseen)["log_likelihood"] == pytest.approx(max(scores), abs=1e-6)
    with pytest.raises(InputError, match="--patience looks at"):
        finish(start(None, model="dbm", hidden="30,30", patience=2, steps=24))


def test_a_limit_of_time_ends_a_run_whole(tmp_path):
    run = finish(start(tmp_path / "run", steps=10**6, max_time=0.3))
    assert 0 < run.history[-1]["step"] < 10**6
    assert Run.open(tmp_path / "run").evaluate().verdict == "exact"
    assert Trainer.resume(tmp_path / "run").finished


def test_a_run_starts_from_another_ones_model(trained, tmp_path):
    first = trained("pcd")
    trainer = start(None, init=str(first.path), lr=1e-12)
    assert all(torch.equal(a, b) for a, b in zip(trainer.model.parameters(), first.model.parameters(), strict=True))
    with pytest.raises(InputError, match="a model of another make"):
        start(None, init=str(first.path), hidden=9)


def test_rows_to_watch_and_to_evaluate_on_may_be_ones_own(tmp_path):
    digits = hm.data.load("digits")
    np.save(tmp_path / "valid.npy", digits.rows[:50])
    np.save(tmp_path / "test.npy", digits.rows[50:90])
    own = {"levels": 16, "valid": str(tmp_path / "valid.npy"), "test": str(tmp_path / "test.npy")}
    run = finish(start(tmp_path / "run", **own))
    assert (len(run.splits.valid), len(run.splits.test), run.evaluate().rows) == (50, 40, 40)
    np.save(tmp_path / "narrow.npy", digits.rows[:50, :9])
    with pytest.raises(InputError, match="has 9 columns where digits has 64"):
        start(tmp_path / "other", levels=16, valid=str(tmp_path / "narrow.npy"))


@pytest.mark.slow
def test_arrays_tensors_frames_and_labels_train_too(tmp_path):
    g = np.random.default_rng(0)
    rows, labels = g.integers(0, 2, (300, 6)), g.integers(0, 3, 300)
    made = [hm.fit(x, **SMALL) for x in (rows, torch.from_numpy(rows), rows.astype(bool), hm.data.from_array(rows))]
    for run in made:
        assert run.evaluate().rows == 30
        assert torch.equal(run.model.weight, made[0].model.weight)
    known = hm.fit(rows, labels, out=tmp_path / "run", **SMALL)
    assert known.encoder.labels == 3
    assert known.classify().rows == 30
    with pytest.raises(InputError, match="trained on rows in memory: give them again"):
        Trainer.resume(tmp_path / "run")
    assert Trainer.resume(tmp_path / "run", rows, labels).finished
    with pytest.raises(InputError, match=r"have changed since \(.* has other values"):
        Trainer.resume(tmp_path / "run", 1 - rows, labels)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"hidden": "8,4"}, "one hidden row"),
        ({"hidden": "0"}, "--model boltzmann"),
        ({"discriminative": 1.0}, "pass --labels"),
        ({"pretrain": True}, "for a dbm"),
        ({"model": "boltzmann", "sparsity": 0.1}, "machines of layers"),
        ({"model": "dbm", "hidden": "30,30", "sampler": "exact"}, "at most 2"),
        ({"model": "dbn", "hidden": "8,4", "init": "x"}, "layer by layer"),
        ({"visible": "gaussian", "hidden_kind": "relu", "levels": 0}, "no normalizer"),
        ({"hidden_kind": "spin", "sparsity": 0.1}, "not within 0 to 1"),
        ({"sampler": "gibs"}, "there is no sampler 'gibs'.*'cd'|give one of cd"),
        ({"model": "rmb"}, "did you mean 'rbm'"),
        ({"hidden_kind": "potts"}, "potts:Q"),
        ({"hiden": 3}, "did you mean 'hidden'"),
    ],
)
def test_settings_that_do_not_fit_are_told(settings, says):
    with pytest.raises(InputError, match=says):
        start(None, **settings)


@pytest.fixture
def tables(tmp_path):
    g = np.random.default_rng(0)
    np.save(tmp_path / "real.npy", g.normal(3, 5, (300, 6)).astype("float32"))
    np.save(tmp_path / "amounts.npy", g.exponential(2, (300, 6)).astype("float32"))
    np.save(tmp_path / "states.npy", g.integers(0, 3, (300, 5)))
    np.save(tmp_path / "counts.npy", g.binomial(7, 0.3, (300, 5)))
    np.save(tmp_path / "spins.npy", 2 * g.integers(0, 2, (300, 5)) - 1)
    np.save(tmp_path / "gray.npy", g.random((300, 5)))
    np.save(tmp_path / "wide.npy", g.integers(0, 2, (300, 20)))
    return tmp_path


TABLES = [
    ("real", {}, "gaussian", 6),
    ("amounts", {"visible": "relu"}, "relu", 6),
    ("states", {"visible": "potts:3"}, "potts:3", 15),
    ("counts", {"visible": "binomial:7"}, "binomial:7", 5),
    ("spins", {}, "spin", 5),
    ("gray", {}, "bernoulli", 5),
    ("gray", {"binarize": "none"}, "bernoulli", 5),
]


@pytest.mark.parametrize(("name", "settings", "visible", "width"), TABLES)
def test_every_kind_of_table_trains_and_is_used(tables, name, settings, visible, width):
    """Noise has nothing to learn: the likelihood is that of independent units; draws are in the scale of the data."""
    run = finish(start(tables / "run", tables / f"{name}.npy", hidden=3, steps=60, **settings))
    assert (run.config.visible, run.model.visible.width, run.encoder.width) == (visible, width, width)
    found = run.evaluate()
    assert found.verdict == "exact"
    assert abs(found.log_likelihood - found.baseline) < 1.0
    assert found.binarize == ("sample" if settings.get("binarize") == "none" else run.encoder.binarize)
    rows, drawn = np.load(tables / f"{name}.npy"), run.sample(500, 20)
    if name in ("states", "counts", "spins"):
        assert set(np.unique(drawn)) <= set(np.unique(rows).tolist()) | set(range(8)) - (
            {0} if name == "spins" else set()
        )
    if name in ("real", "amounts", "states", "counts"):
        error = rows.std(0) / 500**0.5 + rows.std(0) / 300**0.5
        assert (abs(drawn.mean(0) - rows.mean(0)) < 6 * error + 0.05 * rows.std(0)).all()
    holes = rows[:4].astype(float)
    holes[:, 1] = np.nan
    filled = run.impute(holes, chains=2, gibbs_steps=10)
    assert not np.isnan(filled).any()
    assert np.array_equal(np.delete(filled, 1, 1), np.delete(holes, 1, 1))
    again = hm.load(run.save(tables / "alone.safetensors"))
    assert again.evaluate(tables / f"{name}.npy").rows == 300
    assert np.array_equal(again.sample(20, 5, seed=1), run.sample(20, 5, seed=1))


@pytest.mark.parametrize(("name", "settings", "visible", "width"), TABLES)
def test_encoding_there_and_back_is_the_identity(tables, name, settings, visible, width):
    splits = Splits(tables / f"{name}.npy", TrainConfig(**settings))
    config = resolve(splits.config, splits.train)
    encoder = hm.fitting.trainer.Encoder.fit(config.visible, config.binarize, splits.train)
    v = splits.train.tensor()
    assert torch.allclose(encoder.decode(encoder.encode(v)), v, atol=1e-5)
    assert encoder.units().in_support(encoder.encode(v))
    picture = encoder.picture(v.numpy())
    assert picture.min() >= 0
    assert picture.max() <= 1
    facts = json.loads(json.dumps(encoder.facts()))
    again = type(encoder).restore(facts, encoder.tensors())
    assert torch.equal(again.encode(v), encoder.encode(v))


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("real", {"visible": "bernoulli"}, "--visible gaussian"),
        ("real", {"visible": "spin"}, "--visible gaussian"),
        ("real", {"visible": "relu"}, "--visible gaussian"),
        ("states", {"visible": "potts:2"}, "--visible potts:3"),
        ("counts", {"visible": "binomial:2"}, "--visible binomial:"),
        ("gray", {"epochs": 1, "steps": 3}, "give one of them"),
        ("wide", {"sampler": "exact", "hidden": 17}, "needs 2\\^17, take fewer units"),
    ],
)
def test_misfits_are_refused_with_the_way_out(tables, name, settings, says):
    with pytest.raises(InputError, match=says):
        Trainer(TrainConfig(**settings), tables / f"{name}.npy")


def test_a_yaml_file_is_read_and_its_typos_are_found(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("data: mnist\nhidden: 40\nlr: 0.2\n")
    assert (TrainConfig.read(file).layers, TrainConfig.read(file, {"hidden": 7}).layers) == ([40], [7])
    for text, says in (
        ("hiden: 40", "did you mean 'hidden'"),
        ("hidden: many", "hidden: expected a number of hidden units.*'many'"),
        ("visible: potts", "potts:Q"),
        ("- 1\n- 2", "list"),
        ("a: [", "not readable YAML"),
    ):
        file.write_text(text)
        with pytest.raises(InputError, match=says):
            TrainConfig.read(file)
    with pytest.raises(InputError, match="there is no file"):
        TrainConfig.read(tmp_path / "none.yaml")
    assert TrainConfig(hidden=[50, 60]).layers == [50, 60]


def test_the_settings_written_are_whole_and_repeat_the_run(trained, tmp_path):
    run = trained("pcd")
    written = yaml.safe_load((run.path / "config.yaml").read_text())
    assert (written["data"], written["steps"]) == ("digits", 40)
    assert TrainConfig.read(run.path / "config.yaml") == run.config
    finish(start(tmp_path / "b", **{k: v for k, v in written.items() if k != "data"}))
    assert model(tmp_path / "b") == model(run.path)


def test_a_run_is_not_written_over(tmp_path):
    cut(start(tmp_path / "a"), 1)
    with pytest.raises(InputError, match="already holds a run, saved at step 1"):
        start(tmp_path / "a")
    assert free_path("x/digits.npy", tmp_path) == tmp_path / "digits"
    (tmp_path / "digits").mkdir()
    assert free_path("x/digits.npy", tmp_path) == tmp_path / "digits-2"


def test_a_run_whose_data_changed_says_so(tables):
    finish(start(tables / "run", tables / "gray.npy", hidden=3))
    np.save(tables / "gray.npy", np.random.default_rng(0).random((300, 7)))
    with pytest.raises(InputError, match="has 7 columns where the model was trained on 5"):
        Run.open(tables / "run").evaluate()
    with pytest.raises(InputError, match=r"have changed since \(.* has 7 columns, where the run began with 5"):
        Trainer.resume(tables / "run", epochs=50)


def test_divergence_keeps_the_last_good_checkpoint(tmp_path):
    trainer = start(tmp_path / "a", lr=1e30, schedule="constant", steps=400)
    with pytest.raises(DivergenceError, match=r"diverged at step .*gave up after 8 halvings"):
        finish(trainer)
    assert [event["back_to"] for event in trainer.events] == [0] * 8
    assert Run.open(tmp_path / "a").evaluate().verdict == "exact"
    in_memory = start(None, lr=1e30, schedule="constant", steps=400)
    with pytest.raises(DivergenceError, match="gave up after 8 halvings"):
        finish(in_memory)


def test_devices():
    assert choose_device("cpu").type == "cpu"
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="--device cpu"):
            choose_device("cuda")


@pytest.fixture
def interruptible():
    """Python's own answer to Ctrl-C, which processes of a test run may have put aside."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_waits_for_the_update_and_is_kept(tmp_path, interruptible):
    trainer = start(tmp_path / "run", steps=None, epochs=6)
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        for epoch in trainer:
            if epoch.epoch == 2:
                os.kill(os.getpid(), signal.SIGINT)
    assert trainer.step == Trainer.resume(tmp_path / "run").step == 2 * 12
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_caller_may_stop_when_it_likes_and_go_on():
    trainer = start(None, steps=None, epochs=6)
    for epoch in trainer:
        if epoch.epoch == 2:
            break
    assert [epoch.epoch for epoch in trainer] == [3, 4, 5, 6]
    other = start(None, steps=None, epochs=6)
    for epoch in other:
        if epoch.epoch == 2:
            other.stop()
    assert (len(other.history), other.stopped, other.finished) == (2, 1, False)
