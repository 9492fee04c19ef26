"""Sections on a run of a table of mixed columns: columns, pairs, surprises, holes, and which column informs which."""

from typing import Any

import numpy as np
import torch

from .. import evaluation, plots
from ..encoding import TableEncoder
from ..fitting.comparing import associations, compared, table_of, written
from ..fitting.imputing import imputed, level_of
from ..machines import Bipartite
from .material import Report
from .page import Section

FEW = 12  # rows of a list
MOST = 40  # columns of which all pairs are looked at
ASKED = 100  # rows that mutual information is averaged over


def mixed(report: Report) -> None:
    """Add what the columns are, data beside samples, the most surprising cells and rows, holes, and dependencies."""
    _columns(report)
    _beside(report)
    if isinstance(report.run.model, Bipartite) and not report.run.model.latent:
        _surprises(report)
        _information(report)
    _holes(report)


def state_names(encoder: TableEncoder) -> list[str]:
    """Return the names of the columns of a state: those of the table, and of categories with the level."""
    named: dict[int, str] = {}
    for column, cell in zip(encoder.schema.modeled, encoder.cells, strict=True):
        wide = cell.stop - cell.start
        ends = ["", " ≠ 0"][:1] if wide == 1 else [f" = {level}" for level in column.levels] or [" ≠ 0", ""]
        named |= {cell.start + i: f"{column.name}{end}" for i, end in enumerate(ends)}
    return [named[i] for i in range(encoder.width)]


def _encoder(report: Report) -> TableEncoder:
    assert isinstance(report.encoder, TableEncoder)
    return report.encoder


def _columns(report: Report) -> None:
    schema = _encoder(report).schema
    empty = dict(zip(schema.names, np.isnan(report.run.rows(None, "train").rows).sum(0).tolist(), strict=True))
    told = [str(column).partition(": ") for column in schema.columns]
    rows: list[list[object]] = [
        [column.name, kind, what, empty.get(column.name)]
        for column, (kind, _, what) in zip(schema.columns, told, strict=True)
    ]
    caption = "How each column is read; `--schema` and `--column` read it otherwise."
    report.page.section("The columns").table(["column", "kind", "values", "empty in training"], rows, caption)


def _beside(report: Report) -> None:
    run, names = report.run, tuple(report.names)
    train, held_out = (table_of(run.rows(None, split).take(1000), run.seed) for split in ("train", report.split))
    samples = held_out._replace(rows=written(run.encoder, report.decoded(report.samples))).with_holes_of(
        held_out, run.seed
    )
    found = compared(samples, held_out, train, names, run.seed)
    tested, split = report.split == "test", {"test": "test", "train": "training"}[report.split]
    section = report.page.section("Data beside samples")
    near = f" {found.closer:.1%} of the samples lie closer to a training row than all but 5 % of the test rows."
    section.text(
        f"{found.held_out:,} {split} rows beside {found.rows:,} samples, each after {report.drawn_how} from a random "
        f"state. A classifier tells them apart with an area under the curve of {found.auc:.3f}, where 0.5 is chance."
        + near
        * tested
    )
    numbers = [k for k, size in enumerate(samples.levels) if not size]
    panels = [(names[k], _there(held_out.rows[:, k]), _there(samples.rows[:, k])) for k in numbers]
    if panels:
        drawn = plots.png(plots.histograms(panels))
        report.picture(section, "columns.png", drawn, "The columns of numbers.", "histograms of data and samples")
    told = zip(names, found.kinds, found.distance.tolist(), found.chance.tolist(), strict=True)
    rows: list[list[object]] = [[name, kind, one, *[two] * tested] for name, kind, one, two in told]
    header = ["column", "distance", "samples", *["training rows"] * tested]
    section.table(header, rows, f"How far the distribution of each column is from that of the {split} rows.")
    _pairs(report, section, [associations(held_out), associations(samples)])


