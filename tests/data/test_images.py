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
        (np.zeros((5, 4), np.uint16), "I;16 pixels where 8 bits"),
    ],
)
def test_a_picture_of_another_size_or_depth_is_named(folder, array, said):
    Image.fromarray(array).save(folder / "zz.png")
    with pytest.raises(InputError, match=said):
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
