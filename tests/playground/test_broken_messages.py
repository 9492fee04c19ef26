"""Ten thousand broken messages: each is answered in one line, and nothing is read or written outside the run."""

import json
import random
import threading
import time

import pytest

from harmonium.playground import asks
from harmonium.playground.house import House
from harmonium.playground.tab import Tab
from harmonium.playground.wire import unpack
from test_names import WATCH

VALUES = [None, True, 0, 1, -1, 2**31, 10**30, 1.5, 1e308, -1e-308, "", "a", "..", "/etc/passwd", "\0", [], [0],
          [[0, 0, 1]], [0] * 9, [1] * 9, [0.5] * 9, [1e5] * 9, {}, {"hidden": 2}, {"init": "/etc/passwd"}, {"lr": -1},
          "run", "a", "b", "cd",
          "pcd", "noise", "values", {"steps": 5, "hidden": 2}, {"valid": "x.npy"}, {"data_dir": "/"}]  # fmt: skip
SCHEMA = asks.ANY.json_schema()
KINDS = {name: SCHEMA["$defs"][at.rpartition("/")[2]] for name, at in SCHEMA["discriminator"]["mapping"].items()}
TYPES = sorted(set(KINDS) - {"judge", "train.report"})


RIGHT = {"layer": [0], "unit": [0, 5], "index": [0, 3], "steps": [1, 9], "values": [[0.5] * 9], "mask": [[0, 1, 0] * 3]}


def mutated(chance):
    """Return a message that is often nearly right: of some type, with some fields of some values, or broken bytes."""
    ask = {"type": chance.choice(TYPES), "n": chance.choice([0, 7, -3])}
    fields = [*(name for name in KINDS[ask["type"]]["properties"] if name not in ask), "extra"]
    needed = [name for name in KINDS[ask["type"]].get("required", []) if name not in ask]
    for name in {*needed, *chance.sample(fields, chance.randrange(len(fields)))} - chance.choice([{"extra"}, set()]):
        ask[name] = chance.choice(RIGHT[name] if name in RIGHT and chance.random() < 0.7 else VALUES)
    if ask["type"] == "train.start":
        ask["settings"] = chance.choice([{"hidden": 2, "steps": 3}, *VALUES])
    text = json.dumps(ask)
    if chance.random() < 0.2:
        place = chance.randrange(len(text))
        text = text[:place] + chance.choice(["", '"', "{", "\\u0000", "9" * 50, "\ud83d", "]"]) + text[place + 1 :]
    return text


@pytest.fixture
def tab(flags, tmp_path, monkeypatch):
    """A tab without a server between, and what it complained of."""
    monkeypatch.chdir(tmp_path)
    failures, complaints = [], []
    house = House(str(flags / "run"), failures.append, complaints.append)
    while house.subject is None:
        time.sleep(0.01)
    made = Tab(house)
    yield made
    house.close()
    assert failures == complaints == []


@pytest.mark.slow
def test_ten_thousand_broken_messages_are_answered_in_a_line_each(tab, flags, tmp_path):
    chance, kinds = random.Random(0), {}
    before = {file: file.read_bytes() for file in flags.rglob("*") if file.is_file()}
    for _ in range(10_000):
        head, _ = unpack(tab.reply(mutated(chance)))
        kinds[head["type"]] = kinds.get(head["type"], 0) + 1
        if head["type"] == "error":
            assert "\n" not in head["text"]
            assert "failed: the line" not in head["text"]
    assert kinds["error"] > 3000
    assert {"frame", "set", "model", "row", "fields", "unit", "microscope", "training"} <= set(kinds)
    assert {file: file.read_bytes() for file in flags.rglob("*") if file.is_file()} == before
    assert {file.name for file in tmp_path.iterdir()} <= {"runs"}


@pytest.mark.parametrize(
    "settings",
    [{"init": "/etc/passwd"}, {"valid": "/etc/passwd"}, {"test": "x"}, {"data_dir": "/"}, {"device": "cuda"},
     {"threads": 9}, {"label_column": "x"}, {"hidden": 10**9}, {"hidden": "9,9,9,9,9,9,9,9,9"}, {"chains": 10**9},
     {"batch_size": 10**9}, {"gibbs_steps": 10**9}, {"model": "../x"}, {"lr": 1e999}],
    ids=str,
)  # fmt: skip
def test_a_training_takes_no_paths_and_no_boundless_numbers(settings, tab):
    WATCH.seen.clear()
    WATCH.on = True
    head, _ = unpack(tab.reply(json.dumps({"type": "train.start", "settings": settings})))
    WATCH.on = False
    assert head["type"] == "error"
    assert not [x for x in WATCH.seen if "passwd" in x]
    assert tab.house.lesson is None


def test_of_two_that_race_one_begins_a_training(tab):
    tabs, told = [tab, *(Tab(tab.house) for _ in range(4))], []
    ask = json.dumps({"type": "train.start", "settings": {"hidden": 3, "steps": 10**6}})
    threads = [threading.Thread(target=lambda one=one: told.append(unpack(one.reply(ask))[0])) for one in tabs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(head["type"] for head in told) == ["error"] * 4 + ["training"]
    assert sum(thread.name == "training" for thread in threading.enumerate()) == 1
    assert unpack(tabs[1].reply('{"type": "train.stop"}'))[0]["state"] == "none"
