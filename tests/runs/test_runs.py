import itertools

import numpy as np
import pytest
import torch
import yaml

from harmonium import DivergenceError, InputError, evaluation
from harmonium.runs import Run, TrainConfig, checkpoint
from harmonium.runs.coding import Encoder
from harmonium.runs.config import FinetuneConfig, read
from harmonium.runs.directory import free_path, rows
from harmonium.runs.drawing import sample_labels
from harmonium.runs.judgement import amount, bounded, evaluate_run, recall, remember, sentence
from harmonium.runs.reading import classify
from harmonium.runs.recovery import hidden_part, restore
from harmonium.runs.session import Session, choose_device
from harmonium.runs.settle import settle
from harmonium.runs.travel import left, travel
from harmonium.runs.tuning import begin

SMALL = {"hidden": 8, "steps": 40, "seed": 3}


def start(path, source="digits", **settings) -> Session:
    config = TrainConfig(**(SMALL | settings))
    settled = settle(config, rows(str(source), "train", config))
    return Session(Run.create(path, str(source), settled))


def finish(session: Session) -> Session:
    for _ in session:
        pass
    checkpoint.save(session)
    return session


def model(session: Session) -> bytes:
    return session.home.file("model.safetensors").read_bytes()


VARIANTS = {
    "pcd": {},
    "cd": {"sampler": "cd", "gibbs_steps": 2},
    "naive-mcmc": {"sampler": "naive-mcmc", "gibbs_steps": 3},
    "pt": {"sampler": "pt", "replicas": 3},
    "tempered, general": {"sampler": "pt", "replicas": 3, "model": "boltzmann", "hidden": "2", "steps": 14},
    "ptt": {"sampler": "ptt", "lr": 0.3},
    "trajectory, deep": {"sampler": "ptt", "model": "dbm", "hidden": "6,4", "chains": 20},
    "exact": {"sampler": "exact"},
    "adam, sampled bits": {"optimizer": "adam", "binarize": "sample"},
    "momentum, all penalties": {"momentum": 0.5, "l1": 1e-4, "l2": 1e-4, "sparsity": 0.2, "clip": 1.0},
    "plain, constant": {"center": False, "schedule": "constant"},
    "spins": {"visible": "spin"},
    "labels, hybrid": {"labels": True, "discriminative": 0.1},
    "network": {"model": "dbn", "hidden": "8,6,7", "labels": True, "steps": 14},
    "deep": {"model": "dbm", "hidden": "8,6", "labels": True},
    "deep, layer by layer": {"model": "dbm", "hidden": "8,6,5", "pretrain": True, "steps": 13},
    "general": {"model": "boltzmann", "hidden": "2", "steps": 14},
}


@pytest.fixture
def to_sequential(tmp_path):
    return finish(start(tmp_path / "network", **VARIANTS["network"])).home


TUNINGS = {
    "updown": {"method": "updown", "epochs": 2, "gibbs_steps": "1,2"},
    "backprop": {"method": "backprop", "epochs": 2, "dropout": 0.2},
}


@pytest.mark.parametrize("tuning", TUNINGS)
def test_a_fine_tuning_cut_and_resumed_ends_at_the_same_bytes(tuning, network, tmp_path):
    settings = FinetuneConfig(**TUNINGS[tuning])
    kept = model_bytes(network)
    whole = finish(Session(begin(network, tmp_path / "whole", settings)))
    first = Session(begin(network, tmp_path / "cut", settings))
    for _ in itertools.islice(first, 17):
        pass
    checkpoint.save(first)
    second = Session(Run.open(tmp_path / "cut"))
    checkpoint.resume(second)
    finish(second)
    files = ["model.safetensors"] + (["network.safetensors"] if tuning == "backprop" else [])
    for name in files:
        assert second.home.file(name).read_bytes() == whole.home.file(name).read_bytes()
    assert model_bytes(network) == kept
    assert (model(whole) == kept) == (tuning == "backprop")
    figures = classify(whole.home)
    assert figures["rows"] == 359 == sum(map(sum, figures["confusion"]))


