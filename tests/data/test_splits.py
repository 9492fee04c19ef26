"""Names, paths and splits."""

import gzip
import os
import struct
import subprocess
import sys

import numpy as np
import pytest

from harmonium import data
from harmonium.data.named import FOLDERS
from harmonium.data.splits import pick
from harmonium.errors import InputError

NUMBERED = np.repeat(np.arange(200.0)[:, None] / 200, 2, axis=1)
SIZES = [(10, None, (8, 1, 1)), (200, None, (162, 18, 20)), (30000, None, (26000, 1000, 3000))]
OWN = [(12, 3, (8, 1, 3)), (70000, 10000, (59000, 1000, 10000))]


@pytest.mark.parametrize(("count", "held_out", "sizes"), SIZES + OWN)
def test_the_splits_part_the_rows(count, held_out, sizes):
    parts = [np.arange(count)[pick(count, held_out, split, "x")] for split in data.SPLITS]
    assert tuple(map(len, parts)) == sizes
    assert sorted(np.concatenate(parts)) == list(range(count))
    if held_out is not None:
        assert np.concatenate(parts).tolist() == list(range(count))


@pytest.mark.parametrize(("apart", "train"), [([], 162), (["valid"], 180), (["test"], 180), (["valid", "test"], 200)])
def test_no_rows_are_put_aside_for_a_split_that_lies_apart(apart, train):
    rows = data.from_array(NUMBERED)
    parts = data.split_rows(rows, apart)
    assert set(parts) == {*data.SPLITS} - {*apart}
    assert len(parts["train"]) == train
    assert sorted(np.concatenate([part.rows for part in parts.values()])[:, 0]) == sorted(rows.rows[:, 0])
    assert len(np.arange(100)[pick(100, 20, "train", "x", apart=apart)]) == 80 - 8 * ("valid" not in apart)


def test_an_unsplit_file_is_put_in_a_fixed_order():
    assert pick(200, None, "test", "x").tolist() == np.random.default_rng(0).permutation(200)[180:].tolist()


@pytest.mark.parametrize(("count", "held_out", "split"), [(9, None, "train"), (5, 0, "test"), (4, 3, "train")])
def test_a_split_without_rows_is_refused(count, held_out, split):
    with pytest.raises(InputError, match="rows"):
        pick(count, held_out, split, "x")


def test_a_file_is_split_the_same_way_each_time(tmp_path):
    np.save(tmp_path / "x.npy", NUMBERED)
    splits = [data.load(tmp_path / "x.npy", split) for split in data.SPLITS]
    assert [len(dataset) for dataset in splits] == [162, 18, 20]
    assert sorted(np.concatenate([d.rows for d in splits])[:, 0]) == NUMBERED[:, 0].astype(np.float32).tolist()
    np.testing.assert_array_equal(splits[0].rows, data.load(str(tmp_path / "x.npy")).rows)


def test_a_file_of_nine_rows_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", NUMBERED[:9])
    with pytest.raises(InputError, match="has 9 rows where at least 10 were expected"):
        data.load(tmp_path / "x.npy")


def test_rows_and_labels_stay_together(tmp_path):
    np.savez(tmp_path / "x.npz", x=NUMBERED, y=np.arange(200))
    for split in data.SPLITS:
        dataset = data.load(tmp_path / "x.npz", split)
        assert dataset.labels.dtype == np.int64
        np.testing.assert_array_equal(dataset.rows[:, 0], (dataset.labels / 200).astype(np.float32))


def test_levels_reach_the_rows(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(40).reshape(20, 2))
    with pytest.raises(InputError, match="whole numbers 0 to 39"):
        data.load(tmp_path / "x.npy")
    assert data.load(tmp_path / "x.npy", levels=39).levels == 39
    assert data.load(tmp_path / "x.npy", levels=0).kind == "real"


def test_digits():
    splits = [data.load("digits", split) for split in data.SPLITS]
    assert [len(dataset) for dataset in splits] == [1295, 143, 359]
    assert {(d.rows.dtype.name, d.levels, d.shape, d.kind) for d in splits} == {("uint8", 16, (8, 8), "gray")}
    assert np.bincount(np.concatenate([d.labels for d in splits])).tolist() == [
        178,
        182,
        177,
        183,
        181,
        182,
        181,
        179,
        174,
        180,
    ]
    assert sum(int(d.rows.sum()) for d in splits) == 561718


def test_each_digit_keeps_its_label():
    from sklearn.datasets import load_digits

    bunch = load_digits()
    known = {row.astype(np.uint8).tobytes(): label for row, label in zip(bunch.data, bunch.target, strict=True)}
    for split in data.SPLITS:
        dataset = data.load("digits", split)
        assert [known[row.tobytes()] for row in dataset.rows] == dataset.labels.tolist()


