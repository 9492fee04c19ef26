"""The playground as a whole: its page asks and is answered; it begins at once and ends cleanly."""

import os
import re
import resource
import shutil
import signal
import threading
import time

import numpy as np
import pytest
import torch
from inside import harmonium
from pages import Page, command

import harmonium as hm
from harmonium.playground import asks
from harmonium.playground.dream import Dream
from harmonium.playground.house import first_settings
from harmonium.playground.server import Playground
from harmonium.playground.subject import Subject, still

FIRST_PICTURE = 3.0  # seconds of the processor from the command on


def test_what_is_said_of_the_model(page):
    told, _ = page.ask("model")
    assert told["kind"] == "rbm"
    assert told["shape"] == [3, 3]
    assert told["labels"] == ["0", "1"]
    assert told["layers"] == [{"width": 6, "kind": "bernoulli", "hold": True}]
    assert told["columns"] == [{"name": "pixel", "low": 0.0, "high": 1.0, "states": 2}]
    assert told["train"]
    assert told["rows"] > 0


def test_a_stroke_stays_for_500_frames_while_the_rest_moves(page):
    page.ask("set", chains=2, mask=[1] * 4 + [0] * 5, values=[1, 0, 1, 1, *[0] * 5])
    frames = np.array([page.ask("next")[1]["visible"] for _ in range(500)])
    assert (frames[..., :4] == [255, 0, 255, 255]).all()
    assert (frames[..., 4:].std((0, 1)) > 0).all()
    page.ask("set", mask=None)


@pytest.mark.slow
def test_a_label_that_is_chosen_is_what_is_drawn(served):
    """Of 100 chains, 300 Gibbs steps after a digit was chosen, nine in ten show it to the machine's own eye."""
    with served("digits") as page:
        while page.ask("hello", token=page.token)[0]["learning"]:
            time.sleep(0.5)
        model, shares = page.playground._house.subject.model, []
        page.ask("set", chains=100, steps=100, means=True)
        for label in (None, *range(10)):
            page.ask("set", label=label)
            for _ in range(3):
                shown = page.ask("next")[1]["visible"]
            found = hm.evaluation.class_log_probs(model, torch.as_tensor(shown / 255, dtype=torch.float32)).argmax(-1)
            shares.append(float((found == (1 if label is None else label)).float().mean()))
    assert shares[0] < 0.8  # of ones, where none were asked for
    assert min(shares[1:]) >= 0.9, shares


def test_a_unit_adds_what_its_field_says_in_sign(page):
    _, arrays = page.ask("fields")
    _, added = page.ask("unit", layer=0, unit=2)
    field = arrays["fields"][2].astype(int) - 128
    strong = abs(field) > 60
    assert (np.sign(added["adds"][strong]) == np.sign(field[strong])).all()


def test_a_row_can_be_begun_at(page):
    told, arrays = page.ask("row", index=0)
    assert told["label"] in (0, 1)
    page.ask("start", **{"from": "values", "values": (arrays["values"] / 255).tolist()})
    np.testing.assert_array_equal(page.ask("next", still=True)[1]["visible"][0], arrays["values"])
    assert page.ask("row", index=10**6)[0]["type"] == "error"