@pytest.mark.parametrize("variant", ["labels, hybrid", "network", "deep"])
@pytest.mark.parametrize("readout", ["exact", "gibbs"])
def test_labels_are_read_from_every_model_that_learned_them(variant, readout, tmp_path):
    home = finish(start(tmp_path / "run", **VARIANTS[variant])).home
    figures = classify(home, readout=readout)
    assert figures["error"] == pytest.approx(1 - figures["accuracy"])
    assert np.shape(figures["confusion"]) == (10, 10)
    truth = np.bincount(home.dataset("test").labels, minlength=10)
    assert np.array_equal(np.sum(figures["confusion"], 1), truth)


def test_labels_that_are_missing_or_out_of_range_are_told(tmp_path, network):
    plain = finish(start(tmp_path / "plain")).home
    for ask in (lambda: classify(plain), lambda: sample_labels(plain, [3], 2)):
        with pytest.raises(InputError, match="without labels"):
            ask()
    with pytest.raises(InputError, match="the label 10 was given where 0 to 9"):
        sample_labels(network, [1, 10], 2)
    np.save(tmp_path / "bare.npy", np.eye(8, dtype=np.uint8).repeat(40, 0))
    with pytest.raises(InputError, match="holds none"):
        start(tmp_path / "bare", tmp_path / "bare.npy", labels=True)
    np.savez(tmp_path / "short.npz", data=np.eye(8).repeat(40, 0), labels=np.arange(5))
    with pytest.raises(InputError, match="labels of shape"):
        start(tmp_path / "short", tmp_path / "short.npz", labels=True)
    with pytest.raises(InputError, match=r"is for a dbn and .* holds a RBM"):
        begin(plain, tmp_path / "tuned", FinetuneConfig(method="updown"))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"hidden": "8,4"}, "one hidden row"),
        ({"hidden": "0"}, "--model boltzmann"),
        ({"discriminative": 1.0}, "pass --labels"),
        ({"pretrain": True}, "for a dbm"),
        ({"model": "boltzmann", "sparsity": 0.1}, "machines of layers"),
        ({"model": "dbm", "hidden": "30,30", "sampler": "exact"}, "at most 2"),
    ],
)
def test_shapes_that_do_not_fit_the_model_are_told(settings, says, tmp_path):
    with pytest.raises(InputError, match=says):
        start(tmp_path / "run", **settings)


def model_bytes(home: Run) -> bytes:
    return home.file("model.safetensors").read_bytes()


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_seed_gives_the_same_bytes(variant, tmp_path):
    a, b = (finish(start(tmp_path / name, **VARIANTS[variant])) for name in "ab")
    assert model(a) == model(b)
    assert model(a) != model(finish(start(tmp_path / "c", **(VARIANTS[variant] | {"seed": 4}))))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("cut", [1, 12, 29])
def test_a_run_cut_and_resumed_ends_at_the_same_bytes(variant, cut, tmp_path):
    whole = finish(start(tmp_path / "whole", **VARIANTS[variant]))
    first = start(tmp_path / "cut", **VARIANTS[variant])
    for _ in itertools.islice(first, cut):
        pass
    checkpoint.save(first)
    second = Session(Run.open(tmp_path / "cut"))
    checkpoint.resume(second)
    assert second.step == min(cut, second.steps)
    finish(second)
    assert model(second) == model(whole)
    ours, theirs = (session.home.metrics() for session in (second, whole))
    assert ours["weight_norm"] == theirs["weight_norm"]
    assert ours["epoch"] == theirs["epoch"] == list(range(1, len(ours["epoch"]) + 1))


