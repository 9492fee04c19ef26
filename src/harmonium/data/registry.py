"""Data by name or by path, and how it is split."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from harmonium.data.dataset import Dataset, Table, interpret, tidy_labels
from harmonium.data.digits import digits
from harmonium.data.idx import brief, read_idx
from harmonium.data.images import pictures_in, read_images
from harmonium.data.tables import read_npy, read_npz, read_text
from harmonium.errors import InputError, suggest

DATASETS = {
    "digits": "1797 gray 8×8 handwritten digits, part of scikit-learn: no download",
    "mnist": "70000 gray 28×28 handwritten digits, a download of 11 MB",
    "fashion-mnist": "70000 gray 28×28 pictures of clothes, a download of 30 MB",
}
SPLITS = ("train", "valid", "test")
FEWEST = 10
WANTED = "a path to .npy .npz .csv .txt .amat IDX or a folder of images"
FOLDERS = {"mnist": ("mnist", "."), "fashion-mnist": ("fashion_mnist", "fashion-mnist")}
TEXTS = (".csv", ".tsv", ".txt", ".amat", ".data")
READERS = {".npy": read_npy, ".npz": read_npz} | dict.fromkeys(TEXTS, read_text)
MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion-mnist": (
        # This one speaks no https: the hashes below stand in for it.
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
}
HASHES = {
    "mnist": {
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
}


def load(
    name_or_path: str | Path,
    split: str = "train",
    *,
    data_dir: str | Path | None = None,
    levels: int | None = None,
) -> Dataset:
    """Return one split of a named set (see ``DATASETS``) or of a file or folder.

    ``test`` is the official or the file's own test set, else 10 % of the rows in one fixed random order;
    ``valid`` is the last tenth, at most 1000, of the training rows; ``train`` is the rest. ``levels`` is the
    value that means "fully on", where the values do not say it themselves; 0 takes them as real numbers (see
    ``interpret``). MNIST files are looked for in ``data_dir``, else in the directory that HARMONIUM_DATA names,
    else downloaded. Raises ``InputError``.
    """
    if split not in SPLITS:
        raise InputError(f"split {split!r} was given where {', '.join(SPLITS)} was expected" + suggest(split, SPLITS))
    return _part_of(_whole(name_or_path, split, data_dir, levels), split)


def load_train_valid(
    name_or_path: str | Path, *, data_dir: str | Path | None = None, levels: int | None = None
) -> tuple[Dataset, Dataset]:
    """Return the ``train`` and the ``valid`` split of one table, read once: see ``load``."""
    whole = _whole(name_or_path, "train", data_dir, levels)
    return _part_of(whole, "train"), _part_of(whole, "valid")


def _whole(name_or_path: str | Path, split: str, data_dir: str | Path | None, levels: int | None) -> Table:
    """Return the table that holds a split, its values and labels evaluated."""
    table = open_table(name_or_path, split, data_dir=data_dir)
    rows, levels = interpret(table.array, table.source, table.levels if levels is None else levels)
    labels = None if table.labels is None else tidy_labels(table.labels, len(rows), table.source)
    return table._replace(array=rows.reshape(table.array.shape), levels=levels, labels=labels)


def _part_of(table: Table, split: str) -> Dataset:
    rows, labels = table.array.reshape(len(table.array), -1), table.labels
    picked = pick(len(rows), table.held_out, split, table.source)
    assert table.levels is not None
    return Dataset(
        name=table.name,
        split=split,
        table=rows[picked] if isinstance(picked, slice) else rows,
        levels=table.levels,
        shape=table.array.shape[1:],
        labels=None if labels is None else labels[picked],
        source=table.source,
        index=None if isinstance(picked, slice) else picked,
    )


def open_table(name_or_path: str | Path, split: str, *, data_dir: str | Path | None = None) -> Table:
    """Return what a name or path stands for, before its values are evaluated and its rows split."""
    if name_or_path == "digits":
        return digits()
    if isinstance(name_or_path, str) and name_or_path in DATASETS:
        table = _idx_folder(_find(name_or_path, data_dir), split)
        return table._replace(name=name_or_path, levels=255)
    path = _home(name_or_path)
    if not os.path.exists(path):
        raise InputError(
            f"there is no file or data set {str(name_or_path)!r}: expected {', '.join(DATASETS)} or {WANTED}"
            + suggest(str(name_or_path), DATASETS)
        )
    return _folder(path, split) if path.is_dir() else _file(path)


def pick(count: int, held_out: int | None, split: str, where: str) -> np.ndarray | slice:
    """Return which of ``count`` rows belong to a split, the last ``held_out`` being the test set.

    With ``held_out=None`` the rows are put in one fixed random order first, and a tenth is held out.
    """
    if held_out is None and count < FEWEST:
        raise InputError(f"{where} has {count} rows where at least {FEWEST} were expected: add rows")
    tests = count // 10 if held_out is None else held_out
    train = count - tests
    start = max(0, train - max(1, min(1000, train // 10)))
    first, last = {"train": (0, start), "valid": (start, train), "test": (train, count)}[split]
    if first == last:
        raise InputError(f"{where} leaves no rows for the {split} split: add rows, or use another split")
    if held_out is None:
        return np.random.default_rng(0).permutation(count)[first:last]
    return slice(first, last)


def _home(path: str | Path) -> Path:
    return Path(os.path.expanduser(path))  # unlike Path.expanduser, it takes ~nobody as it stands


def _file(path: Path) -> Table:
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    if "idx" in plain.name.lower() and plain.suffix.lower() not in READERS:
        return Table(read_idx(path), None, plain.stem, str(path))
    reader = READERS.get(plain.suffix.lower())
    if reader is None or (reader is read_npz and plain != path):
        raise InputError(
            f"{path} has the ending {''.join(path.suffixes[-2:])!r} where {WANTED} was expected: convert it to .npy"
        )
    return reader(path, plain.stem)


def _folder(path: Path, split: str) -> Table:
    try:
        if _part(path, "train", "images-idx3") or _part(path, "t10k", "images-idx3"):
            return _idx_folder(path, split)
        if pictures_in(path):
            return read_images(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({brief(error)}): check its permissions") from error
    raise InputError(f"{path} holds neither IDX files nor png, jpg, bmp or gif pictures: give {WANTED}")


def _part(folder: Path, half: str, kind: str) -> Path | None:
    """Return the IDX file of one half, as published, unpacked, or with the dot that some copies have."""
    forms = (kind, kind.replace("-", "."))
    names = [f"{half}-{form}-ubyte{ending}" for form in forms for ending in (".gz", "")]
    return next((folder / name for name in names if os.path.isfile(folder / name)), None)


def _idx_folder(folder: Path, split: str) -> Table:
    half = "t10k" if split == "test" else "train"
    pictures, marks = _part(folder, half, "images-idx3"), _part(folder, half, "labels-idx1")
    if pictures is None:
        raise InputError(f"{folder} has no {half}-images-idx3-ubyte.gz: put it there, or use another split")
    array, labels = read_idx(pictures), None if marks is None else read_idx(marks)
    return Table(array, labels, folder.name, str(pictures), held_out=len(array) if split == "test" else 0)


def local(name: str) -> Path | None:
    """Return the folder of a known data set on this machine, or nothing where it would be downloaded."""
    places = [*_folders(name, None), _cache(name)]
    return next((folder for folder in places if _part(folder, "train", "images-idx3")), None)


def _folders(name: str, data_dir: str | Path | None) -> list[Path]:
    place = data_dir if data_dir is not None else os.environ.get("HARMONIUM_DATA") or None
    return [] if place is None else [_home(place) / sub for sub in FOLDERS[name]]


def _cache(name: str) -> Path:
    import pooch

    return Path(pooch.os_cache("harmonium")) / FOLDERS[name][0]


def _find(name: str, data_dir: str | Path | None) -> Path:
    folders = _folders(name, data_dir)
    for folder in folders:
        if _part(folder, "train", "images-idx3") or _part(folder, "t10k", "images-idx3"):
            return folder
    if data_dir is not None:
        raise InputError(
            f"{data_dir} has no {name} files: put {', '.join(HASHES[name])} in {folders[0]}, or leave --data-dir out"
        )
    return download(name, _cache(name), MIRRORS[name], HASHES[name])


def download(name: str, folder: Path, mirrors: tuple[str, ...], hashes: dict[str, str]) -> Path:
    """Fetch what is not in ``folder`` yet, each file from the first mirror that has it; return the folder.

    A file that does not have its SHA-256 is refused and removed. Raises ``InputError`` where no mirror has a
    file.
    """
    for file, digest in hashes.items():
        failures = []
        for mirror in mirrors:
            failure = _retrieve(mirror + file, digest, folder, file)
            if failure is None:
                break
            failures.append(f"{mirror}: {failure}")
        else:
            raise InputError(
                f"{name} could not be downloaded, {file} failed ({'; '.join(failures)}): check the network, "
                f"or put the {len(hashes)} files in {folder.name}/ under DIR and pass --data-dir DIR"
            )
    return folder


def _retrieve(url: str, digest: str, folder: Path, file: str) -> str | None:
    """Fetch one file into the folder; return what went wrong, or nothing."""
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        fetcher = pooch.HTTPDownloader(progressbar=False, timeout=20)
        pooch.retrieve(url, f"sha256:{digest}", fname=file, path=folder, downloader=fetcher)
    except (OSError, ValueError) as error:
        return brief(error)
    finally:
        logger.setLevel(level)
    return None
