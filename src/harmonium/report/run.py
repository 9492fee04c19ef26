"""The report of a run, which is all that it reads; what it shows follows from the kind of the rows and of the model."""

from collections.abc import Callable
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


def write_report(
    run: Run, out: str | Path | None = None, *, judge: Judge = "quick", progress: Progress = silent
) -> Path:
    """Write the report of a run and return the page's path: ``report.html`` in its directory, or ``out``.

    The run is evaluated where its passport does not tell of the test rows; pictures lie in ``pictures/`` beside it.
    A ``quick`` judge takes about as many Gibbs steps as the training did, a ``full`` one as many as verdicts ask for.
    """
    if run.config is None or not run.history:
        raise InputError(f"{run.name} does not tell how it was trained: a report needs a run")
    if out is None and run.path is None:
        raise InputError("the run is in memory: say where its report is to be written, run.report('report.html')")
    path = Path(out) if out is not None else (run.path or Path()) / "report.html"
    found = recall(run) or run.evaluate(judge=judge, progress=progress)
    report = Report(run, found, path, judge, progress)
    for tell in sections(report):
        tell(report)
    page = report.page
    page.title, page.lead, page.facts = words.title(report), words.lead(report), words.facts(report)
    page.version, page.date = run.facts["environment"]["harmonium"], date.today().isoformat()
    return write(page, path)


def sections(report: Report) -> list[Callable[[Report], None]]:
    """Return what a report tells, in its order: a classifier is judged by its labels, a model by its likelihood."""
    if report.run.classifier is not None:
        return [remarks, labels, network, curves, likelihood, fields, activation, settings]
    judged = [remarks, labels, likelihood, chains, BESIDE[report.kind]]
    return [*judged, network, curves, fields, snapshots, activation, settings]
