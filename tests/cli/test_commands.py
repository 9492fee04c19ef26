"""The commands as a user meets them: exit codes, one line for what is wrong, clean standard output."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from inside import harmonium

from harmonium import RBM, Gaussian, ReLU, save
from harmonium.fitting import TrainConfig, checkpoints

HARMONIUM = [sys.executable, "-c", "from harmonium.cli import main; main()"]
PLAIN = {**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}


def process(*words, cwd=None, prefix=()) -> subprocess.CompletedProcess:
    """Run a command in a process of its own."""
    words = [*prefix, *HARMONIUM, *map(str, words)]
    return subprocess.run(words, capture_output=True, text=True, cwd=cwd, env=PLAIN)


def test_training_leaves_a_whole_run_and_says_how_good_it_is(home):
    place, done = home
    names = {file.name for file in (place / "runs/a").iterdir()}
    assert names >= {"config.yaml", "metrics.csv", "model.safetensors", "env.json", "report.html", "pictures"}
    first, second = done.stdout.splitlines()
    assert "test log-likelihood" in first
    assert "exact" in first
    assert "independent units reach" in first
    assert second == "report: runs/a/report.html"
    assert "pseudo-likelihood" in done.stderr or "log-likelihood" in done.stderr


def test_the_report_is_one_whole_page(home):
    page = (home[0] / "runs/a/report.html").read_text()
    for part in ("How good is it?", "How it learned", "What the hidden units look for", "What it samples", "in use?"):
        assert part in page
    assert "data:image/gif;base64," in page
    assert page.count("data:image/png;base64,") >= 6
    assert "http://" not in page.replace("http://www.w3.org", "")
    metrics = (home[0] / "runs/a/metrics.csv").read_text().splitlines()
    assert len(metrics) == 31


def test_evaluate_prints_one_json_object(home):
    done = harmonium("evaluate", "runs/a", "--json", cwd=home[0])
    figures = json.loads(done.stdout)
    wanted = "log_likelihood error log_partition method ess verdict baseline binarize split rows".split()
    assert set(wanted) <= figures.keys()
    assert (figures["verdict"], figures["method"], figures["split"], figures["rows"]) == ("exact", "exact", "test", 359)
    annealed = json.loads(
        harmonium("evaluate", "runs/a", "--method", "ais", "--n-betas", 300, "--json", cwd=home[0]).stdout
    )
    assert annealed["n_betas"] == 300
    assert abs(annealed["log_likelihood"] - figures["log_likelihood"]) < 4 * annealed["error"]


@pytest.mark.slow
def test_evaluate_certifies_and_keeps_to_a_time(home):
    words = ["--method", "ais", "--max-time", 0.1, "--certify"]
    done = harmonium("evaluate", "runs/a", *words, cwd=home[0])
    assert done.returncode == 0, done.stderr
    likelihood, log_z, bound = done.stdout.splitlines()
    assert "nats a row" in likelihood
    assert "log Z" in log_z
    assert "on 200 of the rows: estimate" in bound
    assert harmonium("evaluate", "runs/a", "--max-time", 0, cwd=home[0]).returncode == 2


def test_a_model_without_a_normaliser_is_refused_with_its_pair_and_number(home, tmp_path):
    shutil.copytree(home[0] / "runs/a", tmp_path / "b")
    machine = RBM(Gaussian(64), ReLU(4)).requires_grad_(False)
    machine.weight.fill_(4.3 / 16)
    save(machine, tmp_path / "b" / "model.safetensors")
    done = harmonium("evaluate", "b", cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "RBM of Gaussian and ReLU units has no normalizer" in done.stderr
    assert "4.3 where less than 1 was expected" in done.stderr


def test_recover_prints_one_json_object_and_draws(home):
    words = ["--mask", "bottom", "--count", 12, "--gibbs-steps", 20, "--json", "--out", "r.png"]
    done = harmonium("recover", "runs/a", *words, cwd=home[0])
    figures = json.loads(done.stdout)
    assert {"rows", "mask", "mean_squared_error", "baseline_mean_squared_error"} <= figures.keys()
    assert (figures["rows"], figures["mask"]) == (12, "bottom")
    assert (home[0] / "r.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("name", ["s.png", "s.gif", "s.npy"])
def test_sample_writes_pictures_chains_and_arrays(home, name):
    done = harmonium("sample", "runs/a", "--count", 9, "--gibbs-steps", 20, "--out", name, cwd=home[0])
    assert done.returncode == 0, done.stderr
    if name.endswith(".npy"):
        rows = np.load(home[0] / name)
        assert rows.shape == (9, 64)
        assert set(np.unique(rows)) == {0, 16}
    else:
        from PIL import Image

        with Image.open(home[0] / name) as picture:
            frames = getattr(picture, "n_frames", 1)
        assert frames == 1 if name.endswith("png") else 15 <= frames <= 21


@pytest.mark.slow
def test_weights_and_report_draw(home):
    assert harmonium("weights", "runs/a", "--count", 10, "--out", "w.png", cwd=home[0]).returncode == 0
    (home[0] / "runs/a/report.html").unlink()
    assert harmonium("report", "runs/a", cwd=home[0]).returncode == 0
    assert (home[0] / "runs/a/report.html").is_file()


def test_the_same_seed_twice_gives_the_same_bytes(tmp_path):
    for out in ("a", "b"):
        done = harmonium(
            "train", "digits", "--hidden", 9, "--steps", 60, "--seed", 5, "--no-report", "--out", out, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "a/model.safetensors").read_bytes() == (tmp_path / "b/model.safetensors").read_bytes()


def bad_files(place):
    table = np.random.default_rng(0).integers(0, 256, (50, 6))
    np.save(place / "gray.npy", table)
    np.savetxt(place / "gray.csv", table, delimiter=",", fmt="%d")
    nan = table / 255
    nan[3, 2] = np.inf
    np.save(place / "nan.npy", nan)
    np.save(place / "empty.npy", np.zeros((0, 6)))
    (place / "empty.csv").write_text("")
    (place / "ragged.csv").write_text("0,1,0\n" * 20 + "0,1\n" + "1,1,1\n")
    (place / "words.csv").write_text("0,1,0\n" * 20 + "0,yes,1\n")
    whole = gzip.compress(b"\x00\x00\x08\x03" + np.array([50, 8, 8], ">i4").tobytes() + bytes(50 * 64))
    (place / "t-idx3-ubyte.gz").write_bytes(whole[:-15])
    np.save(place / "pickled.npy", np.array([{"a": 1}], dtype=object))
    (place / "settings.yaml").write_text("hiden: 20\n")
    (place / "broken.yaml").write_text("hidden: [1\n")
    (place / "wrong.yaml").write_text("hidden: many\n")


BAD = {
    "0–255 in .npy": (["train", "gray.npy"], "--levels 255"),
    "0–255 in .csv": (["train", "gray.csv"], "--levels 255"),
    "infinite": (["train", "nan.npy"], "row"),
    "no rows": (["train", "empty.npy"], "row"),
    "empty file": (["train", "empty.csv"], "empty"),
    "wrong width": (["train", "ragged.csv"], "line 21"),
    "words": (["train", "words.csv"], "line 21"),
    "missing": (["train", "nowhere.npy"], "nowhere.npy"),
    "typo in a name": (["train", "mnst"], "mnist"),
    "truncated gz": (["train", "t-idx3-ubyte.gz"], "again"),
    "pickle": (["train", "pickled.npy"], "pickled.npy"),
    "typo in an option": (["train", "digits", "--hiden", "20"], "--hidden"),
    "bad value": (["train", "digits", "--hidden", "many"], "hidden"),
    "negative": (["train", "digits", "--hidden", "-3"], "expected a number of hidden units"),
    "bad choice": (["train", "digits", "--sampler", "gibs"], "cd"),
    "typo in YAML": (["train", "digits", "--config", "settings.yaml"], "did you mean 'hidden'"),
    "broken YAML": (["train", "digits", "--config", "broken.yaml"], "YAML"),
    "bad YAML value": (["train", "digits", "--config", "wrong.yaml"], "hidden"),
    "no YAML": (["train", "digits", "--config", "none.yaml"], "none.yaml"),
    "no data": (["train"], "harmonium train digits"),
    "typo in a command": (["trian"], "train"),
    "no run": (["evaluate", "runs/none"], "harmonium train"),
    "not a run": (["evaluate", "."], "config.yaml"),
    "no recipe": (["reproduce", "rbm-mnist-12"], "rbm-mnist-128"),
    "bad suffix": (["sample", ".", "--out", "x.bmpp"], ".png"),
    "check finds a fault": (["data", "check", "gray.npy"], "--levels 255"),
    "check without a path": (["data", "check"], "PATH"),
    "unwritable": (["train", "digits", "--out", "/proc/none"], "--out"),
}


@pytest.fixture(scope="module")
def rubbish(tmp_path_factory):
    place = tmp_path_factory.mktemp("bad")
    bad_files(place)
    return place


@pytest.mark.parametrize("case", BAD)
def test_bad_input_costs_one_line_and_exit_2(rubbish, case):
    words, says = BAD[case]
    before = sorted(rubbish.rglob("*"))
    began = time.perf_counter()
    done = harmonium(*words, cwd=rubbish)
    seconds = time.perf_counter() - began
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("harmonium: ")
    assert says in lines[0]
    assert "Traceback" not in done.stdout + done.stderr
    assert sorted(rubbish.rglob("*")) == before
    assert seconds < 10  # far above the two seconds of a quiet machine: this one may be busy


@pytest.mark.slow
def test_errors_of_data_come_before_torch_is_loaded(rubbish):
    """What keeps them under two seconds."""
    code = (
        "import sys\nfrom harmonium.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as e: print(e.code, 'torch' in sys.modules)"
    )
    for words in (
        BAD["infinite"][0],
        BAD["missing"][0],
        BAD["0–255 in .npy"][0],
        BAD["typo in YAML"][0],
        BAD["no run"][0],
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=rubbish, env=PLAIN
        )
        assert done.stdout.split() == ["2", "False"], words


def test_an_interrupt_of_the_start_is_told_in_one_line():
    """It comes while the first library is brought in."""
    code = (
        "import sys\nfrom harmonium.cli import main\n"
        "class Interrupt:\n    def find_spec(self, *name): raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "harmonium: interrupted\n")


def test_an_interrupt_within_code_that_is_compiled_at_run_time_is_told_in_one_line(tmp_path):
    """As a dataclass is: CPython remembers an interrupt that left ``exec``, and ends ``python -m`` by the signal."""
    (tmp_path / "command.py").write_text(
        "import os, signal\nfrom harmonium.cli import app, main\n"
        "app.run = lambda words: exec('os.kill(os.getpid(), signal.SIGINT)')\nmain()"
    )
    done = subprocess.run([sys.executable, "-m", "command"], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "harmonium: interrupted\n")


LONG = "train digits --hidden 8 --batch-size 10 --steps 1000 --seed 2 --no-report --out".split()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody interrupts."""
    place = tmp_path_factory.mktemp("whole")
    done = harmonium(*LONG, "whole", cwd=place)
    assert done.returncode == 0, done.stderr
    return place / "whole"


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_the_run_goes_on_to_the_same_bytes(whole, tmp_path, number, code):
    work = subprocess.Popen([*HARMONIUM, *LONG, "cut"], cwd=tmp_path, env=PLAIN, stderr=subprocess.PIPE, text=True)
    with work:
        assert work.stderr is not None
        for line in work.stderr:
            if line.startswith("epoch"):
                break
        work.send_signal(number)
        rest = work.stderr.read()
    assert work.returncode == code
    assert "train --resume cut" in rest
    done = harmonium("train", "--resume", "cut", "--no-report", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cut/model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert len((tmp_path / "cut/metrics.csv").read_text().splitlines()) == len(
        (whole / "metrics.csv").read_text().splitlines()
    )


BOUND = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
permissions = pytest.mark.skipif(bool(BOUND) and not shutil.which("setpriv"), reason="root, whom no permission binds")


@pytest.mark.slow
@permissions
@pytest.mark.parametrize("closed", ["out", "data"])
def test_a_missing_permission_is_told_before_the_training(tmp_path, closed):
    (tmp_path / "out").mkdir()
    np.save(tmp_path / "data.npy", np.eye(20, dtype=np.uint8))
    place = tmp_path / ("out" if closed == "out" else "data.npy")
    place.chmod(0o555 if closed == "out" else 0)
    words = ["train", "data.npy", "--hidden", "3", "--steps", "20", "--no-report", "--out", "out/run"]
    done = process(*words, cwd=tmp_path, prefix=BOUND)
    place.chmod(0o755)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert ("Permission denied" in done.stderr) or ("permission" in done.stderr)
    assert not (tmp_path / "out" / "run" / "config.yaml").exists()


@pytest.mark.slow
@permissions
def test_a_directory_that_closes_under_a_run_ends_it_at_the_next_save(tmp_path):
    words = ["train", "digits", "--hidden", "8", "--steps", "200000", "--no-report", "--out", "run"]
    words = [*BOUND, *HARMONIUM, *words, "--save-every", "0.2"]
    work = subprocess.Popen(words, cwd=tmp_path, env=PLAIN, stderr=subprocess.PIPE, text=True)
    folder = tmp_path / "run" / "checkpoints"
    while not list(folder.glob("0*[1-9]*")):
        assert work.poll() is None
        time.sleep(0.05)
    folder.chmod(0o555)
    said = work.communicate(timeout=60)[1].splitlines()[-1]
    folder.chmod(0o755)
    assert work.returncode == 4, said
    assert "Permission denied" in said
    assert "--resume run` goes on from step" in said
    assert checkpoints.latest(tmp_path / "run")[3] == []


def test_divergence_exits_3_with_the_step_and_the_cause(tmp_path):
    done = harmonium("train", "digits", "--lr", "1e30", "--steps", 300, "--out", "d", cwd=tmp_path)
    assert done.returncode == 3
    last = done.stderr.strip().splitlines()[-1]
    assert "diverged at step" in last
    assert "largest weight" in last


def test_a_run_is_replaced_only_when_told_to(home):
    words = ["train", "digits", "--hidden", 4, "--steps", 20, "--no-report", "--out", "again"]
    assert harmonium(*words, cwd=home[0]).returncode == 0
    (home[0] / "again" / "mine.txt").write_text("keep me")
    refused = harmonium(*words, cwd=home[0])
    assert refused.returncode == 2
    assert "--replace" in refused.stderr
    assert harmonium(*words, "--replace", cwd=home[0]).returncode == 0
    assert (home[0] / "again" / "mine.txt").read_text() == "keep me"


def test_help_and_version_answer_at_once():
    began = time.perf_counter()
    done = process("--help")
    seconds = time.perf_counter() - began
    assert done.returncode == 0
    for word in ("train", "evaluate", "sample", "recover", "weights", "report", "reproduce", "data", "doctor"):
        assert word in done.stdout
    assert seconds < 5  # 0.4 s on a quiet machine: see the test that torch is not loaded
    assert harmonium("--version").stdout.strip().count(".") == 2


def test_every_option_of_train_is_told():
    shown = harmonium("train", "--help").stdout
    more = "no_center no_report config out replace resume save_every judge report".split()
    for option in (*TrainConfig.model_fields, *more):
        assert f" --{option.replace('_', '-')} " in shown, option
    assert " -k " in shown


def test_data_lists_checks_and_the_doctor_answers(rubbish):
    assert "fashion-mnist" in harmonium("data", "list").stdout
    found = json.loads(harmonium("data", "check", "digits", "--json").stdout)
    assert (found["units"], found["rows"], found["problems"]) == ("bernoulli", 1797, [])
    assert "algorithms" in harmonium("reproduce", "list").stdout
    doctor = harmonium("doctor", cwd=rubbish)
    assert doctor.returncode == 0
    assert "kept" in doctor.stdout


def test_settings_come_from_defaults_then_yaml_then_options(tmp_path):
    (tmp_path / "s.yaml").write_text("data: digits\nhidden: 5\nsteps: 12\nlr: 0.2\n")
    done = harmonium("train", "--config", "s.yaml", "--hidden", 6, "--no-report", "--out", "r", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    import yaml

    settings = yaml.safe_load((tmp_path / "r/config.yaml").read_text())
    assert (settings["hidden"], settings["steps"], settings["lr"], settings["batch_size"]) == (6, 12, 0.2, 100)


@pytest.mark.parametrize("run", ["runs/d", "runs/d-updown", "runs/d-classifier"])
def test_classify_prints_one_json_object(network, run):
    figures = json.loads(harmonium("classify", run, "--json", cwd=network).stdout)
    assert {"error", "accuracy", "rows", "confusion"} <= figures.keys()
    assert figures["rows"] == 359 == sum(map(sum, figures["confusion"]))
    assert figures["error"] < 0.6


@pytest.mark.parametrize("name", ["label.png", "label.gif", "label.npy"])
def test_rows_of_a_label_are_drawn(network, name):
    words = ["--label", 7, "--count", 3, "--gibbs-steps", 5, "--out", name]
    done = harmonium("sample", "runs/d", *words, cwd=network)
    assert done.returncode == 0, done.stderr
    assert (network / name).stat().st_size > 100
    if name.endswith(".npy"):
        assert np.load(network / name).shape == (3, 64)


@pytest.mark.slow
def test_every_command_works_on_a_network(network):
    for words in (
        ["evaluate", "runs/d", "--chains", 20, "--n-betas", 50, "--json"],
        ["sample", "runs/d", "--gibbs-steps", 5, "--out", "s.png"],
        ["recover", "runs/d", "--count", 4, "--gibbs-steps", 4, "--json"],
        ["weights", "runs/d", "--layer", 2, "--out", "w.png"],
        ["report", "runs/d-classifier"],
    ):
        done = harmonium(*words, cwd=network)
        assert done.returncode == 0, (words, done.stderr)
    assert json.loads(harmonium("evaluate", "runs/d", "--n-betas", 50, "--json", cwd=network).stdout)["bound"]
    page = (network / "runs/d-classifier/report.html").read_text()
    assert "How well does it read labels?" in page


DEEP_FAULTS = {
    "classify without labels": (["classify", "{home}/runs/a"], "train it with --labels"),
    "sample without labels": (["sample", "{home}/runs/a", "--label", "1", "--out", "x.png"], "train it with --labels"),
    "label out of range": (["sample", "runs/d", "--label", "10", "--out", "x.png"], "8, 9, or all"),
    "label of another kind": (["sample", "runs/d", "--label", "seven", "--out", "x.png"], "8, 9, or all"),
    "labels of the wrong length": (["train", "short.npz", "--labels"], "labels of shape"),
    "no labels in the data": (["train", "bare.npy", "--labels"], "holds none"),
    "two layers for an rbm": (["train", "digits", "--hidden", "8,8"], "--model dbm or dbn"),
    "no number of units": (["train", "digits", "--hidden", "8,x"], "one for each layer"),
    "up-down on an rbm": (["finetune", "{home}/runs/a"], "--method classifier"),
    "a layer too many": (["weights", "runs/d", "--layer", "3", "--out", "w.png"], "1 to 2"),
    "gibbs after a classifier": (["classify", "runs/d-classifier", "--readout", "gibbs"], "pass exact"),
}


@pytest.mark.parametrize("case", DEEP_FAULTS)
def test_what_a_deep_model_cannot_do_costs_one_line_and_exit_2(network, home, case):
    np.save(network / "bare.npy", np.eye(8, dtype=np.uint8).repeat(40, 0))
    np.savez(network / "short.npz", data=np.eye(8).repeat(40, 0), labels=np.arange(5))
    words, says = DEEP_FAULTS[case]
    done = harmonium(*(word.format(home=home[0]) for word in words), cwd=network)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr
    assert not (network / "runs/a-updown").exists()
