"""``harmonium finetune``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from ..runs import Run
from ..runs.config import FinetuneConfig


def finetune(
    run: Path,
    *,
    settings: Annotated[FinetuneConfig, Parameter(name="*")] = FinetuneConfig(),
    out: Path | None = None,
    replace: bool = False,
    save_every: Annotated[float, Parameter(validator=Number(gte=0))] = 5.0,
    report: bool = True,
) -> None:
    """Train all layers of a run together, into a run of its own; the run that it starts from stays as it is.

    updown trains a deep belief network as a generative model with labels; backprop trains a classifier that begins
    where an RBM, a network or a deep machine ends.  `harmonium train --resume` goes on with one that was interrupted.

    Parameters
    ----------
    run
        Directory that `harmonium train` wrote.
    out
        Directory of the new run; RUN-METHOD unless given.
    replace
        Start anew where a run lies already.
    save_every
        Seconds of training between checkpoints, at least.
    report
        Evaluate the new run and write its report.
    """
    home = Run.open(run)
    from ..runs.directory import held, refuse_run
    from ..runs.tuning import begin
    from .train import clear, finish, learn, open_session, take_threads

    path = out or home.path.with_name(f"{home.path.name}-{settings.method}")
    take_threads(home.config)
    if not replace:
        refuse_run(path)
    with held(path):
        tuned = begin(home, path, settings, clear if replace else None)
        learn(open_session(tuned, resume=False), save_every)
    finish(tuned, report)
