"""Labels as people write them, and rows that are split by them."""

import numpy as np
import pytest
import torch

from harmonium import data
from harmonium.data.labels import classes, stratified
from harmonium.data.splits import pick
from harmonium.errors import InputError

WRITTEN = {  # labels of five rows, their indices, and the names of the classes
    "from zero": ([0, 1, 2, 1, 0], [0, 1, 2, 1, 0], "0 1 2"),
    "from one": ([1, 2, 3, 2, 1], [0, 1, 2, 1, 0], "1 2 3"),
    "minus and plus one": ([-1, 1, 1, -1, 1], [0, 1, 1, 0, 1], "-1 1"),
    "far apart": ([20000, 1001, 1001, 20000, 1001], [1, 0, 0, 1, 0], "1001 20000"),
    "by their value": ([10, 9, 10, 9, 100], [1, 0, 1, 0, 2], "9 10 100"),
    "floats": ([1.0, 2.0, 1.0, 2.0, 2.0], [0, 1, 0, 1, 1], "1 2"),
    "words": (["b", "a", "b", "c", "a"], [1, 0, 1, 2, 0], "a b c"),
    "numbers as words": (["10", "9", "9", "10", "9"], [1, 0, 0, 1, 0], "9 10"),
    "codes with zeros": (["01", "1", "01", "1", "1"], [0, 1, 0, 1, 1], "01 1"),
    "truth values": ([True, False, True, True, False], [1, 0, 1, 1, 0], "False True"),
    "one column": ([[3], [5], [3], [3], [5]], [0, 1, 0, 0, 1], "3 5"),
    "one-hot": (np.eye(3)[[0, 2, 1, 2, 0]], [0, 2, 1, 2, 0], "0 1 2"),
    "objects": (np.array(["x", "y", "x", "y", "y"], object), [0, 1, 0, 1, 1], "x y"),
    "a tensor": (torch.tensor([4, 4, 7, 7, 4]), [0, 0, 1, 1, 0], "4 7"),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_labels_keep_their_names_and_become_compact(how):
    given, indices, names = WRITTEN[how]
    found, known = classes(given, 5, "x")
    assert (found.dtype, found.tolist(), " ".join(known)) == (np.int64, indices, names)
    dataset = data.from_array(np.eye(5), given)
    assert (dataset.labels.tolist(), dataset.label_names) == (indices, known)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.zeros(3), r"labels of shape \(3,\) where \(2,\) was expected"),
        (np.array([0.5, 1]), "not whole numbers"),
        (np.array([1, np.nan]), "no label in row 2"),
        (np.array(["a", ""]), "no label in row 2"),
        (np.array([None, "a"], object), "no label in row 1"),
        (np.array([[1, 1], [0, 1]]), "one-hot rows"),
        (np.array([[0.5, 0.5], [0, 1]]), "one-hot rows"),
    ],
)
def test_bad_labels_are_refused(labels, said):
    with pytest.raises(InputError, match=said) as caught:
        classes(labels, 2, "x")
    assert "\n" not in str(caught.value)


def test_labels_are_looked_up_by_name_in_another_set():
    dataset = data.from_array(np.eye(3), ["b", "c", "b"]).relabeled(("a", "b", "c"))
    assert (dataset.labels.tolist(), dataset.label_names) == ([1, 2, 1], ("a", "b", "c"))
    with pytest.raises(InputError, match="holds the label c where a, b was expected"):
        data.from_array(np.eye(3), ["b", "c", "b"]).relabeled(("a", "b"))


@pytest.mark.parametrize("seed", range(5))
def test_every_stretch_of_a_stratified_order_holds_each_class_in_proportion(seed):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(4), [3, 20, 77, 200]))
    order = stratified(rng.permutation(300), labels)
    assert sorted(order) == list(range(300))
    for first in range(0, 300, 30):
        counts = np.bincount(labels[order[first : first + 30]], minlength=4)
        # a class of n rows has floor or ceiling of its share, and ties of other classes move an end by one each
        assert (np.abs(counts - np.array([3, 20, 77, 200]) / 10) <= 2).all()


def test_rows_of_one_class_or_of_none_keep_their_order():
    order = np.random.default_rng(0).permutation(200)
    for labels in (np.zeros(200, int), np.arange(200)):
        assert stratified(order, labels).tolist() == order.tolist()


@pytest.mark.parametrize("rare", [1, 2, 3])
@pytest.mark.parametrize("place", ["first", "last", "between"])
def test_a_rare_class_is_learned_wherever_its_rows_lie(rare, place):
    labels = np.repeat([0, 1], [200 - rare, rare])
    if place != "last":
        labels = labels[::-1].copy() if place == "first" else np.random.default_rng(rare).permutation(labels)
    train = pick(200, None, "train", "x", labels)
    assert set(labels[train]) == {0, 1}
    assert sorted(np.concatenate([pick(200, None, split, "x", labels) for split in data.SPLITS])) == list(range(200))


def test_the_last_rows_are_watched_unless_that_takes_a_class_away():
    mixed, ordered = np.arange(100) % 4, np.repeat(np.arange(20), 5)
    assert pick(100, 20, "valid", "x", mixed) == slice(72, 80)
    train = pick(100, 20, "train", "x", ordered)
    assert set(ordered[train]) == set(ordered[:80])
    parts = [np.arange(100)[pick(100, 20, split, "x", ordered)] for split in data.SPLITS]
    assert sorted(np.concatenate(parts)) == list(range(100))
    assert parts[2].tolist() == list(range(80, 100))
