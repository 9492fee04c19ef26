"""Rows that a model has never seen are read as its training rows were, or refused; and nothing is half-made."""

import numpy as np
import pytest

import harmonium as hm
from cli.inside import harmonium
from harmonium.errors import InputError

g = np.random.default_rng(0)
ANSWERS = np.array(["b", "a", "c"])[np.arange(90) % 3]
X = (g.normal(size=(90, 3)) + np.arange(90)[:, None] % 3).round(2)
SMALL = {"hidden": 3, "steps": 6, "batch_size": 20, "seed": 1}


class Frame:
    """What pandas and polars have in common, and an index."""

    def __init__(self, columns, index=None):
        self.held = {name: np.asarray(column) for name, column in columns.items()}
        self.columns = list(columns)
        self.index = np.arange(len(next(iter(self.held.values())))) if index is None else index

    def __getitem__(self, name):
        return self.held[name]

    def to_numpy(self):
        return np.stack([self.held[name] for name in self.columns], 1)


def table(names, columns, mark=","):
    rows = [mark.join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([*([mark.join(names)] if names else []), *rows]) + "\n"


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A model of a table with a header, an index and a column of labels."""
    path = tmp_path_factory.mktemp("named") / "x.csv"
    path.write_text(table(["", "u", "v", "w", "species"], [range(90), *X.T, ANSWERS]))
    return hm.fit(path, labels=True, **SMALL)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A model of a table without a header, with labels in its second column."""
    path = tmp_path_factory.mktemp("plain") / "x.csv"
    path.write_text(table([], [X[:, 0], ANSWERS, X[:, 1], X[:, 2]]))
    return hm.fit(path, labels=True, label_column="2", **SMALL)


NEW = {  # header, columns, and whether labels come with it
    "the same": (["", "u", "v", "w", "species"], [range(90), *X.T, ANSWERS], True),
    "no labels": (["", "u", "v", "w"], [range(90), *X.T], False),
    "no index": (["u", "v", "w", "species"], [*X.T, ANSWERS], True),
    "rows alone": (["u", "v", "w"], [*X.T], False),
    "another order": (["w", "species", "u", "v"], [X[:, 2], ANSWERS, X[:, 0], X[:, 1]], True),
    "other ids": (["id", "v", "w", "u"], [range(500, 590), X[:, 1], X[:, 2], X[:, 0]], False),
    "no header": ([], [*X.T], False),
    "one row": (["species", "u", "v", "w"], [ANSWERS[:1], *X[:1].T], True),
}


@pytest.mark.parametrize("how", NEW)
def test_new_rows_are_read_by_the_names_of_their_columns(how, named, tmp_path):
    names, columns, labeled = NEW[how]
    (tmp_path / "new.csv").write_text(table(names, columns))
    found = named.encoder.read(tmp_path / "new.csv")
    np.testing.assert_array_equal(found.rows, X.astype(np.float32)[: len(found)])
    assert found.names in (("u", "v", "w"), ())
    assert (found.labels is not None) == labeled
    if labeled:
        assert [found.label_names[i] for i in found.labels] == ANSWERS[: len(found)].tolist()
    read = named.classify(tmp_path / "new.csv")
    assert (read.error is not None) == labeled
    np.testing.assert_array_equal(read.predicted, named.classify(X).predicted[: len(found)])


@pytest.mark.parametrize("labeled", [True, False])
def test_new_rows_without_names_are_read_by_their_order(labeled, plain, tmp_path):
    columns = [X[:, 0], *([ANSWERS] * labeled), X[:, 1], X[:, 2]]
    (tmp_path / "new.csv").write_text(table([], columns))
    found = plain.encoder.read(tmp_path / "new.csv")
    np.testing.assert_array_equal(found.rows, X.astype(np.float32))
    assert (found.labels is not None) == labeled


def test_columns_in_another_order_are_said(named, tmp_path):
    (tmp_path / "new.csv").write_text(table(["w", "v", "u"], [*X.T[::-1]]))
    (note,) = named.encoder.read(tmp_path / "new.csv").notes
    assert "put in the order of the training rows, by their names" in note


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["u", "v", "z"], "it lacks w and has z too many"),
        (["u", "v"], "it lacks w$"),
        (["u", "v", "w", "z"], "it has z too many"),
        ([], "has 2 columns where the model was trained on 3"),
    ],
)
def test_columns_that_are_missing_or_too_many_are_named(names, said, named, tmp_path):
    columns = [X[:, i % 3] for i in range(len(names) or 2)]
    (tmp_path / "new.csv").write_text(table(names, columns))
    with pytest.raises(InputError, match=said) as caught:
        named.encoder.read(tmp_path / "new.csv")
    assert "\n" not in str(caught.value)


