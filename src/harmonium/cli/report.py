"""``harmonium report``, and the end of ``harmonium train``."""

from pathlib import Path

from ..runs import Run
from . import console


def report(run: Path) -> None:
    """Write the report of a run: one HTML file that holds everything.

    Parameters
    ----------
    run
        Directory that `harmonium train` wrote.
    """
    finish(Run.open(run))


PATIENCE = 300  # seconds after which a report takes no more temperatures: `harmonium evaluate` does


def finish(home: Run) -> None:
    """Judge the run where that was not done, write the report, and say where it is."""
    from ..report import write_report
    from ..runs.judgement import evaluate_run, recall, remember, sentence

    with console.progress_bars() as progress:
        figures = recall(home)
        if figures is None:
            figures = evaluate_run(home, max_time=PATIENCE, progress=progress)
            remember(home, figures)
        path = write_report(home, figures, progress=progress)
    console.say(sentence(figures))
    console.say(f"report: {path}")