def test_a_run_learns_and_is_judged_honestly(tmp_path):
    home = finish(start(tmp_path / "run", hidden=16, steps=1500, lr=0.2)).home
    exact = evaluate_run(home, method="exact")
    assert exact["log_likelihood"] > exact["baseline"] + 3
    assert (exact["verdict"], exact["error"], exact["rows"], exact["binarize"]) == ("exact", 0.0, 359, "threshold")
    annealed = evaluate_run(home, method="ais")
    assert annealed["verdict"] == "consistent"
    assert abs(annealed["log_likelihood"] - exact["log_likelihood"]) < 4 * annealed["error"]
    assert annealed["baseline"] == exact["baseline"]
    remember(home, exact)
    assert recall(home) == exact
    assert "exact" in sentence(exact)
    assert f"{exact['baseline']:.2f}" in sentence(exact)
    metrics = home.metrics()
    assert metrics["pseudo_likelihood"][-1] > metrics["pseudo_likelihood"][0] + 3
    assert np.isnan(metrics["log_likelihood"]).all()  # 2^16 hidden states are too many to sum after every epoch
    assert all(0 <= share <= 1 for share in metrics["static_weight_fraction"])
    assert metrics["weight_norm"][-1] > metrics["weight_norm"][0]


def test_recovery_beats_the_means(tmp_path):
    home = finish(start(tmp_path / "run", hidden=32, steps=3000)).home
    for mask in ("bottom", "top", "left", "right", "random:0.5", "noise:0.1"):
        result = restore(home, mask, 100, chains=8, gibbs_steps=60)
        figures = result.figures
        assert figures["rows"] == 100
        assert figures["mean_squared_error"] < figures["baseline_mean_squared_error"], mask
        if not mask.startswith("noise"):
            hidden = hidden_part(mask, (8, 8), 100, torch.Generator()).numpy()
            if ":" not in mask:
                assert (result.recovered[~hidden] == result.truth[~hidden]).all()


def test_masks_hide_what_they_say(tmp_path):
    g = torch.Generator().manual_seed(0)
    bottom = hidden_part("bottom", (4, 6), 2, g).view(2, 4, 6)
    assert bottom[:, 2:].all()
    assert not bottom[:, :2].any()
    assert hidden_part("left", (4, 6), 2, g).view(2, 4, 6)[..., :3].all()
    share = hidden_part("random:0.3", (50, 50), 4, g).float().mean()
    assert float(share) == pytest.approx(0.3, abs=0.03)
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


@pytest.fixture
def tables(tmp_path):
    g = np.random.default_rng(0)
    np.save(tmp_path / "real.npy", g.normal(3, 5, (300, 6)).astype("float32"))
    np.save(tmp_path / "n_states.npy", g.integers(0, 3, (300, 5)))
    np.save(tmp_path / "spins.npy", 2 * g.integers(0, 2, (300, 5)) - 1)
    np.save(tmp_path / "gray.npy", g.random((300, 5)))
    np.save(tmp_path / "wide.npy", g.integers(0, 2, (300, 20)))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "settings", "visible", "width"),
    [
        ("real", {}, "gaussian", 6),
        ("n_states", {"visible": "potts:3"}, "potts:3", 15),
        ("spins", {}, "spin", 5),
        ("gray", {}, "bernoulli", 5),
        ("gray", {"binarize": "none"}, "bernoulli", 5),
    ],
)
def test_every_kind_of_table_trains_and_is_judged(tables, name, settings, visible, width):
    session = finish(start(tables / "run", tables / f"{name}.npy", hidden=3, steps=60, **settings))
    home = Run.open(tables / "run")
    assert home.config.visible == visible
    assert home.machine().visible.width == width == home.coder.width
    figures = evaluate_run(home)
    assert figures["verdict"] == "exact"
    assert np.isfinite(figures["log_likelihood"])
    assert abs(figures["log_likelihood"] - figures["baseline"]) < 1.0  # noise has nothing to learn
    assert figures["binarize"] == ("sample" if settings.get("binarize") == "none" else session.config.binarize)