def test_the_model_file_knows_the_columns_and_the_classes(named, tmp_path):
    again = hm.load(named.save(tmp_path / "model.safetensors")).encoder
    assert (again.names, again.label_column, again.label_names) == (("u", "v", "w"), "species", ("a", "b", "c"))
    assert again.form == named.encoder.form


def test_a_label_that_the_model_does_not_know_is_named(named):
    with pytest.raises(InputError, match="holds the label d where a, b, c was expected"):
        named.classify(X[:3], ["a", "d", "b"])
    with pytest.raises(InputError, match="the label d was given where a, b, c, or all"):
        named.sample(2, 1, label="d")
    assert named.sample(2, 1, label="c").shape == (2, 3)


def test_labels_are_told_by_their_names(named):
    found = named.classify(X[:4]).to_dict()
    assert found["label_names"] == ("a", "b", "c")
    assert found["predicted"] == [("a", "b", "c")[i] for i in named.classify(X).predicted[:4]]


def test_labels_are_compared_by_their_names(named):
    truth = [named.encoder.label_names[i] for i in named.classify(X).predicted]
    assert named.classify(X, truth).error == 0
    assert named.classify(X[:1], truth[:1]).accuracy == 1  # a set of one class alone


FRAMES = {
    "numbers": (Frame({"u": X[:, 0], "v": X[:, 1], "w": X[:, 2]}), {}, None),
    "labels in a column": (
        Frame({"u": X[:, 0], "species": ANSWERS, "v": X[:, 1], "w": X[:, 2]}),
        {"labels": True},
        None,
    ),
    "labels beside": (Frame({"u": X[:, 0], "v": X[:, 1], "w": X[:, 2]}), {}, ANSWERS),
    "an index of names": (Frame({"u": X[:, 0], "v": X[:, 1], "w": X[:, 2]}, [f"s{i}" for i in range(90)]), {}, None),
    "any column": (
        Frame({"u": X[:, 0], "diet": ANSWERS.astype(object), "v": X[:, 1], "w": X[:, 2]}),
        {"labels": True, "label_column": "diet"},
        None,
    ),
}


@pytest.mark.parametrize("how", FRAMES)
def test_frames_are_read_as_files_are(how):
    frame, settings, labels = FRAMES[how]
    run = hm.fit(frame, labels, **SMALL, **settings) if labels is not None else hm.fit(frame, **SMALL, **settings)
    assert run.encoder.names == ("u", "v", "w")
    assert run.encoder.label_names == (("a", "b", "c") if labels is not None or settings else ())
    rows = np.concatenate([run.splits.of(split).rows for split in hm.data.SPLITS])
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, X.astype(np.float32).tolist()))
    ids = run.splits.train.ids
    assert (ids is not None) == (how == "an index of names")
    moved = Frame({name: frame[name] for name in ("w", "u", "v")})
    np.testing.assert_array_equal(run.encoder.read(moved).rows, X.astype(np.float32))


