"""Checkpoints: whole or passed over, whatever happens to them or to the disk."""

import errno
import itertools
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from harmonium import DivergenceError, InputError
from harmonium.cli import main
from harmonium.errors import SaveError
from harmonium.fitting import TrainConfig, Trainer, checkpoints, state
from harmonium.fitting.home import Home
from laws import rng

SMALL = {"hidden": 4, "steps": 60, "seed": 3, "batch_size": 50}


def start(path, source="digits", **settings) -> Trainer:
    return Trainer(TrainConfig(**(SMALL | settings)), str(source), out=path, save_every=1e9)


def take(trainer, steps):
    updates = trainer.steps()
    for _ in itertools.islice(updates, steps):
        pass
    updates.close()
    return trainer


def model(home) -> bytes:
    return (home / "model.safetensors").read_bytes()


@pytest.mark.slow
def test_a_run_cut_at_every_step_ends_at_the_same_bytes(tmp_path):
    settings = {"steps": 28, "batch_size": 100}  # two epochs of 13 updates, and two more
    whole = take(start(tmp_path / "whole", **settings), 29).home.path  # one more than there are: to its end
    for step in range(28):
        home = tmp_path / f"cut{step}"
        take(start(home, **settings), step)
        trainer = Trainer.resume(home)
        assert trainer.problems == []
        assert trainer.step == step
        take(trainer, 29)
        assert model(home) == model(whole), step


def test_ten_resumes_in_a_row_end_at_the_same_bytes(tmp_path):
    whole = take(start(tmp_path / "whole"), 60).home.path
    take(start(tmp_path / "cut"), 6)
    for _ in range(9):
        take(Trainer.resume(tmp_path / "cut", save_every=1e9), 6)
    assert model(tmp_path / "cut") == model(whole)
    assert [int(place.name) for place in checkpoints.places(tmp_path / "cut")] == [60, 54, 48]


@pytest.fixture
def three(tmp_path):
    """A home with three small checkpoints, each of its own numbers."""
    (tmp_path / "config.yaml").write_text("hidden: 3\n")
    for step in (1, 2, 3):
        checkpoints.put(tmp_path, step, {"x": torch.randn(4, 5, generator=rng(step)), "n": torch.tensor(step)})
    return tmp_path


def damage(place, kind, chance, other):
    """Do one kind of damage to a checkpoint."""
    file = place / chance.choice([checkpoints.STATE, checkpoints.MANIFEST])
    held = bytearray(file.read_bytes())
    at = int(chance.integers(len(held)))
    if kind == "bit":
        held[at] ^= 1 << int(chance.integers(8))
    elif kind == "cut":
        held = held[:at]
    elif kind == "zeros":
        end = len(held)
        held[at:] = bytes(end - at)
    elif kind == "longer":
        held += bytes(chance.integers(0, 256, 5, dtype=np.uint8))
    elif kind == "another's":
        held = bytearray((other / file.name).read_bytes())
    if kind == "missing":
        file.unlink()
    elif kind == "whole of another":
        shutil.rmtree(place)
        shutil.copytree(other, place)
    elif kind == "version":
        told = json.loads((place / checkpoints.MANIFEST).read_text())
        (place / checkpoints.MANIFEST).write_text(json.dumps({**told, "format": "harmonium checkpoint 9"}, indent=1))
    else:
        file.write_bytes(held)


KINDS = ["bit", "cut", "zeros", "longer", "another's", "missing", "whole of another", "version"]


@pytest.mark.parametrize(("count", "first"), [
    (500, 0), *(pytest.param(1000, 1000 * i, marks=pytest.mark.whole) for i in range(1, 11)),
])  # fmt: skip
def test_no_damaged_checkpoint_is_loaded(three, count, first):
    """Every damage to the newest is noticed and named, and the one before is taken, with its own numbers."""
    newest, before, _ = checkpoints.places(three)
    kept = three / "kept"
    shutil.copytree(newest, kept)
    for trial in range(first, first + count):
        chance = np.random.default_rng(trial)
        damage(newest, KINDS[trial % len(KINDS)], chance, before)
        place, tensors, facts, problems = checkpoints.latest(three)
        assert place == before, (trial, KINDS[trial % len(KINDS)])
        assert facts["step"] == int(tensors["n"]) == 2
        assert torch.equal(tensors["x"], torch.randn(4, 5, generator=rng(2)))
        assert len(problems) == 1
        assert str(newest) in problems[0]
        assert "\n" not in problems[0]
        shutil.rmtree(newest, ignore_errors=True)
        shutil.copytree(kept, newest)
    assert checkpoints.latest(three)[0] == newest


def test_where_none_is_whole_the_newest_damage_is_named(three):
    for place in checkpoints.places(three):
        (place / checkpoints.STATE).write_bytes(b"")
    with pytest.raises(InputError, match=r"no checkpoint that is whole: .*000000003"):
        checkpoints.latest(three)


def test_settings_that_changed_are_named(three):
    (three / "config.yaml").write_text("hidden: 4\n")
    with pytest.raises(InputError, match=r"config\.yaml is not the one"):
        checkpoints.latest(three)