def _pairs(report: Report, section: Section, both: list[np.ndarray]) -> None:
    if len(report.names) < 2:
        return
    look = {**_look(report), "unit": "association"}
    drawn = plots.matrices([("data", both[0]), ("samples", both[1])], **look)
    caption = "Associations: correlations of numbers, correlation ratios, and Cramér's V of categories."
    report.picture(section, "associations.png", plots.png(drawn), caption, "associations of pairs of columns")
    above = np.triu_indices(len(report.names), 1)
    dots = plots.agreement(both[0][above], both[1][above], title="associations of pairs", unit="association")
    caption = "A dot for each pair; on the line both agree."
    report.picture(section, "pairs.png", plots.png(dots), caption, "associations, data and samples")


def _look(report: Report) -> dict[str, Any]:
    return {"xlabel": "column", "ylabel": "column", "columns": report.names, "rows": report.names}


def _surprises(report: Report) -> None:
    """Add the cells and the rows that the model finds most surprising."""
    run, dataset = report.run, report.run.rows(None, "test").take(1000)
    nats, words = run.surprise(dataset), _encoder(report).schema.words(dataset.rows)
    where = np.argsort(-np.nan_to_num(nats, nan=-np.inf), axis=None, kind="stable")[:FEW]
    section = report.page.section("What is surprising?")
    rows: list[list[object]] = []
    for row, column in zip(*np.unravel_index(where, nats.shape), strict=True):
        name = report.names[column]
        rows.append([int(row) + 1, name, _said(words[name][row]), float(nats[row, column])])
    caption = "The most surprising cells of the first 1000 test rows: −log p(cell | rest of its row), in nats."
    section.table(["test row", "column", "value", "surprise, nats"], rows, caption)
    total = np.nansum(nats, 1)
    rows = [
        [int(row) + 1, float(total[row]), ", ".join(f"{n} {_said(words[n][row])}" for n in _worst(report, nats[row]))]
        for row in np.argsort(-total, kind="stable")[:FEW]
    ]
    section.table(["test row", "sum over cells, nats", "its most surprising cells"], rows, "The most surprising rows.")


def _worst(report: Report, nats: np.ndarray) -> list[str]:
    return [report.names[k] for k in np.argsort(-np.nan_to_num(nats, nan=-np.inf), kind="stable")[:3]]


def _information(report: Report) -> None:
    """Add how much each column tells of each other given the rest."""
    run, encoder = report.run, _encoder(report)
    v = encoder.rows(run.rows(None, "test").take(ASKED), whole=True, generator=torch.Generator().manual_seed(0))
    if run.model.labels or len(encoder.cells) > MOST or not isinstance(run.model, Bipartite):
        return
    found = evaluation.mutual_information(run.model, v, list(encoder.cells)).numpy()
    np.fill_diagonal(found, 0.0)
    section = report.page.section("Which columns inform which?")
    caption = (
        f"Conditional mutual information of two columns, all others being clamped, averaged over {len(v)} test rows: "
        "what one tells of the other that the rest does not."
    )
    drawn = plots.matrices([("", found)], **_look(report), unit="nats", signed=False)
    report.picture(section, "information.png", plots.png(drawn), caption, "mutual information of pairs of columns")


def _holes(report: Report) -> None:
    """Add some empty cells as they are filled in, with how sure the model is."""
    run = report.run
    dataset = next((d for d in (run.rows(None, "test"), run.rows(None, "train")) if np.isnan(d.rows).any()), None)
    if dataset is None:
        return
    some = dataset.select(np.flatnonzero(np.isnan(dataset.rows).any(1))[:FEW])
    found = imputed(run, some.rows, chains=16, gibbs_steps=100, seed=run.seed)
    words, rows = _encoder(report).schema.words(found.filled), []
    for row, column in np.argwhere(np.isnan(some.rows))[: 2 * FEW]:
        name, sure = report.names[column], float(found.uncertainty[row, column])
        told = f"probability {sure:.2f}" if level_of(_encoder(report), column) else f"± {sure:.4g}"
        rows.append([int(row) + 1, name, _said(words[name][row]), told])
    section = report.page.section("Empty cells, filled in")
    caption = f"Cells of the first {len(some)} {dataset.split} rows that have an empty one, given the rest of the row."
    section.table(["row", "column", "filled in", "how sure"], rows, caption)


def _there(x: np.ndarray) -> np.ndarray:
    return x[~np.isnan(x)]


def _said(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
