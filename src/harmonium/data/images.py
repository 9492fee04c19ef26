"""A folder of pictures of one size."""

from pathlib import Path
from typing import Any

import numpy as np

from harmonium.data.idx import telling
from harmonium.data.table import Table
from harmonium.errors import InputError

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
MOST_PIXELS = 2**24  # of one picture


def pictures_in(folder: Path) -> list[Path]:
    """Return a folder's picture files, sorted by name; a link out of the folder raises ``InputError``."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())
    for path in found:
        if path.is_symlink() and folder.resolve() not in path.resolve().parents:
            raise InputError(f"{path} leads out of {folder}: put the picture itself there")
    return found


def read_images(folder: Path) -> Table:
    """Return the folder's pictures as gray levels, shape (N, height, width), in the order of their names.

    Color become gray by ITU-R 601-2 luma; of an animation the first frame counts. Raises ``InputError`` for
    a picture of another size, a damaged one, and for 16-bit or float pixels, which Pillow would clip.
    """
    paths = pictures_in(folder)
    arrays = [_gray(path) for path in paths]
    for path, array in zip(paths, arrays, strict=True):
        if array.shape != arrays[0].shape:
            raise InputError(
                f"{path} is {_size(array)} pixels where {_size(arrays[0])}, as in {paths[0].name}, was "
                "expected: resize or remove it"
            )
    return Table(np.stack(arrays), None, folder.name, str(folder), levels=255)


def _gray(path: Path) -> np.ndarray:
    from PIL import Image

    with telling(str(path), "a picture"):
        try:
            with Image.open(path) as picture:
                return _pixels(picture, path)
        except Image.DecompressionBombError as error:
            raise InputError(f"{path} has too many pixels: resize or remove it") from error


def _pixels(picture: Any, path: Path) -> np.ndarray:
    if picture.width * picture.height > MOST_PIXELS:
        raise InputError(f"{path} has {picture.width}×{picture.height} pixels, too many: resize or remove it")
    if picture.mode.startswith(("I", "F")):
        raise InputError(f"{path} has {picture.mode} pixels where 8 bits each were expected: save it as 8-bit gray")
    return np.array(picture.convert("L"))


def _size(array: np.ndarray) -> str:
    return f"{array.shape[1]}×{array.shape[0]}"