def test_coding_there_and_back(tables):
    for name, settings in (("real", {}), ("spins", {}), ("gray", {"binarize": "none"})):
        config = TrainConfig(**settings)
        train = rows(str(tables / f"{name}.npy"), "train", config)
        coder = Encoder.fit(settle(config, train), train)
        v = train.tensor()
        back = coder.decode(coder.encode(v))
        assert torch.allclose(back, (v + 1) / 2 if name == "spins" else v, atol=1e-5)
    coder = Encoder("gaussian", "none", 2, 0, 0, torch.tensor([1.0, 2.0]), torch.tensor([2.0, 1.0]))
    assert torch.equal(coder.encode(torch.tensor([[3.0, 2.0]])), torch.tensor([[1.0, 0.0]]))


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("real", {"visible": "bernoulli"}, "--visible gaussian"),
        ("real", {"visible": "spin"}, "--visible gaussian"),
        ("n_states", {"visible": "potts:2"}, "--visible potts:3"),
        ("gray", {"epochs": 1, "steps": 3}, "give one of them"),
        ("wide", {"sampler": "exact", "hidden": 17}, "needs 2\\^17, take fewer units"),
    ],
)
def test_misfits_are_refused_with_the_way_out(tables, name, settings, says):
    config = TrainConfig(**settings)
    with pytest.raises(InputError, match=says):
        settle(config, rows(str(tables / f"{name}.npy"), "train", config))


def test_a_yaml_file_is_read_and_its_typos_are_found(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("data: mnist\nhidden: 40\nlr: 0.2\n")
    assert (read(file).layers, read(file, {"hidden": 7}).layers) == ([40], [7])
    for text, says in (
        ("hiden: 40", "did you mean 'hidden'"),
        ("hidden: many", "hidden: expected a number of hidden units.*'many'"),
        ("visible: potts", "potts:Q"),
        ("- 1\n- 2", "list"),
        ("a: [", "not readable YAML"),
    ):
        file.write_text(text)
        with pytest.raises(InputError, match=says):
            read(file)
    with pytest.raises(InputError, match="there is no file"):
        read(tmp_path / "none.yaml")


def test_the_settings_written_are_whole_and_repeat_the_run(tmp_path):
    session = finish(start(tmp_path / "a"))
    written = yaml.safe_load(session.home.file("config.yaml").read_text())
    assert written["data"] == "digits"
    assert written["steps"] == 40
    assert read(session.home.file("config.yaml")) == session.config
    again = finish(start(tmp_path / "b", **{k: v for k, v in written.items() if k != "data"}))
    assert model(again) == model(session)


def test_a_run_is_not_written_over(tmp_path):
    start(tmp_path / "a")
    with pytest.raises(InputError, match="already holds a run"):
        start(tmp_path / "a")
    assert free_path("x/digits.npy", tmp_path) == tmp_path / "digits"
    (tmp_path / "digits").mkdir()
    assert free_path("x/digits.npy", tmp_path) == tmp_path / "digits-2"


def test_a_run_whose_data_changed_is_refused(tables):
    finish(start(tables / "run", tables / "gray.npy", hidden=3))
    np.save(tables / "gray.npy", np.random.default_rng(0).random((300, 7)))
    with pytest.raises(InputError, match=r"5 visible units and .* gives 7"):
        Run.open(tables / "run").machine()


def test_divergence_keeps_the_last_good_checkpoint(tmp_path):
    session = start(tmp_path / "a", lr=1e30, schedule="constant", steps=400)
    checkpoint.save(session)
    good = model(session)
    with pytest.raises(DivergenceError, match="diverged at step"):
        finish(session)
    assert model(session) == good


def test_devices():
    assert choose_device("cpu").type == "cpu"
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="--device cpu"):
            choose_device("cuda")


@pytest.mark.parametrize("variant", ["pcd", "cd", "pt", "ptt", "network", "deep", "general"])
def test_the_chains_of_every_run_get_a_verdict(variant, tmp_path, monkeypatch):
    monkeypatch.setattr("harmonium.runs.travel.GIBBS_STEPS", 256)
    home = finish(start(tmp_path / "run", **VARIANTS[variant])).home
    labels = set()

    def progress(items, label):
        labels.add(label)
        return items

    found = travel(Run.open(home.path), progress=progress)
    assert {label.partition(" over ")[0] for label in labels} == {"annealing", "chains"}
    assert found.verdict in ("mixed", "lagging", "stuck")
    assert found.gibbs_steps <= 256
    chains, sampler = left(Run.open(home.path))
    assert (chains is None) == (variant in ("cd", "network"))
    assert (sampler is not None) == (variant in ("pt", "ptt"))


