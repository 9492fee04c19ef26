"""Answers come out of their bytes as they went in; messages are what they say or told in one line."""

import json
import math

import numpy as np
import pytest

from harmonium import InputError
from harmonium.playground import asks
from harmonium.playground.wire import bytes_of, pack, unpack

ARRAYS = {
    "a": np.arange(7, dtype=np.uint8).reshape(1, 7),
    "b": np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3),
    "none": np.zeros((0, 4), np.float32),
    "c": np.array([255, 0], np.uint8),
}


def test_an_answer_comes_out_as_it_went_in():
    head, arrays = unpack(
        pack({"type": "x", "text": "σ – ö", "deep": {"nan": math.nan, "list": [1, math.inf]}}, ARRAYS)
    )
    assert head == {"type": "x", "text": "σ – ö", "deep": {"nan": None, "list": [1, None]}}
    assert list(arrays) == list(ARRAYS)
    for name, x in ARRAYS.items():
        assert arrays[name].dtype == x.dtype
        np.testing.assert_array_equal(arrays[name], x)


def test_every_part_begins_where_a_page_can_read_it():
    message = pack({"type": "x"}, ARRAYS)
    size = int.from_bytes(message[:4], "little")
    assert size % 4 == 0
    json.loads(message[4 : 4 + size])
    assert len(message) == 4 + size + 8 + 24 + 0 + 4


def test_fractions_beyond_their_ends_are_cut():
    assert bytes_of([-1, 0, 0.5, 1, 7]).tolist() == [0, 0, 128, 255, 255]


GOOD = [
    {"type": "hello", "token": "x"},
    {"type": "model", "of": "a"},
    {"type": "set", "chains": 3, "mask": [0, 1], "values": [0.5, 1], "label": None, "held": [[0, 1, 1]]},
    {"type": "start", "from": "values", "values": [1, 0]},
    {"type": "next", "still": True, "n": -5},
    {"type": "row", "index": 3},
    {"type": "fields", "layer": 1},
    {"type": "unit", "layer": 0, "unit": 3},
    {"type": "microscope", "algorithm": "pcd", "k": 3, "lr": 0, "batch": 1, "updates": 9, "restart": True, "seed": 2},
    {"type": "train.start", "settings": {"hidden": "4,3", "lr": 0.1}, "against": {"sampler": "cd"}, "pace": 20},
    {"type": "train.set", "which": "b", "settings": {"lr": 0.1}},
    *({"type": f"train.{what}"} for what in ("pause", "resume", "stop", "save", "report")),
    {"type": "judge", "which": "b"},
    {"type": "watch", "since": 3, "samples": 16, "fields": 10},
]  # fmt: skip


@pytest.mark.parametrize("message", GOOD, ids=lambda message: message["type"])
def test_a_message_is_understood(message):
    assert asks.read(json.dumps(message)).type == message["type"]


def test_every_message_is_among_the_good_ones_and_in_the_documentation():
    known = set(asks.ANY.json_schema()["discriminator"]["mapping"])
    assert known == {message["type"] for message in GOOD}
    with open(__file__.rpartition("/tests/")[0] + "/docs/playground-protocol.md", encoding="utf-8") as page:
        told = page.read()
    assert [name for name in known if name not in told] == []


BAD = [
    "", "null", "3", "[]", "{", '{"type": 3}', '{"type": "nope"}', "\ud800", '{"type": "next", "n": 1e400}',
    '{"type": "next", "more": 1}', '{"type": "next", "n": 1.5}', '{"type": "next", "n": true}', "[" * 100_000,
    '{"type": "set", "chains": 101}', '{"type": "set", "chains": "3"}', '{"type": "set", "steps": 0}',
    '{"type": "set", "temperature": NaN}', '{"type": "set", "temperature": 0}', '{"type": "set", "mask": [2]}',
    '{"type": "set", "values": [1e999]}', '{"type": "set", "held": [[0, -1, 1]]}', '{"type": "set", "label": -1}',
    '{"type": "row", "index": 99999999999}', '{"type": "microscope", "k": 1000}', '{"type": "watch", "samples": 65}',
    '{"type": "train.start", "settings": {"lr": [1]}}', '{"type": "train.set", "which": "c"}',
    '{"type": "train.start", "pace": 0}', '{"type": "hello"}',
]  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:40].encode("ascii", "replace").decode())
def test_what_is_no_message_is_told_in_one_line(text):
    with pytest.raises(InputError) as told:
        asks.read(text)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 600


def test_a_broken_message_keeps_its_number_where_it_has_one():
    assert [asks.number(text) for text in ('{"n": 7, "type": "x"}', '{"n": "7"}', "[", "[1]", "[" * 10**5, "3")] == [
        7, 0, 0, 0, 0, 0,
    ]  # fmt: skip
