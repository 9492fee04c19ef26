"""Tables in .npy, .npz and text, read exactly or refused in one line."""

import gzip
import io

import numpy as np
import pytest

from harmonium import data
from harmonium.data.sources import open_table
from harmonium.data.tables import read_npy, read_npz
from harmonium.errors import InputError

TABLE = np.random.default_rng(0).normal(size=(12, 3))


def read_text(path, name="x"):
    return open_table(path, "train")


def refused(reader, path):
    with pytest.raises(InputError) as caught:
        reader(path, "x")
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def packed(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def written(path, text):
    content = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("ending", [".npy", ".npy.gz"])
@pytest.mark.parametrize("array", [TABLE, np.asfortranarray(TABLE), TABLE.astype(">f4"), TABLE > 0, TABLE[:0]])
def test_npy_comes_back(tmp_path, ending, array):
    found = read_npy(written(tmp_path / f"x{ending}", packed(array)), "x").array
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_npy_is_read(tmp_path, version):
    with (tmp_path / "x.npy").open("wb") as stream:
        np.lib.format.write_array(stream, TABLE, version=version)
    np.testing.assert_array_equal(read_npy(tmp_path / "x.npy", "x").array, TABLE)


@pytest.mark.parametrize("array", [np.array([[{}]], object), np.array([["a"]]), TABLE.astype(complex)])
def test_npy_without_numbers_is_refused_and_never_unpickled(tmp_path, array):
    assert "where numbers were expected" in refused(read_npy, written(tmp_path / "x.npy", packed(array)))


def test_npy_of_the_wrong_length_is_refused(tmp_path):
    content = packed(TABLE)
    assert "ends after 287 of 288 bytes" in refused(read_npy, written(tmp_path / "x.npy", content[:-1]))
    assert "goes on after the 288 bytes" in refused(read_npy, written(tmp_path / "x.npy", content + b"x"))


@pytest.mark.parametrize(("shape", "said"), [(b"(999999999999, 3)", "ends after"), (b"(-1, 3)", "shape")])
def test_npy_with_a_false_shape_is_refused(tmp_path, shape, said):
    content = packed(TABLE)
    forged = content.replace(b"(12, 3), }", shape + b", }")
    forged = forged.replace(b" " * (len(forged) - len(content)), b"", 1)
    assert said in refused(read_npy, written(tmp_path / "x.npy", forged))


def test_npy_truth_values_must_be_true_or_false(tmp_path):
    content = packed(TABLE > 0)[:-1] + b"\x07"
    assert "truth values" in refused(read_npy, written(tmp_path / "x.npy", content))


def test_a_stack_of_pictures_keeps_its_shape(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (20, 5, 4)).astype(np.uint8)
    np.save(tmp_path / "faces.npy", pictures)
    dataset = data.load(tmp_path / "faces.npy")
    assert (dataset.name, dataset.shape, dataset.width, dataset.levels) == ("faces", (5, 4), 20, 255)


@pytest.mark.parametrize("key", ["x", "data", "images", "anything"])
@pytest.mark.parametrize("marks", ["y", "labels"])
def test_npz_finds_its_one_table_and_labels(tmp_path, key, marks):
    np.savez(tmp_path / "x.npz", **{key: TABLE, marks: np.arange(12), "note": np.array(3)})
    table = read_npz(tmp_path / "x.npz", "x")
    np.testing.assert_array_equal(table.array, TABLE)
    np.testing.assert_array_equal(table.labels, np.arange(12))
    assert table.held_out is None


def test_npz_prefers_the_table_that_is_named(tmp_path):
    np.savez(tmp_path / "x.npz", other=TABLE * 2, x=TABLE)
    np.testing.assert_array_equal(read_npz(tmp_path / "x.npz", "x").array, TABLE)


def test_npz_with_several_tables_or_none_names_its_arrays(tmp_path):
    np.savez(tmp_path / "x.npz", left=TABLE, right=TABLE)
    assert "'left', 'right'" in refused(read_npz, tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", line=np.arange(4))
    assert "'line'" in refused(read_npz, tmp_path / "x.npz")


@pytest.mark.parametrize(("keys", "marks"), [(("train", "test"), False), (("x_train", "x_test"), True)])
def test_npz_keeps_its_own_split(tmp_path, keys, marks):
    labels = {"y_train": np.arange(9), "y_test": np.arange(3)} if marks else {}
    np.savez(tmp_path / "x.npz", **dict(zip(keys, (TABLE[:9], TABLE[9:]), strict=True)), **labels)
    table = read_npz(tmp_path / "x.npz", "x")
    assert table.held_out == 3
    np.testing.assert_array_equal(table.array, TABLE)
    assert (table.labels is None) != marks
    test = data.load(tmp_path / "x.npz", "test")
    np.testing.assert_array_equal(test.rows, TABLE[9:].astype(np.float32))


def test_npz_splits_of_two_widths_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", train=TABLE, test=TABLE[:, :2])
    assert "give both one width" in refused(read_npz, tmp_path / "x.npz")


def test_npz_with_labels_of_the_wrong_length_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", x=TABLE, y=np.arange(5))
    with pytest.raises(InputError, match=r"labels of shape \(5,\) where \(12,\) was expected"):
        data.load(tmp_path / "x.npz")


def test_npz_with_an_object_array_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.array([[{}]], object))
    assert "object values" in refused(read_npz, tmp_path / "x.npz")


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    assert "not a zip file" in refused(read_npz, written(tmp_path / "x.npz", b"hello"))


@pytest.mark.parametrize("mark", [",", ";", "\t", " "])
@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("ending", ["x.csv", "x.csv.gz", "x.amat", "x.data.gz"])
def test_text_comes_back(tmp_path, mark, header, ending):
    lines = [mark.join(["a", "b", "c"])] * header + [mark.join(map(repr, row)) for row in TABLE.tolist()]
    found = read_text(written(tmp_path / ending, "\n".join(lines)), "x")
    np.testing.assert_array_equal(found.array, TABLE)


@pytest.mark.parametrize("mark", [",", ";", "\t", " "])
@pytest.mark.parametrize("end", ["\n", "\r\n", " \n"])
@pytest.mark.parametrize("width", [1, 2, 5])
def test_one_digit_cells_are_cut_as_they_are_parsed(tmp_path, mark, end, width):
    cells = np.random.default_rng(width).integers(0, 10, (12, width))
    text = "".join(mark.join(map(str, row)) + end for row in cells)
    cut = read_text(written(tmp_path / "x.csv", text), "x").array
    parsed = read_text(written(tmp_path / "x.csv", text + "\n\n"), "x").array
    assert (cut.dtype, parsed.dtype) == (np.uint8, np.float64)
    np.testing.assert_array_equal(cut, cells)
    np.testing.assert_array_equal(parsed, cells)


def test_a_column_called_label_becomes_the_labels(tmp_path):
    path = written(tmp_path / "x.csv", "Label,p1,p2\n3,0,1\n7,1,0\n")
    table = read_text(path, "x")
    assert (table.labels.tolist(), table.array.tolist()) == ([3, 7], [[0, 1], [1, 0]])


def test_blank_lines_and_a_byte_order_mark_are_no_rows(tmp_path):
    path = written(tmp_path / "x.csv", b"\xef\xbb\xbf1.5,2\n\n3,4\n\n")
    assert read_text(path, "x").array.tolist() == [[1.5, 2], [3, 4]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2\n3,4\n5\n", "line 3 has 1 cells where 2 were expected"),
        ("a,b\n\n1,2\n3,4,5\n", "line 4 has 3 cells where 2 were expected"),
        ("0,1\n0,1,1\n", "line 2 has 3 cells where 2 were expected"),
        ("1;2\n0,5;3.000\n", "line 2, column 2 is '3.000' in a file of decimal commas"),
        ("a,b,c\n3,4\n5,6\n", "3 names over 2 columns"),
        ("a,b\n", "a header but no rows"),
        ("", "is empty"),
        ("\n \n", "is empty"),
        (b"1,2\n3,\x01\n", "bytes that are no text"),
    ],
)
def test_bad_text_is_refused_with_its_place(tmp_path, text, said):
    assert said in refused(read_text, written(tmp_path / "x.csv", text))


