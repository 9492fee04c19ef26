"""Odd tables: each is read as it is meant, or refused in one line that names the column and the way out."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from harmonium import data
from harmonium.errors import InputError

N = 40
G = np.random.default_rng(0)
REAL = G.normal(size=N).round(2)
CITY = np.array(["Bern", "Wien", "Graz"])[np.arange(N) % 3]
SEX = np.array(["f", "m"])[np.arange(N) % 2]


def text(mark=",", header=True, quote="", end="\n", **columns):
    """Return columns as text."""
    rows = [mark.join(f"{quote}{cell}{quote}" for cell in row) for row in zip(*columns.values(), strict=True)]
    return end.join([*([mark.join(columns)] if header else []), *rows]) + end


def holed(column, hole, every=5):
    return [hole if i % every == 1 else cell for i, cell in enumerate(column)]


def comma(column):
    return [str(cell).replace(".", ",") for cell in column]


DAYS = [f"2024-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(N)]
BASE = {"x": REAL, "city": CITY, "sex": SEX}
KINDS = {"x": "real", "city": "categorical", "sex": "binary"}

TEXTS = {  # what is written, and the kind of every column; or what is said
    "commas": (text(**BASE), KINDS),
    "semicolons": (text(";", **BASE), KINDS),
    "tabs": (text("\t", **BASE), KINDS),
    "decimal commas": (text(";", **{**BASE, "x": comma(REAL)}), KINDS),
    "decimal commas with holes": (text(";", **{**BASE, "x": holed(comma(REAL), "")}), KINDS),
    "a byte order mark": ("\ufeff" + text(**BASE), KINDS),
    "quoted cells": (text(quote='"', **BASE), KINDS),
    "marks within quotes": (text(city=[f'"{c}, A"' for c in CITY], x=REAL), {"city": "categorical", "x": "real"}),
    "spaces after commas": (text(", ", **BASE), KINDS),
    "windows line ends": (text(end="\r\n", **BASE), KINDS),
    "latin-1": (text(stadt=np.char.replace(CITY, "Wien", "Köln"), x=REAL).encode("latin-1"),
                {"stadt": "categorical", "x": "real"}),
    "no header": (text(header=False, **BASE), {"column1": "real", "column2": "categorical", "column3": "binary"}),
    "question marks": (text(**{**BASE, "city": holed(CITY, "?")}), KINDS),
    "empty cells": (text(**{**BASE, "x": holed(REAL, ""), "sex": holed(SEX, "")}), KINDS),
    "NA": (text(**{**BASE, "x": holed(REAL, "NA")}), KINDS),
    "NaN and null": (text(**{**BASE, "x": holed(holed(REAL, "NaN"), "null", 7)}), KINDS),
    "numbers alone, with holes": (text(x=holed(REAL, ""), y=REAL), {"x": "real", "y": "real"}),
    "an index column": (text(**{"": range(N), **BASE}), KINDS),
    "a column called id": (text(id=range(900, 900 + N), **BASE), KINDS),
    "names of rows": (text(name=[f"row{i}" for i in range(N)], **BASE), KINDS),
    "free text in the middle": (text(x=REAL, note=[f"a note of {i}" for i in range(N)], sex=SEX),
                                {"x": "real", "note": "identifier", "sex": "binary"}),
    "many words that return": (text(x=REAL, word=[f"w{i % 25}" for i in range(N)], sex=SEX),
                               {"x": "real", "word": "text", "sex": "binary"}),
    "numbers that count rows": (text(sex=SEX, row=range(1, N + 1)), {"sex": "binary", "row": "identifier"}),
    "a constant": (text(**BASE, one=["a"] * N), {**KINDS, "one": "constant"}),
    "a constant of numbers": (text(**BASE, one=[7] * N), {**KINDS, "one": "constant"}),
    "an empty column": (text(**BASE, none=[""] * N), {**KINDS, "none": "constant"}),
    "counts": (text(**BASE, n=np.arange(N) % 7), {**KINDS, "n": "count"}),
    "counts with holes": (text(**BASE, n=holed(np.arange(N) % 7, "")), {**KINDS, "n": "count"}),
    "large whole numbers": (text(**BASE, n=np.arange(N) ** 2), {**KINDS, "n": "real"}),
    "coded levels": (text(**BASE, grade=1 + np.arange(N) % 4), {**KINDS, "grade": "categorical"}),
    "two numbers": (text(**BASE, code=2 + 2 * (np.arange(N) % 2)), {**KINDS, "code": "binary"}),
    "two fractions": (text(**BASE, dose=0.5 + np.arange(N) % 2), {**KINDS, "dose": "binary"}),
    "often zero": (text(**BASE, gain=np.where(np.arange(N) % 3 > 0, 0, REAL.__abs__() + 1)),
                   {**KINDS, "gain": "zero-inflated"}),
    "dates": (text(**BASE, day=DAYS), {**KINDS, "day": "date"}),
    "dates with holes": (text(**BASE, day=holed(DAYS, "")), {**KINDS, "day": "date"}),
    "dates and times": (text(**BASE, at=[f"{day} 13:{i:02}" for i, day in enumerate(DAYS)]), {**KINDS, "at": "date"}),
    "true and false": (text(**BASE, ok=np.arange(N) % 2 > 0), {**KINDS, "ok": "binary"}),
    "yes and no with holes": (text(**BASE, ok=holed(np.where(np.arange(N) % 2, "yes", "no"), "?")),
                              {**KINDS, "ok": "binary"}),
    "words and numbers as levels": (text(**BASE, size=np.array(["1", "2", "3+"])[np.arange(N) % 3]),
                                    {**KINDS, "size": "categorical"}),
    "levels of other scripts": (text(**BASE, wort=np.array(["grün", "αβγ", "水"])[np.arange(N) % 3]),
                                {**KINDS, "wort": "categorical"}),
    "one name twice": ("x,x,sex\n" + text(header=False, **BASE), {"x": "real", "x.1": "categorical", "sex": "binary"}),
    "scientific numbers": (text(**{**BASE, "x": [f"{x:.3e}" for x in REAL]}), KINDS),
    "species as a column": (text(species=CITY, **{k: BASE[k] for k in ("x", "sex")}),
                            {"species": "categorical", "x": "real", "sex": "binary"}),
    "a word among numbers": (text(**{**BASE, "x": [*REAL[:-1], "four"]}), "'x' is 'four' among numbers: correct it"),
    "a date among numbers": (text(**{**BASE, "x": [*REAL[:-1], "2024-01-01"]}), "'x' is '2024-01-01' among numbers"),
    "infinite": (text(**{**BASE, "x": [*REAL[:-1], "inf"]}), "'x' is inf, too large for float32"),
    "too large": (text(**{**BASE, "x": [*REAL[:-1], "1e300"]}), "'x' is 1e.300, too large for float32"),
    "constants alone": (text(a=["u"] * N, b=[""] * N), "no column that a model could learn .*--column NAME=KIND"),
    "words of rows alone": (text(a=REAL, b=SEX).replace("a,b", "a,b,c"), "3 names over 2 columns"),
    "a short line": (text(**BASE) + "1.5,Bern\n", "line 42 has 2 cells where 3 were expected"),
}  # fmt: skip

FRAMES = {
    "pandas": (pd.DataFrame(BASE), KINDS),
    "pandas, None and NaN": (pd.DataFrame({"x": holed(REAL, None), "city": holed(CITY, None)}),
                             {"x": "real", "city": "categorical"}),
    "pandas, pd.NA": (pd.DataFrame({"n": pd.array(holed(range(N), pd.NA), "Int64") % 5, "sex": SEX}),
                      {"n": "count", "sex": "binary"}),
    "pandas, categories": (pd.DataFrame({"x": REAL, "size": pd.Categorical(
        np.array(["S", "M", "L"])[np.arange(N) % 3], ["S", "M", "L"], ordered=True)}),
        {"x": "real", "size": "categorical"}),
    "pandas, an unused category": (pd.DataFrame({"x": REAL, "sex": pd.Categorical(SEX, ["f", "m", "d"])}),
                                   {"x": "real", "sex": "binary"}),
    "pandas, dates": (pd.DataFrame({"x": REAL, "day": pd.to_datetime(DAYS), "sex": SEX}),
                      {"x": "real", "day": "date", "sex": "binary"}),
    "pandas, booleans": (pd.DataFrame({"x": REAL, "ok": np.arange(N) % 2 > 0, "city": CITY}),
                         {"x": "real", "ok": "binary", "city": "categorical"}),
    "pandas, columns that are numbers": (pd.DataFrame({0: REAL, 1: CITY}), {"0": "real", "1": "categorical"}),
    "polars": (pl.DataFrame({name: list(column) for name, column in BASE.items()}), KINDS),
    "polars, nulls": (pl.DataFrame({"x": holed(REAL.tolist(), None), "city": holed(CITY.tolist(), None)}),
                      {"x": "real", "city": "categorical"}),
    "polars, an Enum": (pl.DataFrame({"x": REAL, "size": pl.Series(
        ["S", "M", "L", "S"] * 10, dtype=pl.Enum(["S", "M", "L"]))}),
                        {"x": "real", "size": "categorical"}),
    "polars, dates": (pl.DataFrame({"sex": SEX.tolist(), "day": pl.Series(DAYS).str.to_date()}),
                      {"sex": "binary", "day": "date"}),
    "an array with holes": (np.where(np.eye(N, 2) > 0, np.nan, np.stack([REAL, REAL], 1)),
                            {"column1": "real", "column2": "real"}),
    "an array of objects": (np.array([[x, c] for x, c in zip(REAL, CITY, strict=True)], dtype=object),
                            {"column1": "real", "column2": "categorical"}),
    "two columns of one name": (pd.DataFrame(np.zeros((N, 2)), columns=["a", "a"]), "have one name"),
    "infinite": (pd.DataFrame({"x": [*REAL[:-1], np.inf], "sex": SEX}), "'x' is inf, too large"),
}  # fmt: skip


def kinds(dataset):
    return {column.name: column.kind for column in dataset.schema.columns}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_read_or_refused(name, tmp_path):
    content, meant = TEXTS[name]
    path = tmp_path / "x.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if isinstance(meant, str):
        with pytest.raises(InputError, match=meant) as told:
            data.load_rows(path)
        assert "\n" not in str(told.value)
        return
    dataset = data.load_rows(path)
    assert kinds(dataset) == meant
    assert any("is read as a table" in note for note in dataset.notes)
    again = data.load_rows(path, like=dataset.form)
    np.testing.assert_array_equal(again.rows, dataset.rows)
    assert data.Schema.from_dict(dataset.schema.to_dict()) == dataset.schema
    words = dataset.schema.words(dataset.rows)
    np.testing.assert_allclose(dataset.schema.codes(words), dataset.rows, rtol=1e-6)


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_is_read_or_refused(name):
    frame, meant = FRAMES[name]
    if isinstance(meant, str):
        with pytest.raises(InputError, match=meant):
            data.from_array(frame)
        return
    dataset = data.from_array(frame)
    assert kinds(dataset) == meant
    np.testing.assert_array_equal(data.from_array(frame, like=dataset.form).rows, dataset.rows)


def test_there_are_sixty_tables():
    assert len(TEXTS) + len(FRAMES) >= 60


def test_levels_of_a_frame_keep_their_order():
    assert data.from_array(FRAMES["pandas, categories"][0]).schema["size"].levels == ("S", "M", "L")
    assert data.from_array(FRAMES["polars, an Enum"][0]).schema["size"].levels == ("S", "M", "L")


def test_parquet_is_read_as_its_frame(tmp_path):
    frame = pl.DataFrame({name: list(column) for name, column in BASE.items()})
    frame.write_parquet(tmp_path / "x.parquet")
    assert data.load_rows(tmp_path / "x.parquet").schema == data.from_array(frame).schema


def test_a_level_that_was_not_there_is_refused(tmp_path):
    dataset = data.from_array(pd.DataFrame(BASE))
    with pytest.raises(InputError, match="row 3, column 'city' is 'Rom' where Bern, Graz, Wien was expected: correct"):
        data.from_array(pd.DataFrame({**BASE, "city": [*CITY[:2], "Rom", *CITY[3:]]}), like=dataset.form)


def test_columns_that_new_rows_lack_are_empty_and_strange_ones_refused():
    dataset = data.from_array(pd.DataFrame(BASE))
    new = data.from_array(pd.DataFrame({"sex": SEX, "x": REAL}), like=dataset.form)
    assert np.isnan(new.rows[:, 1]).all()
    assert "has no column city" in " ".join(new.notes)
    with pytest.raises(InputError, match="has age too many"):
        data.from_array(pd.DataFrame({**BASE, "age": REAL}), like=dataset.form)


def test_what_is_said_of_a_column_wins(tmp_path):
    said = {"n": "categorical", "city": {"kind": "categorical", "levels": ["Wien", "Graz", "Bern"]}, "sex": "text"}
    dataset = data.from_array(pd.DataFrame({**BASE, "n": np.arange(N) % 7}), columns=said)
    assert kinds(dataset) == {"x": "real", "city": "categorical", "sex": "text", "n": "categorical"}
    assert dataset.schema["city"].levels == ("Wien", "Graz", "Bern")
    (tmp_path / "s.yaml").write_text(dataset.schema.yaml())
    again = data.from_array(
        pd.DataFrame({**BASE, "n": np.arange(N) % 7}), columns=data.read_schema(tmp_path / "s.yaml")
    )
    assert again.schema == dataset.schema
    for wrong, says in (({"age": "count"}, "has none of that name"), ({"x": "cuont"}, "did you mean 'count'")):
        with pytest.raises(InputError, match=says):
            data.from_array(pd.DataFrame(BASE), columns=wrong)


@pytest.mark.parametrize(("rows", "kind"), [(1199, "count"), (1200, "discrete")])
def test_numbers_of_which_each_has_many_rows_are_levels(tmp_path, rows, kind):
    """Six numbers from 0 on, so that not their range but their rows decide."""
    lines = "\n".join(f"{i % 6 + (i % 6 > 3)},{'ab'[i % 2]}" for i in range(rows))
    (tmp_path / "x.csv").write_text(f"n,word\n{lines}\n")
    assert data.load_rows(tmp_path / "x.csv").schema["n"].kind == kind