def test_chains_that_follow_a_tame_machine_are_called_mixed(tmp_path):
    home = finish(start(tmp_path / "run", lr=0.001, hidden="4")).home
    assert travel(home).verdict == "mixed"
    assert abs(home.metrics()["free_energy_drift"][-1]) < 4


def test_chains_that_a_wild_learning_rate_leaves_behind_are_told(tmp_path):
    home = finish(start(tmp_path / "run", lr=3.0, schedule="constant", steps=60)).home
    assert travel(home).verdict != "mixed"


def test_what_is_inconsistent_is_told_by_its_ends_alone():
    figures = {"log_likelihood": -3.0, "error": 0.5, "lower": -5.0, "upper": -2.0, "bound": False}
    assert amount(figures | {"verdict": "inconsistent"}) == "between -5.00 and -2.00"
    assert amount(figures | {"verdict": "inconsistent", "bound": True}) == "at least -5.00"
    assert amount(figures | {"verdict": "consistent"}) == "-3.00 ± 0.50"
    assert amount(figures | {"verdict": "exact", "error": 0.0}) == "-3.00"


def test_rows_in_the_order_of_their_class_are_judged_all_the_same(tmp_path, monkeypatch):
    """The start of the path, and the chains that stand for the data, see rows of both halves of sorted IDX files."""
    pixels = np.repeat(np.eye(2, dtype=np.uint8), 60, axis=0).repeat(4, axis=1) * 255
    for part in ("train", "t10k"):
        header = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (120, 2, 4))
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
    home = finish(start(tmp_path / "run", tmp_path, hidden=2, steps=5)).home
    monkeypatch.setattr("harmonium.runs.judgement.ROWS", 40)
    seen, chains = [], []

    def ais(machine, data, **settings):
        seen.append(data)
        return evaluation.ais(machine, data, n_replicas=10)

    monkeypatch.setattr("harmonium.evaluation.ais_until_consistent", lambda *a, **s: [ais(*a, **s)])
    evaluate_run(home, method="ais")
    assert len(seen[0]) == 40
    assert 0.2 < float(seen[0][:, 0].mean()) < 0.8
    monkeypatch.setattr("harmonium.evaluation.mixing", lambda machine, x, *a, data, **s: chains.extend([x, data]))
    travel(home)
    assert 0.2 < float(chains[1][:, 0].mean()) < 0.8


def test_no_row_is_told_a_probability_above_one(tmp_path, monkeypatch):
    home = finish(start(tmp_path / "run", hidden=8, steps=60)).home
    low = evaluation.Estimate(-50.0, 0.1, "ais", "consistent", "", 10, 10, 5.0, -50.0, 0.1, -50.3, -49.7)
    monkeypatch.setattr("harmonium.evaluation.ais_until_consistent", lambda *a, **s: [low])
    told = evaluate_run(home, method="ais")
    assert told["verdict"] == "inconsistent"
    assert "nats more than the estimate" in told["reason"]
    rows = home.coder.rows(home.dataset("test"), sharp=True, generator=torch.Generator().manual_seed(0))
    highest = float(evaluation.log_evidence(home.machine(), rows).max())
    assert highest - told["log_partition"] <= 0
    assert told["upper"] <= told["log_likelihood"] + 1e-9


def test_a_likelihood_is_certified_beside_its_bound(tmp_path):
    home = finish(start(tmp_path / "run", hidden=8, steps=200)).home
    told = evaluate_run(home, method="ais", n_replicas=500, certify=True)
    exact = evaluate_run(home, method="exact")
    assert told["certified"]["rows"] == 200
    assert told["certified"]["bound"] <= told["certified"]["estimate"] + 3 * told["error"] + 0.05
    assert told["lower"] - 1e-6 <= exact["log_likelihood"] <= told["upper"] + 1e-6
    assert "lower bound" in bounded(told["certified"])
    with pytest.raises(InputError, match="leave --certify out"):
        evaluate_run(home, method="exact", certify=True)
