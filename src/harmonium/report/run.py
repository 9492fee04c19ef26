"""The report of a run, which is all that it reads; what it shows follows from the kind of the rows and of the model."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from ..errors import InputError
from ..fitting import Run
from ..fitting.effort import Judge
from ..fitting.likelihood import recall
from ..progress import Progress, silent
from . import words
from .kinds import BESIDE, fields
from .learning import curves, network, settings, snapshots
from .material import Report
from .page import write
from .quality import activation, chains, labels, likelihood, remarks

LOOKING = (labels, activation, *BESIDE.values())  # sections that look at rows


def write_report(
    run: Run, out: str | Path | None = None, *, judge: Judge = "quick", progress: Progress = silent
) -> Path:
    """Write the report of a run and return the page's path: ``report.html`` in its directory, or ``out``.

    The run is evaluated where its passport does not tell of the test rows; pictures lie in ``pictures/`` beside it.
    Of a run that was evaluated and whose data are gone, all is told that asks for no rows.  A ``quick`` judge takes
    about as many Gibbs steps as the training did, a ``full`` one as many as verdicts ask for.
    """
    if run.config is None or not run.history:
        raise InputError(f"{run.name} does not tell how it was trained: a report needs a run")
    if out is None and run.path is None:
        raise InputError("the run is in memory: say where its report is to be written, run.report('report.html')")
    path = Path(out) if out is not None else (run.path or Path()) / "report.html"
    found = recall(run) or run.evaluate(judge=judge, progress=progress)
    gone = away(run)
    report = Report(replace(run, splits=None) if gone else run, found, path, judge, progress, gone=gone)
    for tell in sections(report):
        tell(report)
    page = report.page
    page.title, page.lead, page.facts = words.title(report), words.lead(report), words.facts(report)
    page.version, page.date = run.facts["environment"]["harmonium"], date.today().isoformat()
    return write(page, path)


def away(run: Run) -> str:
    """Return why the data of a run cannot be read; nothing where they can."""
    try:
        run.rows(None, "test")
    except InputError as error:
        return str(error)
    return ""


def sections(report: Report) -> list[Callable[[Report], None]]:
    """Return what a report tells, in its order: a classifier is judged by its labels, a model by its likelihood."""
    judged = [remarks, labels, likelihood, chains, BESIDE[report.kind]]
    told = [*judged, network, curves, fields, snapshots, activation, settings]
    if report.run.classifier is not None:
        told = [remarks, labels, network, curves, likelihood, fields, activation, settings]
    return [tell for tell in told if not (report.gone and tell in LOOKING)]