@pytest.mark.parametrize("stray", ["four", "1_0", "b"])
def test_a_word_among_numbers_is_told_by_its_place(tmp_path, stray):
    text = "1.5,2\n" * 30 + f"3,{stray}\n"
    with pytest.raises(InputError, match=f"line 31, column 'column2' is '{stray}' among numbers"):
        data.load(written(tmp_path / "x.csv", text))


def test_an_infinite_number_is_told_by_its_place(tmp_path):
    text = "1.5,2\n" * 10 + "3,inf\n,4\n"
    with pytest.raises(InputError, match=r"line 11, column 'column2' is inf, too large for float32"):
        data.load(written(tmp_path / "x.csv", text))


REALS = "\n".join(",".join(f"{x:.2f}" for x in row) for row in TABLE)
WHOLE = "\n".join(f"{row},{i % 3}" for i, row in enumerate(REALS.split("\n")))


@pytest.mark.parametrize(
    ("text", "said", "names"),
    [
        (f"a,b,c,Species\n{WHOLE}", "column 4 (Species) is taken as the labels: --label-column none", "a b c"),
        (
            f"a,b,target\n{REALS}",
            "column 3 (target) holds numbers of many values, and no classes: it is kept",
            "a b target",
        ),
        (f"a,b,c,diet\n{WHOLE}", "column diet looks like labels: --label-column diet", "a b c diet"),
        (f"0,1,2\n{REALS}", "the first line counts the columns, 0 to 2: taken as their names", "0 1 2"),
        (REALS.replace("\n", ",\n") + ",", "every line ends in ',': the empty column behind it is left out", ""),
        (f"a,a,b\n{REALS}", "several columns are called 'a': names are left out", ""),
        ("a,b\n" + "yes,0\nno,1\n" * 6, "column 1 (a): its words of yes and no are taken as 1 and 0", "a b"),
        (f"\xe4,b,c\n{REALS}".encode("latin-1"), "is not in UTF-8: it was read as Latin-1", "ä b c"),
    ],
)
def test_what_is_inferred_is_said(tmp_path, text, said, names):
    dataset = data.load_rows(written(tmp_path / "x.csv", text))
    assert " ".join(dataset.names) == names
    assert any(said in note for note in dataset.notes), dataset.notes
    assert set(dataset.notes) <= set(data.check(tmp_path / "x.csv").notes)


def test_what_has_nothing_to_infer_says_nothing(tmp_path):
    assert data.load_rows(written(tmp_path / "x.csv", f"a,b,c\n{REALS}")).notes == ()
