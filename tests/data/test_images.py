"""A folder of pictures."""

import numpy as np
import pytest
from PIL import Image

from harmonium import data
from harmonium.data import images
from harmonium.data.images import read_images
from harmonium.errors import InputError

GRAY = np.random.default_rng(0).integers(0, 256, (12, 5, 4)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    for i, picture in enumerate(GRAY):
        Image.fromarray(picture).save(tmp_path / f"{i:02}.{('png', 'bmp', 'PNG')[i % 3]}")
    (tmp_path / "notes.txt").write_text("left alone")
    return tmp_path


def test_grey_pictures_come_back_in_the_order_of_their_names(folder):
    table = read_images(folder)
    assert (table.levels, table.array.dtype) == (255, np.uint8)
    np.testing.assert_array_equal(table.array, GRAY)


def test_a_folder_loads_as_a_data_set(folder):
    dataset = data.load(folder)
    assert (dataset.name, dataset.shape, dataset.kind, len(dataset)) == (folder.name, (5, 4), "gray", 10)


def test_dark_pictures_stay_grey(tmp_path):
    for i in range(10):
        Image.fromarray(np.eye(3, dtype=np.uint8)).save(tmp_path / f"{i}.png")
    assert (data.load(tmp_path).levels, data.load(tmp_path).kind) == (255, "gray")


def test_colours_become_grey(folder):
    Image.new("RGB", (4, 5), (255, 255, 255)).save(folder / "zz.gif")
    assert read_images(folder).array[-1].tolist() == [[255] * 4] * 5


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((5, 5), np.uint8), "zz.png is 5×5 pixels where 4×5"),
        (np.zeros((5, 4), np.float32), "F pixels where 8 bits"),
    ],
)
def test_a_picture_of_another_size_or_depth_is_named(folder, array, said):
    Image.fromarray(array).save(folder / ("zz.tif" if array.dtype == np.float32 else "zz.png"))
    with pytest.raises(InputError, match=said.replace("png", "(png|tif)")):
        data.load(folder)


@pytest.mark.parametrize("content", [b"", b"no picture", None])
def test_a_damaged_picture_is_named(folder, content):
    whole = (folder / "00.png").read_bytes()
    (folder / "zz.png").write_bytes(whole[:50] if content is None else content)
    with pytest.raises(InputError, match=r"zz\.png cannot be read as a picture") as caught:
        data.load(folder)
    assert "\n" not in str(caught.value)


def test_a_picture_of_too_many_pixels_is_refused(folder, monkeypatch):
    monkeypatch.setattr(images, "MOST_PIXELS", 15)
    with pytest.raises(InputError, match=r"00\.png has 4×5 pixels, too many"):
        data.load(folder)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)
    with pytest.raises(InputError, match=r"00\.png has too many pixels"):
        data.load(folder)


def pictures(folder, modes, color=(200, 40, 90, 60)):
    for i, mode in enumerate(modes):
        channels = color[: len(mode)] if mode in ("RGB", "RGBA") else 200
        Image.new(mode, (4, 5), channels).save(folder / f"{i:02}.png")


def test_transparent_pictures_lie_on_white_and_that_is_said(tmp_path):
    pictures(tmp_path, ["RGBA"] * 10)
    table = read_images(tmp_path)
    over_white = [round(255 + (channel - 255) * 60 / 255) for channel in (200, 40, 90)]
    gray = np.array(Image.new("RGB", (1, 1), tuple(over_white)).convert("L"))[0, 0]
    assert np.abs(table.array.astype(int) - int(gray)).max() <= 1  # Pillow rounds each channel once more
    assert any("10 of 10 pictures are transparent: laid on white" in note for note in table.notes)
    assert any("10 of 10 pictures are in color" in note for note in table.notes)


def test_gray_pictures_that_are_saved_in_color_are_said_to_be_nothing_else(tmp_path):
    pictures(tmp_path, ["RGB"] * 10, color=(90, 90, 90))
    assert read_images(tmp_path).notes == ()


def test_sixteen_bits_become_eight_and_that_is_said(tmp_path):
    deep = np.linspace(0, 65535, 20).astype(np.uint16).reshape(5, 4)
    Image.fromarray(deep).save(tmp_path / "a.png")
    table = read_images(tmp_path)
    np.testing.assert_array_equal(table.array[0], np.rint(deep / 257))
    assert "1 of 1 pictures are of 16 bits" in table.notes[0]


def test_a_folder_for_each_class_gives_labels(tmp_path):
    for name, gray in (("cat", 30), ("dog", 200)):
        (tmp_path / name / "inner").mkdir(parents=True)
        for i in range(6):
            place = tmp_path / name / ("inner" if i == 5 else "") / f"{i}.png"
            Image.fromarray(np.full((5, 4), gray + i, np.uint8)).save(place)
        (tmp_path / name / "._0.png").write_bytes(b"left by another system")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "empty").mkdir()
    parts = [data.load(tmp_path, split) for split in data.SPLITS]
    for dataset in parts:
        assert dataset.label_names == ("cat", "dog")
        np.testing.assert_array_equal(dataset.labels, (dataset.rows[:, 0] >= 200).astype(int))
        assert [name.split("/")[0] for name in dataset.ids] == [dataset.label_names[i] for i in dataset.labels]
    assert sum(map(len, parts)) == 12
    assert "the folders cat, dog are taken as the labels" in parts[0].notes
    assert "no pictures lie in empty" in parts[0].notes


def test_folders_that_are_no_classes_are_refused(tmp_path):
    for name in ("train", "test"):
        (tmp_path / name).mkdir()
        pictures(tmp_path / name, ["L"] * 10)
    with pytest.raises(
        InputError, match=r"holds the folders test, train, which are no classes: give the one to learn from"
    ):
        data.load(tmp_path)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_stacks_in_color_become_gray(tmp_path, dtype, channels):
    colors = np.random.default_rng(0).integers(0, 256, (12, 5, 4, channels)).astype(np.uint8)
    if channels == 4:
        colors[..., 3] = 255
    np.save(tmp_path / "x.npy", colors if dtype == np.uint8 else (colors / 255).astype(np.float32))
    dataset = data.load_rows(tmp_path / "x.npy")
    modes = {1: "L", 3: "RGB", 4: "RGBA"}
    whole = [np.array(Image.fromarray(np.squeeze(one), modes[channels]).convert("L")) for one in colors]
    assert dataset.shape == (5, 4)
    scale = 1 if dtype == np.uint8 else 255
    assert np.abs(dataset.rows.reshape(12, 5, 4) * float(scale) - np.array(whole)).max() <= (scale > 1) / 2 + 1e-4
    assert any("in color" in note for note in dataset.notes) == (channels > 1)