def test_loading_does_not_import_torch():
    code = (
        "import sys; from harmonium import data; data.load('digits'); data.check('digits'); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_importing_data_imports_no_heavy_library():
    code = (
        "import sys; import harmonium.data; "
        "assert not {'torch', 'sklearn', 'PIL', 'pooch', 'scipy'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("minst", r"there is no file or data set 'minst': expected digits, mnist, .* did you mean 'mnist'\?"),
        ("no/such.csv", "there is no file or data set 'no/such.csv'"),
        ("x" * 5000, "there is no file or data set"),
        ("~nobody-at-all/x.npy", "there is no file or data set '~nobody-at-all/x.npy'"),
        ("a\0b\nc", r"there is no file or data set 'a\\x00b\\nc'"),
    ],
)
def test_an_unknown_name_is_refused_in_one_line(given, said):
    with pytest.raises(InputError, match=said) as caught:
        data.load(given)
    assert "\n" not in str(caught.value)


def test_an_unknown_split_is_refused():
    with pytest.raises(InputError, match="did you mean 'train'"):
        data.load("digits", "trian")


@pytest.mark.parametrize("name", ["x.mat", "x", "x.npz.gz", "x.feat.gz", "x.pt"])
def test_an_unknown_ending_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"something")
    with pytest.raises(InputError, match=r"has the ending '.*' where a path to \.npy"):
        data.load(tmp_path / name)


def test_a_folder_of_neither_kind_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds neither IDX files nor"):
        data.load(tmp_path)


def idx(array):
    return (
        bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()
    )


def fill(folder, *, packed=True, dot=False):
    """Write a small set of the four files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for half, count in (("train", 30), ("t10k", 5)):
        pictures = np.arange(count * 6).reshape(count, 2, 3) % 251
        for kind, array in (("images-idx3", pictures), ("labels-idx1", np.arange(count) % 10)):
            name = f"{half}-{kind.replace('-', '.') if dot else kind}-ubyte"
            content = gzip.compress(idx(array)) if packed else idx(array)
            (folder / (name + ".gz" * packed)).write_bytes(content)


def sizes(*args, **kwargs):
    return [len(data.load(args[0], split, **kwargs)) for split in data.SPLITS]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dot", [True, False])
def test_a_folder_of_idx_files_keeps_its_split(tmp_path, packed, dot):
    fill(tmp_path, packed=packed, dot=dot)
    assert sizes(tmp_path) == [27, 3, 5]
    valid = data.load(tmp_path, "valid")
    assert (valid.shape, valid.levels, valid.labels.tolist()) == ((2, 3), 255, [7, 8, 9])
    np.testing.assert_array_equal(valid.rows.ravel(), np.arange(27 * 6, 30 * 6) % 251)


def test_one_idx_file_is_a_file_without_a_split(tmp_path):
    fill(tmp_path)
    assert sizes(tmp_path / "train-images-idx3-ubyte.gz") == [25, 2, 3]


def test_an_idx_folder_without_a_test_half_says_so(tmp_path):
    fill(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(InputError, match="has no t10k-images-idx3-ubyte"):
        data.load(tmp_path, "test")


@pytest.mark.parametrize(("name", "sub"), [(name, sub) for name, subs in FOLDERS.items() for sub in subs])
def test_named_sets_are_found_in_the_directory_and_its_folders(tmp_path, monkeypatch, name, sub):
    fill(tmp_path / sub)
    assert sizes(name, data_dir=tmp_path) == [27, 3, 5]
    monkeypatch.setenv("HARMONIUM_DATA", str(tmp_path))
    assert sizes(name) == [27, 3, 5]
    assert data.load(name).name == name


def test_data_dir_goes_before_the_environment(tmp_path, monkeypatch):
    fill(tmp_path / "here" / "mnist")
    monkeypatch.setenv("HARMONIUM_DATA", str(tmp_path / "elsewhere"))
    assert sizes("mnist", data_dir=tmp_path / "here") == [27, 3, 5]


@pytest.mark.parametrize("name", list(FOLDERS))
def test_a_data_dir_without_the_files_is_refused_not_downloaded(tmp_path, name):
    with pytest.raises(InputError, match=f"has no {name} files: put train-images-idx3-ubyte.gz"):
        data.load(name, data_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def real(name):
    place = os.environ.get("HARMONIUM_DATA")
    if place is None:
        pytest.skip("set HARMONIUM_DATA to a directory with mnist/ and fashion_mnist/, four IDX .gz files each")
    if not any(os.path.exists(os.path.join(place, sub, "train-images-idx3-ubyte.gz")) for sub in FOLDERS[name]):
        pytest.skip(f"HARMONIUM_DATA has no {name}: download its four IDX .gz files into {FOLDERS[name][0]}/")


@pytest.mark.parametrize(("name", "mean"), [("mnist", 33.3184), ("fashion-mnist", 72.9404)])
def test_the_real_sets(name, mean):
    real(name)
    splits = [data.load(name, split) for split in data.SPLITS]
    assert [len(dataset) for dataset in splits] == [59000, 1000, 10000]
    assert {(d.rows.dtype.name, d.levels, d.shape, d.kind) for d in splits} == {("uint8", 255, (28, 28), "gray")}
    official = np.concatenate([splits[0].rows, splits[1].rows])
    assert official.mean() == pytest.approx(mean, abs=1e-4)
    assert np.bincount(splits[2].labels).sum() == 10000