@pytest.mark.slow
def test_a_training_is_begun_watched_played_with_judged_saved_and_reported(flags, served, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with served(flags / "flags.npz") as page:
        assert page.ask("watch")[0]["state"] == "none"
        assert page.ask("judge")[0] == {"type": "error", "to": "judge", "text": "there is no training: begin one"}
        assert page.ask("train.start", settings={"hidden": 4, "steps": 50})[0]["type"] == "training"
        while page.ask("watch", samples=2)[0]["state"] != "finished":
            time.sleep(0.01)
        assert page.ask("model", of="a")[0]["layers"][0]["width"] == 4
        assert page.ask("next")[1]["hidden0"].shape == (4,)
        told, _ = page.ask("judge")
        assert told["verdict"] == "exact"
        assert told["low"] == told["high"] == told["log_likelihood"]
        assert page.ask("train.save")[0]["paths"] == ["runs/flags"]
        url = page.ask("train.report")[0]["url"]
        assert re.fullmatch(r"/report/[\w-]{32}", url)
        assert page.ask("train.stop")[0]["state"] == "none"
    assert (tmp_path / "runs/flags/report.html").is_file()
    assert hm.load(tmp_path / "runs/flags").model.hidden.width == 4


def test_its_end_saves_a_training_that_goes_on(flags, served, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with served(flags / "flags.npz") as page:
        page.ask("train.start", settings={"hidden": 4, "steps": 10**6})
        assert page.playground.close() == ["runs/flags"]
    assert hm.Trainer.resume(tmp_path / "runs/flags").step > 0


def test_twenty_tabs_leave_no_thread(flags):
    others = set(threading.enumerate())
    with Playground(flags / "run", port=0) as playground:
        Page(playground.url).greet()
        before = threading.active_count()
        for _ in range(20):
            page = Page(playground.url)
            page.greet()
            page.ask("next")
            page.socket.close()
        assert threading.active_count() <= before + 3  # of the threads that answer, of which there are four
    deadline = time.monotonic() + 10
    while left := set(threading.enumerate()) - others:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def test_a_model_file_alone_is_played_with_and_not_trained(flags, served):
    with served(flags / "run/model.safetensors") as page:
        told, _ = page.ask("model")
        assert (told["train"], told["rows"]) == (False, 0)
        assert "there are no rows to train on" in page.ask("train.start")[0]["text"]
        assert page.ask("fields")[1]["activity"].shape == (6,)


def test_a_run_whose_data_are_gone_is_played_with_and_says_so(flags, tmp_path):
    shutil.copytree(flags / "run", tmp_path / "run")
    text = (tmp_path / "run/config.yaml").read_text()
    (tmp_path / "run/config.yaml").write_text(text.replace("flags.npz", "gone.npz"))
    told = []
    with Playground(tmp_path / "run", port=0, complain=told.append) as playground:
        page = Page(playground.url)
        assert page.greet()["train"] is False
        assert page.ask("next")[1]["visible"].shape == (1, 9)
        page.socket.close()
    assert len(told) == 1
    assert "there is nothing to train on: there is no file or data set" in told[0]


def test_a_table_is_learned_and_played_with(tmp_path, served):
    g = np.random.default_rng(0)
    rows = np.stack([g.normal(20, 3, 80), g.normal(-5, 1, 80), g.integers(0, 2, 80)], 1)
    np.savetxt(tmp_path / "table.csv", rows, delimiter=",", header="warm,cold,rain", comments="")
    with served(tmp_path / "table.csv") as page:
        told, _ = page.ask("model")
        assert [column["name"] for column in told["columns"]] == ["warm", "cold", "rain"]
        assert (told["picture"], told["shape"]) == (False, [3])
        page.ask("set", mask=[1, 0, 0], values=[0.25, 0, 0])
        for _ in range(20):
            assert page.ask("next")[1]["visible"][0, 0] == pytest.approx(0.25, abs=1e-5)


def test_what_cannot_be_opened_ends_it_with_the_reason(tmp_path):
    (tmp_path / "broken.safetensors").write_bytes(b"nonsense")
    with Playground(tmp_path / "broken.safetensors", port=0) as playground, pytest.raises(hm.InputError) as told:
        playground.wait()
    assert "broken.safetensors" in str(told.value)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere"], "nowhere does not exist; give a run, a model file, or data"),
        (["digits", "--host", "0.0.0.0"], "--host 0.0.0.0 is every address of this machine"),
        (["digits", "--port", 70000], "port"),
    ],
)
def test_the_command_tells_what_is_wrong_in_one_line(words, says, tmp_path):
    done = harmonium("play", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_command_ends_with_a_broken_file(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"nonsense")
    done = harmonium("play", "x.safetensors", "--no-browser", "--port", 0, cwd=tmp_path)
    assert done.returncode == 2
    assert "x.safetensors" in done.stderr.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_ends_at_a_signal_with_the_training_saved(number, flags, tmp_path):
    with command(flags / "flags.npz", tmp_path) as (process, page):
        page.ask("train.start", settings={"hidden": 3, "steps": 10**6})
        os.kill(process.pid, number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "the training is saved: `harmonium train --resume runs/flags` goes on" in err
    assert page.token not in err
    assert hm.Trainer.resume(tmp_path / "runs/flags").total_steps == 10**6


@pytest.mark.slow
def test_the_first_picture_is_there_at_once(tmp_path):
    before = seconds()
    with command("digits", tmp_path) as (_, page):
        assert page.ask("next")[1]["visible"].shape == (1, 64)
    assert seconds() - before <= FIRST_PICTURE


def seconds() -> float:
    """Return the seconds of the processor that commands have taken which have ended."""
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def test_the_example_runs(tmp_path, monkeypatch):
    import doctest

    from harmonium.playground import server

    done = doctest.testmod(server)
    assert done.attempted == 2
    assert done.failed == 0


@pytest.mark.slow
def test_half_of_either_kind_of_a_few_pictures_is_finished(tmp_path):
    """Boxes and crosses of 12 × 12: the strokes of an upper half are held, and chains begin anew."""
    at, noise = np.arange(2, 10), np.random.default_rng(0)
    kinds = np.zeros((2, 12, 12))
    kinds[0, at, at] = kinds[0, at, 11 - at] = 1
    kinds[1, [2, 9], 2:10] = kinds[1, 2:10, 2] = kinds[1, 2:10, 9] = 1
    rows = 30 + 190 * kinds[np.arange(60) % 2] + noise.normal(0, 8, (60, 12, 12))
    np.save(tmp_path / "few.npy", rows.clip(0, 255).astype(np.uint8))
    trainer = hm.Trainer(*first_settings(str(tmp_path / "few.npy")))
    for _ in trainer.steps():
        pass
    dream, below = Dream(Subject(still(trainer)), asks.Set(type="set", chains=50)), np.arange(12) >= 6
    for one, other in (kinds, kinds[::-1]):
        mask = (one * ~below[:, None]).ravel().astype(int).tolist()
        dream.set(asks.Set(type="set", mask=mask, values=one.ravel().tolist()))
        dream.begin()
        for _ in range(60):
            dream.move()
        shown = dream.frame()[1]["visible"].reshape(-1, 12, 12)[:, below] / 255
        like = [(shown * kind[below]).sum((1, 2)) / kind[below].sum() for kind in (one, other)]
        assert (like[0] > like[1]).mean() > 0.8