def test_a_frame_of_objects_is_read_by_its_columns():
    given = Frame({"a": X[:, 0].astype(object), "b": np.array([True, False] * 45, object), "c": np.arange(90) % 7})
    found = hm.data.from_array(given)
    np.testing.assert_array_equal(
        found.rows, np.column_stack([X[:, 0], [1, 0] * 45, np.arange(90) % 7]).astype(np.float32)
    )
    words = hm.data.from_array(Frame({"a": X[:, 0], "b": ["x", "y"] * 45}))
    assert [column.kind for column in words.schema.columns] == ["real", "binary"]


def bad(tmp_path, name):
    path = tmp_path / f"{name}.csv"
    path.write_text(
        {"narrow": "u,v\n1.5,2\n", "word": "u,v,w\n1.5,2,three\n", "label": "u,v,w,species\n1,2,3,d\n"}[name]
    )
    return path


@pytest.mark.parametrize("option", ["--valid", "--test"])
@pytest.mark.parametrize("name", ["narrow", "word", "label"])
def test_nothing_is_made_where_training_cannot_start(name, option, tmp_path):
    """Held-out rows of another width, of words, of an unknown class: told before there is a directory."""
    (tmp_path / "x.csv").write_text(table(["u", "v", "w", "species"], [*X.T, ANSWERS]))
    words = ["--labels", "--steps", 20, "--out", "run", option, bad(tmp_path, name)]
    done = harmonium("train", "x.csv", *words, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert not (tmp_path / "run").exists()


def test_a_directory_that_cannot_be_filled_is_removed(tmp_path, monkeypatch):
    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("harmonium.fitting.home.environment", full)
    with pytest.raises(InputError, match="No space left"):
        hm.fit(X, out=tmp_path / "run", **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_labels_do_not_go_with_a_file(tmp_path):
    (tmp_path / "x.csv").write_text(table([], [*X.T]))
    with pytest.raises(InputError, match="name the column of the file with label_column"):
        hm.fit(tmp_path / "x.csv", ANSWERS, **SMALL)


def test_a_class_of_two_rows_is_learned_and_not_held_out(tmp_path):
    labels = np.repeat([1001, 20000], [88, 2])
    run = hm.fit(X, labels, out=tmp_path / "run", **SMALL)
    assert run.encoder.label_names == ("1001", "20000")
    assert run.model.labels == 2
    assert set(run.splits.train.labels) == {0, 1}


def test_commands_say_what_was_inferred_from_new_rows(named, tmp_path):
    named.save(tmp_path / "model.safetensors")
    (tmp_path / "new.csv").write_text(table(["id", "w", "v", "u"], [range(7, 97), *X.T[::-1]]))
    for words in (["classify"], ["evaluate"], ["recover", "--mask", "random:0.5", "--gibbs-steps", 2]):
        done = harmonium(words[0], "model.safetensors", "--data", "new.csv", *words[1:], cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "note: column 1 (id) numbers the rows" in done.stderr
        assert "note: the columns of new.csv were put in the order of the training rows" in done.stderr


@pytest.mark.parametrize("mark", ["", "NA", "nan", "?"])
def test_holes_of_a_file_are_filled_and_all_else_stays(mark, named, tmp_path):
    columns = [column.astype(str) for column in X.T]
    columns[1][4] = mark
    (tmp_path / "new.csv").write_text(table(["id", "w", "v", "u"], [range(7, 97), *columns[::-1]]))
    found = named.impute(tmp_path / "new.csv", chains=2, gibbs_steps=4)
    assert np.isfinite(found).all()
    known = np.ones(X.shape, bool)
    known[4, 1] = False
    np.testing.assert_allclose(found[known], X[known])
    with pytest.raises(InputError, match=r"line 6, column 3 \(v\)|first in row 5, column 2"):
        named.classify(tmp_path / "new.csv")


def test_a_word_is_no_hole(named, tmp_path):
    (tmp_path / "new.csv").write_text("u,v,w\n1,two,\n")
    with pytest.raises(InputError, match=r"line 2, column 2 \(v\) is 'two'"):
        named.impute(tmp_path / "new.csv")