def test_a_full_disk_loses_nothing(three):
    """At 100 levels of room, from none to nearly enough, the new checkpoint fails in one line and the old ones stay."""
    big = {"x": torch.zeros(5000), "n": torch.tensor(4)}
    fits = sum(file.stat().st_size for file in checkpoints.put(three, 4, big).iterdir())
    before = {place: checkpoints.flaw(three, place) for place in checkpoints.places(three)}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    quiet = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        for room in np.linspace(0, 20_000, 100).astype(int):
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(room), hard))
            with pytest.raises(SaveError, match=r"step 5, 0.0 MB, cannot be written .*from step 4"):
                checkpoints.put(three, 5, big)
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            assert {place: checkpoints.flaw(three, place) for place in checkpoints.places(three)} == before
            assert not list((three / checkpoints.FOLDER).glob(".*"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, quiet)
    assert fits > 20_000
    checkpoints.put(three, 5, big)
    assert checkpoints.latest(three)[2]["step"] == 5


FAILURES = [errno.EIO, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EINTR, errno.ENOENT,
            errno.ESTALE, errno.ENODEV, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.EBUSY, errno.ENXIO,
            errno.ETIMEDOUT, errno.ENAMETOOLONG, errno.ELOOP, errno.EAGAIN, errno.EEXIST]  # fmt: skip


@pytest.mark.parametrize("call", ["mkdir", "write_tensors", "write_bytes", "replace", "flush"])
def test_every_call_of_a_save_may_fail(call, three, monkeypatch):
    """The old one or the new one, whole; never neither: 5 calls in 20 ways."""
    place = {"mkdir": checkpoints.Path, "replace": checkpoints.os}.get(call, checkpoints.storage)
    for step, number in enumerate(FAILURES, 4):
        before = checkpoints.latest(three)[2]["step"]

        def fail(*_, number=number, **__):
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch:
            patch.setattr(place, call, fail)
            with pytest.raises(SaveError, match=re.escape(os.strerror(number))) as met:
                checkpoints.put(three, step, {"n": torch.tensor(step)})
        assert "\n" not in str(met.value)
        assert checkpoints.latest(three)[2]["step"] in (before, step)
        assert checkpoints.latest(three)[3] == []
    checkpoints.put(three, 30, {"n": torch.tensor(30)})
    assert not list((three / checkpoints.FOLDER).glob(".*"))


HOLDER = """
import sys
from pathlib import Path
from harmonium.fitting.home import Home
home = Home(Path(sys.argv[1]), "", None)
home.hold()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_run_is_refused_and_a_dead_one_forgotten(tmp_path):
    """100 times: refused while the owner lives, free once it was killed."""
    owner = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "held\n"
        for _ in range(100):
            with pytest.raises(InputError, match="another process is training in"):
                Home(tmp_path, "", None).hold()
        owner.kill()
    for _ in range(100):
        home = Home(tmp_path, "", None)
        home.hold()
        home.release()


def test_a_directory_that_cannot_be_is_told_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        Home(tmp_path / "file" / "run", "", None).hold()


def poison(trainer, kind):
    """Plant what must not be kept."""
    machine = trainer.stage.machine
    with torch.no_grad():
        if kind == "weight":
            machine.weight[0, 0] = float("nan")
        elif kind == "bias":
            machine.visible.bias[3] = float("inf")
        elif kind == "chains":
            trainer.stage.sampler.chains[0, 0] = float("nan")
        elif kind == "memory":
            next(iter(trainer.stage.optimizer.state.values()))["momentum_buffer"][0] = float("nan")
        else:
            for group in trainer.stage.optimizer.param_groups:
                group["lr"] = group["initial_lr"] = 1e30


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(s, marks=pytest.mark.whole) for s in range(2, 40))])
@pytest.mark.parametrize("kind", ["weight", "bias", "chains", "memory", "rate"])
def test_a_divergence_is_never_kept_and_the_run_recovers(kind, seed, tmp_path):
    """Planted at a random step: told within two steps or by the save, then back to what is whole, and on to the end."""
    trainer = take(start(tmp_path / "run", momentum=0.5), 10)
    at, rate = int(np.random.default_rng(seed).integers(1, 40)), state.rates(trainer.stage)[0]
    updates = trainer.steps()
    for _ in itertools.islice(updates, at):
        pass
    poison(trainer, kind)
    if kind != "rate":
        with pytest.raises(DivergenceError, match="is not finite"):
            trainer.save()
    reached = trainer.step
    for _ in updates:
        if trainer.events:
            break
    assert trainer.step <= 11 <= reached + 3
    event = json.loads((tmp_path / "run/events.jsonl").read_text().splitlines()[-1])
    assert (event["event"], event["back_to"]) == ("diverged", 10)
    assert reached <= event["step"] <= reached + 2
    if kind == "rate":
        state.set_rates(trainer.stage, [rate])
    else:
        assert state.rates(trainer.stage)[0] == rate / 2
    for _ in updates:
        pass
    assert trainer.finished
    held = checkpoints.latest(tmp_path / "run")[1]
    assert all(bool(x.isfinite().all()) for name, x in held.items() if name != "history" and x.is_floating_point())


def test_a_run_that_goes_on_diverging_gives_up_with_exit_3(tmp_path, capsys):
    words = ["train", "digits", "--hidden", "4", "--steps", "50", "--lr", "1e30", "--out", str(tmp_path / "run")]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 3
    told = capsys.readouterr().err
    assert told.splitlines()[-1].startswith("harmonium: training diverged")
    assert "gave up after 8 halvings" in told
    assert len((tmp_path / "run/events.jsonl").read_text().splitlines()) == 8
    place, held, _, problems = checkpoints.latest(tmp_path / "run")
    assert problems == []
    assert int(place.name) == 0
    assert bool(held["machine.weight"].isfinite().all())
