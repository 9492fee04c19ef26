"""Pictures: a folder of them, or a folder for each class; and colors made gray."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from harmonium.data.idx import telling
from harmonium.data.table import Table
from harmonium.errors import InputError

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
HALVES = ("train", "training", "test", "testing", "valid", "val", "validation")
MOST_PIXELS = 2**24  # of one picture
LUMA = (19595, 38470, 7471)  # of red, green and blue, of 65536: ITU-R 601-2, as Pillow has it
PART = 1000  # pictures at a time
SAID = {
    "color": "in color: made gray by their luma (ITU-R 601-2)",
    "clear": "transparent: laid on white",
    "deep": "of 16 bits a pixel: divided by 257",
}


def pictures_in(folder: Path) -> list[Path]:
    """Return a folder's picture files, sorted by name; a link out of the folder raises ``InputError``."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())
    return [_within(path, folder) for path in found if not path.name.startswith(".")]


def classes_in(folder: Path) -> dict[str, list[Path]]:
    """Return the pictures of every folder in a folder, those in folders within it too, by its name."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = {path.name: _below(_within(path, folder)) for path in folders}
    return {name: pictures for name, pictures in found.items() if pictures}


def _below(folder: Path) -> list[Path]:
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return pictures_in(folder) + [picture for path in inner for picture in _below(_within(path, folder))]


def _within(path: Path, folder: Path) -> Path:
    if path.is_symlink() and folder.resolve() not in path.resolve().parents:
        raise InputError(f"{path} leads out of {folder}: put the picture itself there")
    return path


def read_images(folder: Path) -> Table:
    """Return the folder's pictures as gray levels, shape (N, height, width), in the order of their names.

    Color becomes gray by its luma, transparency is laid on white, 16 bits become 8; of an animation the first frame
    counts. Raises ``InputError`` for a picture of another size, a damaged one, and for pixels of floats.
    """
    beside = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    table = _stacked(pictures_in(folder), folder)
    notes = (f"the folders {', '.join(beside)} beside the pictures are left out",) * bool(beside)
    return table._replace(notes=(*notes, *table.notes))


def read_classes(folder: Path) -> Table:
    """Return the pictures of a folder that holds a folder for each class, labeled by its name; see `read_images`."""
    found = classes_in(folder)
    if any(name.lower() in HALVES for name in found):
        raise InputError(
            f"{folder} holds the folders {', '.join(found)}, which are no classes: give the one to learn from, and the "
            "others by --valid and --test"
        )
    table = _stacked([path for paths in found.values() for path in paths], folder)
    labels = np.repeat(list(found), [len(paths) for paths in found.values()])
    empty = sorted(
        path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != "." if path.name not in found
    )
    notes = [f"the folders {', '.join(found)} are taken as the labels"]
    notes += [f"no pictures lie in {', '.join(empty)}"] * bool(empty)
    return table._replace(labels=labels, notes=(*notes, *table.notes))


def in_gray(table: Table) -> Table:
    """Return a stack of pictures with a last axis of 1, 3 or 4 channels as gray ones, and say so."""
    array = table.array
    if array.ndim != 4 or array.shape[-1] not in (1, 3, 4) or array.dtype.kind not in "uif":
        return table
    if array.shape[-1] == 1:
        return table._replace(array=array[..., 0])
    made = [_luma(np.asarray(array[i : i + PART])) for i in range(0, len(array), PART)]
    note = f"{len(array)} pictures are {SAID['color']}"
    clear = [f"{len(array)} pictures are {SAID['clear']}"] * (array.shape[-1] == 4)
    return table._replace(array=np.concatenate(made) if made else array[..., 0], notes=(*table.notes, note, *clear))


def _luma(pictures: np.ndarray) -> np.ndarray:
    full = 255 if pictures.dtype.kind in "ui" else 1
    gray = pictures[..., :3] @ np.array(LUMA) / 65536
    if pictures.shape[-1] == 4:
        alpha = pictures[..., 3] / full
        gray = gray * alpha + full * (1 - alpha)
    return gray if full == 1 else np.floor(gray + 0.5).astype(pictures.dtype)


def _stacked(paths: list[Path], folder: Path) -> Table:
    seen: Counter[str] = Counter()
    arrays = [_gray(path, seen) for path in paths]
    for path, array in zip(paths, arrays, strict=True):
        if array.shape != arrays[0].shape:
            raise InputError(
                f"{path} is {_size(array)} pixels where {_size(arrays[0])}, as in {paths[0].name}, was "
                "expected: resize or remove it"
            )
    notes = tuple(f"{seen[what]} of {len(paths)} pictures are {said}" for what, said in SAID.items() if seen[what])
    ids = np.array([path.relative_to(folder).as_posix() for path in paths])
    return Table(np.stack(arrays), None, folder.name, str(folder), levels=255, ids=ids, notes=notes)


def _gray(path: Path, seen: Counter[str]) -> np.ndarray:
    from PIL import Image

    with telling(str(path), "a picture"):
        try:
            with Image.open(path) as picture:
                return _pixels(picture, path, seen)
        except Image.DecompressionBombError as error:
            raise InputError(f"{path} has too many pixels: resize or remove it") from error


def _pixels(picture: Any, path: Path, seen: Counter[str]) -> np.ndarray:
    if picture.width * picture.height > MOST_PIXELS:
        raise InputError(f"{path} has {picture.width}×{picture.height} pixels, too many: resize or remove it")
    if picture.mode.startswith("I"):
        return _bytes(np.array(picture), path, seen)
    if picture.mode == "F":
        raise InputError(f"{path} has {picture.mode} pixels where 8 bits each were expected: save it as 8-bit gray")
    if picture.has_transparency_data:
        picture = _on_white(picture, seen)
    gray = np.array(picture.convert("L"))
    seen["color"] += picture.mode not in ("L", "1") and bool(
        (np.array(picture.convert("RGB")) != gray[..., None]).any()
    )
    return gray


def _bytes(deep: np.ndarray, path: Path, seen: Counter[str]) -> np.ndarray:
    if deep.min() < 0 or deep.max() > 65535:
        raise InputError(f"{path} has pixels of more than 16 bits: save it as 8-bit gray")
    seen["deep"] += 1
    return np.rint(deep / 257).astype(np.uint8)


def _on_white(picture: Any, seen: Counter[str]) -> Any:
    from PIL import Image

    clear = picture.convert("RGBA")
    seen["clear"] += clear.getextrema()[3][0] < 255
    return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")


def _size(array: np.ndarray) -> str:
    return f"{array.shape[1]}×{array.shape[0]}"
