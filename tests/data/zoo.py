"""Files as people of this field have them, each made from a seed, with what is right for it."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from PIL import Image

ROWS, WIDTH = 60, 5
WORDS = ("setosa", "versicolor", "virginica")


@dataclass(frozen=True)
class Animal:
    """A file, its options, and what is right: the kind of its values and its labels, or why it is refused."""

    write: Callable[[Path], Path]  # into a folder; returns what is given to the commands
    options: tuple[str, ...] = ()
    kind: str = "binary"
    labels: tuple[str, ...] = ()
    shape: tuple[int, ...] = (WIDTH,)
    names: tuple[str, ...] | None = None
    refused: str = ""


def table(kind: str, rows: int = ROWS, width: int = WIDTH) -> np.ndarray:
    """Return rows of a kind of values, in which every class of `marks` has its own mean."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, width)) + np.arange(rows)[:, None] % 3
    return {
        "binary": (x > 1).astype(int),
        "spin": np.where(x > 1, 1, -1),
        "gray": np.clip(x / 5 + 0.5, 0.01, 0.99).round(3),
        "real": x.round(4) * 10,
    }[kind]


def marks(names: tuple[Any, ...] = WORDS, rows: int = ROWS) -> np.ndarray:
    return np.array(names)[np.arange(rows) % len(names)]


def cells(x: np.ndarray, answers: np.ndarray | None = None) -> list[list[str]]:
    rows = [[repr(value) for value in row] for row in x.tolist()]
    return rows if answers is None else [[*row, str(answer)] for row, answer in zip(rows, answers, strict=True)]


def header(answers: np.ndarray | None, width: int = WIDTH) -> list[str]:
    return [f"a{i}" for i in range(width)] + ["species"] * (answers is not None)


def lines(rows: list[list[str]], mark: str = ",", end: str = "\n") -> str:
    return "".join(mark.join(row) + end for row in rows)


def comma_for_point(row: list[str]) -> list[str]:
    return [cell.replace(".", ",") for cell in row]


def quoted(row: list[str]) -> list[str]:
    return [f'"{cell}"' for cell in row]


def indexed(rows: list[list[str]], first: int = 0) -> list[list[str]]:
    return [[str(first + i), *row] for i, row in enumerate(rows)]


def scientific(row: list[str]) -> list[str]:
    return [f"{float(cell):.6e}" if cell[-1].isdigit() else cell for cell in row]


DIALECTS: dict[str, Callable[[list[str], list[list[str]]], str | bytes]] = {
    "commas": lambda h, r: lines([h, *r]),
    "commas and spaces": lambda h, r: lines([h, *r], ", "),
    "semicolons, decimal commas": lambda h, r: lines([h, *map(comma_for_point, r)], ";"),
    "semicolons, decimal points": lambda h, r: lines([h, *r], ";"),
    "tabs": lambda h, r: lines([h, *r], "\t"),
    "tabs, decimal commas": lambda h, r: lines([h, *map(comma_for_point, r)], "\t"),
    "bars": lambda h, r: lines([h, *r], "|"),
    "spaces": lambda h, r: lines([h, *r], " "),
    "columns of spaces": lambda h, r: "".join("  " + "   ".join(row) + " \n" for row in [h, *r]),
    "quotes around all": lambda h, r: lines(map(quoted, [h, *r])),
    "single quotes": lambda h, r: lines([[f"'{cell}'" for cell in row] for row in [h, *r]]),
    "CRLF": lambda h, r: lines([h, *r], end="\r\n"),
    "old line ends": lambda h, r: lines([h, *r], end="\r"),
    "blank lines": lambda h, r: "\n\n" + lines([h, *r], end="\n\n"),
    "no line end": lambda h, r: lines([h, *r]).rstrip("\n"),
    "comments": lambda h, r: "# made by hand\n" + lines([h, *r[:9]]) + "# half way\n" + lines(r[9:]),
    "savetxt with a header": lambda h, r: "# " + lines([h], " ") + lines(r, " "),
    "savetxt, commas": lambda h, r: "# " + lines([h]) + lines(r),
    "trailing commas": lambda h, r: lines([h, *r], end=",\n"),
    "trailing commas below": lambda h, r: lines([h]) + lines(r, end=",\n"),
    "sep line": lambda h, r: "sep=;\r\n" + lines([h, *r], ";", "\r\n"),
    "byte order mark": lambda h, r: b"\xef\xbb\xbf" + lines([h, *r]).encode(),
    "UTF-16": lambda h, r: lines([h, *r]).encode("utf-16"),
    "UTF-16 without its mark": lambda h, r: lines([h, *r]).encode("utf-16-le"),
    "Latin-1": lambda h, r: lines([["größe", *h[1:]], *r]).encode("latin-1"),
    "scientific": lambda h, r: lines([h, *map(scientific, r)]),
    "to_csv of a frame": lambda h, r: lines([["", *h], *indexed(r)]),
    "to_csv without header": lambda h, r: lines(indexed(r)),
    "an id": lambda h, r: lines([["Id", *h], *indexed(r, 1001)]),
    "write.table of R": lambda h, r: lines(map(quoted, [h, *indexed(r, 1)]), " "),
    "write.csv of R": lambda h, r: lines([["", *quoted(h)], *([f'"{i[0]}"', *i[1:]] for i in indexed(r, 1))]),
    "gzip": lambda h, r: gzip.compress(lines([h, *r]).encode()),
}
HEADLESS = ("to_csv without header",)


