"""The data sets known by name: where each lies or comes from, and what it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from harmonium.data.idx import brief, read_idx
from harmonium.data.table import Table
from harmonium.errors import InputError

Load = Callable[[str, "str | Path | None"], Table]


@dataclass(frozen=True)
class NamedData:
    """A data set known by name: what it is, and what gives the table that holds a split.

    ``load(split, data_dir)`` returns a `Table`; ``split`` matters where training and test rows lie in different files.
    A new one is an entry of `registry.DATASETS`.
    """

    about: str
    load: Load
    local: Callable[[], str] = lambda: "on this machine"
    """Where it lies on this machine, in words, without downloading it."""


FOLDERS = {"mnist": ("mnist", "."), "fashion-mnist": ("fashion_mnist", "fashion-mnist")}
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


def digits() -> Table:
    """Return the 1797 digits in one fixed random order, the last 20 % held out as the test set.

    Shape (1797, 8, 8), whole numbers 0 to 16 kept as uint8, labels 0 to 9.
    Source: the UCI "Optical Recognition of Handwritten Digits" test set (Alpaydin and Kaynak, 1998).
    """
    from importlib.util import find_spec

    spec = find_spec("sklearn")  # its file is read without it, which takes longer to import than torch
    assert spec is not None
    assert spec.submodule_search_locations is not None
    file = Path(spec.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    rows = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    order = np.random.default_rng(0).permutation(len(rows))
    images, labels = rows[order, :-1].reshape(-1, 8, 8), rows[order, -1].astype(np.int64)
    return Table(images, labels, "digits", "scikit-learn load_digits", levels=16, held_out=len(order) // 5)


def idx_file(folder: Path, half: str, kind: str) -> Path | None:
    """Return the IDX file of one half, as published, unpacked, or with the dot that some copies have."""
    forms = (kind, kind.replace("-", "."))
    names = [f"{half}-{form}-ubyte{ending}" for form in forms for ending in (".gz", "")]
    return next((folder / name for name in names if os.path.isfile(folder / name)), None)


def idx_folder(folder: Path, split: str) -> Table:
    """Return the half of an MNIST-like folder that holds a split, with its labels where they are there."""
    half = "t10k" if split == "test" else "train"
    pictures, marks = idx_file(folder, half, "images-idx3"), idx_file(folder, half, "labels-idx1")
    if pictures is None:
        raise InputError(f"{folder} has no {half}-images-idx3-ubyte.gz: put it there, or use another split")
    array, labels = read_idx(pictures), None if marks is None else read_idx(marks)
    return Table(array, labels, folder.name, str(pictures), held_out=len(array) if split == "test" else 0)


def home(path: str | Path) -> Path:
    """Return a path with ``~`` written out; unlike ``Path.expanduser`` it takes ``~nobody`` as it stands."""
    return Path(os.path.expanduser(path))


def local(name: str) -> Path | None:
    """Return the folder of a known data set on this machine, or nothing where it would be downloaded."""
    places = [*_folders(name, None), _cache(name)]
    return next((folder for folder in places if idx_file(folder, "train", "images-idx3")), None)


def _where(name: str) -> str:
    folder = local(name)
    return str(folder) if folder else "not here; downloaded when first used"


def _folders(name: str, data_dir: str | Path | None) -> list[Path]:
    place = data_dir if data_dir is not None else os.environ.get("HARMONIUM_DATA") or None
    return [] if place is None else [home(place) / sub for sub in FOLDERS[name]]


def _cache(name: str) -> Path:
    import pooch

    return Path(pooch.os_cache("harmonium")) / FOLDERS[name][0]


def _find(name: str, data_dir: str | Path | None) -> Path:
    folders = _folders(name, data_dir)
    for folder in folders:
        if idx_file(folder, "train", "images-idx3") or idx_file(folder, "t10k", "images-idx3"):
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


def _load_idx(name: str, split: str, data_dir: str | Path | None) -> Table:
    return idx_folder(_find(name, data_dir), split)._replace(name=name, levels=255)


def _idx_set(name: str, about: str) -> NamedData:
    return NamedData(about, partial(_load_idx, name), partial(_where, name))


DIGITS = NamedData(
    "1797 gray 8×8 handwritten digits, part of scikit-learn: no download",
    lambda split, data_dir: digits(),
    lambda: "in scikit-learn",
)
MNIST = _idx_set("mnist", "70000 gray 28×28 handwritten digits, a download of 11 MB")
FASHION_MNIST = _idx_set("fashion-mnist", "70000 gray 28×28 pictures of clothes, a download of 30 MB")