def text(name: str, kind: str, answers: np.ndarray | None, width: int = WIDTH) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        made = DIALECTS[name](header(answers, width), cells(table(kind, width=width), answers))
        path = folder / ("x.csv.gz" if name == "gzip" else "x.csv")
        path.write_bytes(made if isinstance(made, bytes) else made.encode())
        return path

    return write


def written(content: str | bytes, name: str = "x.csv") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder / name

    return write


def array(x: np.ndarray) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        np.save(folder / "x.npy", x)
        return folder / "x.npy"

    return write


def arrays(**held: np.ndarray) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        np.savez(folder / "x.npz", **held)
        return folder / "x.npz"

    return write


def sparse(kind: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        scipy.sparse.save_npz(folder / "x.npz", getattr(scipy.sparse, f"{kind}_matrix")(table("binary")))
        return folder / "x.npz"

    return write


def svmlight(labels: tuple[Any, ...], first: int = 1) -> str:
    rows = zip(marks(labels), table("binary"), strict=True)
    return "".join(f"{a} " + " ".join(f"{i + first}:{v}" for i, v in enumerate(x) if v) + "\n" for a, x in rows)


def pictures(mode: str, classes: tuple[str, ...] = (), size: tuple[int, int] = (4, 3)) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        rng = np.random.default_rng(1)
        for i in range(ROWS):
            place = folder / (classes[i % len(classes)] if classes else "")
            place.mkdir(exist_ok=True)
            channels = {"L": (), "P": (), "RGB": (3,), "RGBA": (4,), "LA": (2,)}[mode]
            pixels = rng.integers(0, 256, (size[1], size[0], *channels)).astype(np.uint8)
            Image.fromarray(pixels, mode).save(place / f"{i:03}.png")
        return folder

    return write


def zoo() -> dict[str, Animal]:
    """Return all files by what they are."""
    return {**dialects(), **labeled(), **other(), **wrong()}


def dialects() -> dict[str, Animal]:
    """Return every dialect with bits or spins alone, and with reals beside labels that are words."""
    found = {}
    for i, dialect in enumerate(DIALECTS):
        for kind, answers in ((("binary", "spin")[i % 2], None), ("real", None if dialect in HEADLESS else marks())):
            names = () if dialect in HEADLESS else tuple(header(None))
            names = ("größe", *names[1:]) if dialect == "Latin-1" else names
            labels = WORDS if answers is not None else ()
            found[f"{dialect}, {kind}"] = Animal(text(dialect, kind, answers), kind=kind, labels=labels, names=names)
    return found


LABELS: dict[str, tuple[Any, ...]] = {
    "minus and plus one": (-1, 1),
    "one to five": (1, 2, 3, 4, 5),
    "far apart": (1001, 20000),
    "ten before nine": (9, 10),
    "words": ("b", "a", "c"),
    "words of two languages": ("grün", "αβγ"),
    "truth": (False, True),
}


def labeled() -> dict[str, Animal]:
    """Return labels of every style, in archives and in text, under every name."""
    found, x = {}, table("binary")
    for style, values in LABELS.items():
        names = tuple(map(str, sorted(values)))
        found[f"npz, {style}"] = Animal(arrays(x=x, y=marks(values)), labels=names)
        body = lines(
            [["label", *header(None)], *([str(a), *row] for a, row in zip(marks(values), cells(x), strict=True))]
        )
        found[f"csv, {style}"] = Animal(written(body), labels=names, names=tuple(header(None)))
    for column in ("Class", "TARGET", "y", "Outcome", "survived", "labels"):
        body = lines([[*header(None), column], *cells(x, marks((0, 1)))])
        found[f"called {column}"] = Animal(written(body), labels=("0", "1"))
    found["npz, one-hot"] = Animal(arrays(x=x, y=np.eye(3)[marks((0, 1, 2))]), labels=("0", "1", "2"))
    found["npz, one column"] = Animal(arrays(x=x, y=marks((3, 5))[:, None]), labels=("3", "5"))
    found["npz, own split"] = Animal(
        arrays(x_train=x[:40], x_test=x[40:], y_train=marks()[:40], y_test=marks()[40:]), labels=WORDS
    )
    found["npz, capitals"] = Animal(arrays(X=x, Y=np.eye(2)[marks((0, 1))]), labels=("0", "1"))
    headless = cells(x, marks(("u", "v")))
    found["words without a header"] = Animal(written(lines(headless)), ("--label-column", "6"), labels=("u", "v"))
    named = lines([[*header(None), "diet"], *cells(x, marks(("u", "v")))])
    found["a column by name"] = Animal(written(named), ("--label-column", "diet"), labels=("u", "v"))
    found["a column of an array"] = Animal(
        array(np.column_stack([marks((4, 7)), x])), ("--label-column", "1"), labels=("4", "7")
    )
    found["kept as a feature"] = Animal(
        written(lines([[*header(None), "y"], *cells(x, marks((0, 1)))])), ("--label-column", "none"), shape=(WIDTH + 1,)
    )
    found["a rare class"] = Animal(arrays(x=x, y=np.repeat(["often", "rare"], [ROWS - 2, 2])), labels=("often", "rare"))
    found["svmlight"] = Animal(written(svmlight((-1, 1)), "x.svm"), labels=("-1", "1"))
    found["svmlight from 0"] = Animal(written(svmlight((1, 2, 3), 0), "x.libsvm"), labels=("1", "2", "3"))
    found["svmlight, packed"] = Animal(
        written(gzip.compress(svmlight((-1, 1)).encode()), "x.svmlight.gz"), labels=("-1", "1")
    )
    found["folders of classes"] = Animal(
        pictures("L", ("cat", "dog")), kind="gray", labels=("cat", "dog"), shape=(3, 4)
    )
    found["folders of colors"] = Animal(
        pictures("RGB", ("cat", "dog")), kind="gray", labels=("cat", "dog"), shape=(3, 4)
    )
    return found


def pixels(name: str, side: int = 8, label: bool = True) -> str:
    rng = np.random.default_rng(2)
    names = [name.format(i, i // side + 1, i % side + 1) for i in range(side**2)]
    x = cells(rng.integers(0, 256, (ROWS, side**2)))
    rows = [[*(["label"] * label), *names]]
    return lines(rows + [[*([str(i % 10)] * label), *row] for i, row in enumerate(x)])


def other() -> dict[str, Animal]:
    """Return arrays, sparse matrices, pictures, words of yes and no, counting headers."""
    found, x, rng = {}, table("binary"), np.random.default_rng(3)
    for dtype in ("bool", "uint8", "int64", "float16", "float32", ">i4"):
        found[f"npy, {dtype}"] = Animal(array(x.astype(dtype)))
    found["npy, spins"] = Animal(array(table("spin")), kind="spin")
    found["npy, reals"] = Animal(array(table("real")), kind="real")
    found["npy, fractions"] = Animal(array(table("gray")), kind="gray")
    found["npy, columns first"] = Animal(array(np.asfortranarray(table("real"))), kind="real")
    for kind in ("csr", "csc", "coo"):
        found[f"save_npz, {kind}"] = Animal(sparse(kind))
    for mode in ("L", "P", "RGB", "RGBA", "LA"):
        found[f"pictures, {mode}"] = Animal(pictures(mode), kind="gray", shape=(3, 4))
    stack = rng.integers(0, 256, (ROWS, 3, 4, 3)).astype(np.uint8)
    found["a stack in color"] = Animal(array(stack), kind="gray", shape=(3, 4))
    found["a stack in gray"] = Animal(array(stack[..., 0]), kind="gray", shape=(3, 4))
    for yes, no in (("True", "False"), ("yes", "no"), ("TRUE", "FALSE"), ("t", "f")):
        body = lines([header(None), *([yes if v else no for v in row] for row in x)])
        found[f"{yes} and {no}"] = Animal(written(body))
    found["a header that counts"] = Animal(written(lines([list(map(str, range(WIDTH))), *cells(x)])))
    found["a header that counts from 1"] = Animal(written(lines([list(map(str, range(1, WIDTH + 1))), *cells(x)])))
    found["to_csv of an array"] = Animal(written(lines([["", *map(str, range(WIDTH))], *indexed(cells(x))])))
    found["one column"] = Animal(written(lines([["a"], *cells(table("real", width=1))])), kind="real", shape=(1,))
    found["digits alone"] = Animal(written(lines(cells(x))))
    digits = {"labels": tuple("0123456789"), "kind": "gray", "shape": (8, 8)}
    found["Kaggle's digits"] = Animal(written(pixels("pixel{0}")), **digits)
    found["Kaggle's digits to be read"] = Animal(written(pixels("pixel{0}", label=False)), kind="gray", shape=(8, 8))
    found["pixels by line and column"] = Animal(written(pixels("{1}x{2}")), **digits)
    wide = rng.integers(0, 256, (ROWS, 12))
    found["a shape that is given"] = Animal(
        array(wide), ("--levels", "255", "--shape", "3x4"), kind="gray", shape=(3, 4)
    )
    mnist = np.column_stack([np.arange(ROWS) % 10, rng.integers(0, 256, (ROWS, 64))])
    asked = ("--levels", "255", "--label-column", "1", "--shape", "8x8")
    found["digits without a header"] = Animal(written(lines(cells(mnist))), asked, **digits)
    found["bits run together"] = Animal(written("".join("".join(row) + "\n" for row in cells(x)), "x.txt"))
    found["names of rows"] = Animal(
        written(lines([["gene", *header(None)], *([f"g{i}", *r] for i, r in enumerate(cells(x)))]))
    )
    years = [str(2010 + i) for i in range(WIDTH)]
    found["years above fractions"] = Animal(
        written(lines([years, *cells(table("real"))])), kind="real", names=tuple(years)
    )
    found["years above counts"] = Animal(
        written(lines([years, *cells(rng.integers(0, 900, (ROWS, WIDTH)))])), kind="real", names=tuple(years)
    )
    found["a target of many values"] = Animal(
        written(lines([[*header(None, 4), "target"], *cells(table("real"))])), kind="real"
    )
    found["quoted decimal commas"] = Animal(
        written(lines([header(None), *(quoted(comma_for_point(row)) for row in cells(table("real")))])), kind="real"
    )
    found["pictures, tif"] = Animal(deep, kind="gray", shape=(3, 4))
    body = cells(table("real"))
    holes = [[*row] for row in body]
    holes[6][2], holes[3][0] = "", "NA"
    cities = [[*header(None), "city"], *cells(table("real"), marks())]
    found["holes"] = Animal(written(lines([header(None), *holes])), kind="table")
    found["nan"] = Animal(array(np.where(np.eye(ROWS, WIDTH) > 0, np.nan, table("real"))), kind="table")
    found["words and numbers"] = Animal(written(lines(cities)), kind="table", shape=(WIDTH + 1,))
    found["words without a name"] = Animal(written(lines(cities[1:])), kind="table", shape=(WIDTH + 1,))
    found["counts"] = Animal(array(wide), ("--levels", "0"), kind="real", shape=(12,))
    return found


def wrong() -> dict[str, Animal]:
    """Return what is refused, with what the line must say."""
    body, x = cells(table("real")), table("binary")
    few = {"y": np.repeat(["a", "b"], [ROWS - 1, 1])}
    said: dict[str, tuple[Callable[[Path], Path], str] | tuple[Callable[[Path], Path], str, tuple[str, ...]]] = {
        "infinite": (array(np.where(x > 0, np.inf, 0.5)), "NaN or infinite"),
        "a word": (
            written(lines([header(None), *body[:4], ["four", *body[4][1:]], *body[5:]])),
            "line 6, column 'a0' is 'four' among numbers",
        ),
        "thousands": (
            written(lines([header(None, 2), *([f"{i}.000", "0,5"] for i in range(ROWS))], ";")),
            "decimal commas",
        ),
        "commas that may part thousands": (
            written(lines([["a", "b"], *([f"{i + 1},250", "3"] for i in range(ROWS))], "\t")),
            "'1,250', which may be a fraction or thousands",
        ),
        "labels alone": (
            written(lines([["class"], *([str(i % 2)] for i in range(ROWS))])), "no column beside its labels"
        ),
        "a short line": (
            written(lines([header(None), *body[:7], body[7][:-1], *body[8:]])),
            "line 9 has 4 cells where 5",
        ),
        "a long line": (
            written(lines([header(None), *body[:7], [*body[7], "1"], *body[8:]])),
            "line 9 has 6 cells where 5",
        ),
        "names too many": (written(lines([[*header(None), "b", "c"], *body])), "7 names over 5 columns"),
        "a header alone": (written(lines([header(None)])), "a header but no rows"),
        "nothing": (written(""), "is empty"),
        "bytes": (written(bytes(range(256)) * 8), "no text"),
        "an archive called text": (written(gzip.compress(b"0,1\n" * 20)), "no text"),
        "nine rows": (written(lines(body[:9])), "9 rows where at least 10"),
        "levels that are not said": (array(x * 7), "pass --levels 7"),
        "pixels behind a label": (
            written(lines(cells(np.column_stack([np.arange(ROWS) % 10, np.full((ROWS, 64), 9) * x[:, :1] * 20])))),
            "column 1 looks like labels beside 8×8 pixels: pass --label-column 1 --shape 8x8",
        ),
        "no such column": (written(lines([header(None), *body])), "one of a0, a1, a2, a3, a4", ("--label-column", "b")),
        "no column of that number": (array(x), "a number from 1 to 5", ("--label-column", "6")),
        "a shape that does not fit": (array(x), "a row of .* has 5 values", ("--shape", "2x3")),
        "labels of an archive, and a column": (
            arrays(x=x, y=marks()), "labels beside its rows", ("--label-column", "1")
        ),
        "no labels": (written(lines([header(None), *body])), "pass --label-column NAME", ("--labels",)),
        "labels that look like one": (
            written(lines([[*header(None), "diet"], *cells(table("real"), marks((0, 1, 2)))])),
            r"looks like labels: 6 \(diet\)", ("--labels",),
        ),
        "labels too few": (arrays(x=x, y=np.arange(ROWS // 2)), r"labels of shape \(30,\)"),
        "labels of reals": (arrays(x=x, y=np.linspace(0, 1, ROWS)), "not whole numbers"),
        "labels with a hole": (arrays(x=x, y=np.where(np.arange(ROWS) == 4, np.nan, 1)), "no label in row 5"),
        "labels of no class": (arrays(x=x, y=np.ones((ROWS, 2))), "one-hot"),
        "one class": (arrays(x=x, y=np.ones(ROWS)), "1 classes", ("--labels",)),
        "a class for each row": (arrays(x=x, y=np.arange(ROWS)), "60 classes", ("--labels",)),
        "a class of the test rows alone": (
            arrays(x_train=x[:40], x_test=x[40:], y_train=np.arange(40) % 2, y_test=np.full(20, 7)),
            "no training row of .* has the label 7", ("--labels",),
        ),
        "two tables": (arrays(a=x, b=x), "'a', 'b'"),
        "a line of numbers": (array(np.arange(30)), r"shape \(30,\)"),
        "words in an array": (array(np.array([["a"] * 3] * 20)), "where numbers were expected"),
        "an unknown ending": (written("1,2\n" * 20, "x.xlsx"), "ending '.xlsx'"),
        "svmlight with a word": (written("1 1:0.5\nsome words\n", "x.svm"), "svmlight"),
        "svmlight, targets": (written(svmlight((0.5, 1.5)), "x.svm"), "holds none", ("--labels",)),
        "sizes that differ": (sizes, r"zz.png is 9×9 pixels where 4×3"),
        "a damaged picture": (damaged, r"zz.png cannot be read as a picture"),
        "halves that are no classes": (pictures("L", ("train", "test")), "which are no classes"),
        "a sparse matrix too large": (too_large, "sparse matrix of 100000×100000, which fills"),
        "an empty folder": (lambda folder: folder, "holds neither IDX files nor"),
    }  # fmt: skip
    found = {name: Animal(one[0], one[2] if len(one) > 2 else (), refused=one[1]) for name, one in said.items()}
    found["a rare class of one row"] = Animal(arrays(x=x, **few), labels=("a", "b"))
    return found


def deep(folder: Path) -> Path:
    rng = np.random.default_rng(4)
    for i in range(ROWS):
        Image.fromarray(rng.integers(0, 65536, (3, 4)).astype(np.uint16)).save(folder / f"{i:03}.tif")
    return folder


def sizes(folder: Path) -> Path:
    Image.new("L", (9, 9)).save(pictures("L")(folder) / "zz.png")
    return folder


def damaged(folder: Path) -> Path:
    (pictures("L")(folder) / "zz.png").write_bytes(b"no picture")
    return folder


def too_large(folder: Path) -> Path:
    scipy.sparse.save_npz(folder / "x.npz", scipy.sparse.csr_matrix((100_000, 100_000), dtype=np.float32))
    return folder / "x.npz"
