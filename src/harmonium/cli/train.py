"""``harmonium train``."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from ..errors import DivergenceError, InputError
from ..runs import Run, TrainConfig
from . import console
from .app import Interrupted

if TYPE_CHECKING:
    from ..runs.session import Epoch, Session

ROWS = 20  # lines of figures printed over a whole run
TRIES = 8  # times that a diverged run goes back and halves its rate
FILES = (
    "config.yaml",
    "metrics.csv",
    "model.safetensors",
    "events.jsonl",
    "env.json",
    "report.html",
    "finetune.yaml",
    "origin.safetensors",
    "network.safetensors",
    ".torchrun",
)


def train(
    data: str | None = None,
    *,
    settings: Annotated[TrainConfig, Parameter(name="*")] = TrainConfig(),
    config: Path | None = None,
    out: Path | None = None,
    replace: bool = False,
    resume: Path | None = None,
    save_every: Annotated[float, Parameter(validator=Number(gte=0))] = 5.0,
    report: bool = True,
) -> None:
    """Train a machine and write a run directory.

    Plain `harmonium train digits` and `harmonium train mnist` learn well; every default can be changed.  The run's
    figures are printed as it learns, and its report is written at the end.

    Parameters
    ----------
    data
        digits, mnist, fashion-mnist, or a path to .npy, .npz, .csv, IDX or a folder of pictures.
    config
        YAML file of settings; options given here take their place.
    out
        Directory of the run; runs/NAME unless given.
    replace
        Start anew where a run lies already.
    resume
        Directory of a run to go on with, bit for bit, from its last checkpoint.
    save_every
        Seconds of training between checkpoints, at least.
    report
        Evaluate the run and write its report.
    """
    from ..runs import torchrun

    with torchrun.joined(), ExitStack() as hold:
        if not torchrun.leads():
            console.hush()
        if resume is not None:
            home, goes_on = _resumed(resume, data, settings, hold), True
        else:
            home, goes_on = _begun(data, settings, config, out, replace, hold)
        learn(open_session(home, goes_on), save_every)
    if torchrun.leads():
        finish(home, report)


def finish(home: Run, report: bool) -> None:
    """Judge the run and write its report, or say only where it is."""
    if report:
        from .report import finish

        finish(home)
    else:
        console.say(f"run: {home.path}")


def _begun(
    data: str | None, settings: TrainConfig, config: Path | None, out: Path | None, replace: bool, hold: ExitStack
) -> tuple[Run, bool]:
    """Return a new run, or one that other processes of this torchrun have begun; and whether that is so."""
    from ..runs import torchrun

    if torchrun.leads() and torchrun.several() and out is None:
        raise InputError("several processes write one run: say where with --out")
    if not torchrun.leads() or (out and torchrun.began(out)):
        torchrun.wait()  # until the directory is there
        assert out is not None
        return _opened(out, hold), True
    home = _created(data, settings, config, out, replace, hold)
    torchrun.wait()
    return home, False


def _created(
    data: str | None, settings: TrainConfig, config: Path | None, out: Path | None, replace: bool, hold: ExitStack
) -> Run:
    from ..runs.directory import free_path, held, refuse_run, rows
    from ..runs.settle import settle
    from ..runs.torchrun import refuse_uneven, sign

    source, settings = _merged(data, settings, config)
    train = rows(source, "train", settings)
    settled = settle(settings, train)
    refuse_uneven(settled, len(train))
    from ..runs.session import choose_device  # brings torch in: errors of the data are told without it

    take_threads(settled)
    choose_device(settled.device)  # so that nothing is replaced before all is known to fit
    path = out or free_path(source)
    if not replace:
        refuse_run(path)
    hold.enter_context(held(path))
    if replace:
        clear(path)
    home = Run.create(path, source, settled)
    sign(path)
    return home


def _merged(data: str | None, settings: TrainConfig, config: Path | None) -> tuple[str, TrainConfig]:
    """Return the data and the settings: the YAML file's, and over them those given as options."""
    from ..runs.config import read, source

    if config is not None:
        given = {name: getattr(settings, name) for name in settings.model_fields_set}
        settings = read(config, given)
        data = data or source(config)
    if data is None:
        raise InputError("no data were given: say `harmonium train digits`, mnist, or a path to a file")
    return data, settings


def _resumed(path: Path, data: str | None, settings: TrainConfig, hold: ExitStack) -> Run:
    if data is not None or settings.model_fields_set:
        raise InputError("--resume goes on with the run's own data and settings: give neither beside it")
    return _opened(path, hold)


def _opened(path: Path, hold: ExitStack) -> Run:
    from ..runs.directory import held
    from ..runs.torchrun import leads, refuse_uneven

    home = Run.open(path)
    if leads():
        hold.enter_context(held(path))
    rows = home.dataset("train")
    refuse_uneven(home.config, len(rows), home.tuning is not None)
    take_threads(home.config)
    return home


def take_threads(config: TrainConfig) -> None:
    """Compute on as many threads as the settings say: sums, and so the bytes of a model, may depend on their number."""
    import torch

    torch.set_num_threads(config.threads or 1)


def clear(path: Path) -> None:
    """Delete the files of a run, and nothing else."""
    import shutil

    if not (path / "config.yaml").is_file():
        return
    for name in FILES:
        (path / name).unlink(missing_ok=True)
    for file in path.glob("evaluation-*.json"):
        file.unlink()
    for folder in ("checkpoints", "snapshots", "pictures"):
        shutil.rmtree(path / folder, ignore_errors=True)


def open_session(home: Run, resume: bool) -> "Session":
    """Return the session of a run, at its start or where its checkpoint stands."""
    from ..runs import checkpoint, vault
    from ..runs.session import Session

    session = Session(home)
    if resume and vault.places(home.path):
        for problem in checkpoint.resume(session):
            console.note(f"passed over: {problem}")
        console.note(f"going on from step {session.step} of {session.steps}")
    elif resume:
        console.note("no checkpoint was reached: starting from the beginning")
    config = home.config
    console.note(
        f"{home.source}: {len(session.rows)} rows of {session.rows.width} "
        f"({session.rows.kind}, binarize {config.binarize}) → {config.visible} × {config.hidden} "
        f"hidden ({config.model}), {config.sampler}, {session.steps} steps, seed {config.seed}"
    )
    return session


def learn(session: "Session", save_every: float) -> None:
    """Go through the steps; where they diverge go back to the last checkpoint, at half the rate, `TRIES` times."""
    from ..runs import checkpoint

    if session.step == 0:
        session.snapshot()
        checkpoint.save(session)
    for _ in range(TRIES):
        try:
            return _learn(session, save_every)
        except DivergenceError as error:
            session = checkpoint.roll_back(session, error)
            rate = max(checkpoint.rates(session))
            console.note(f"{error}: back to step {session.step}, at half the rate, {rate:.3g}")
    try:
        _learn(session, save_every)
    except DivergenceError as error:
        raise DivergenceError(f"{error}; gave up after {TRIES} halvings of it, checkpoints are whole") from error


def _learn(session: "Session", save_every: float) -> None:
    """Go through the steps with a bar, saving now and then; on a signal save, and leave."""
    from ..numerics import distributed
    from ..runs import checkpoint, torchrun

    every = max(1, session.epochs // ROWS)
    each = session.epochs // len(session.plan.names)
    milestones = {1, (session.epochs + 1) // 2, session.epochs, *range(each, session.epochs, each)}
    saved, named = time.monotonic(), 0
    with console.asked_to_stop(patient=torchrun.several()) as stop, console.bar() as bar:
        task = bar.add_task("training", total=session.steps, completed=session.step, figures="")
        for _loss, epoch in session:
            bar.update(task, completed=session.step)
            if epoch is not None:
                bar.update(task, figures=_figures(epoch))
                if len(session.plan.names) > 1 and epoch.stage != named:
                    named = epoch.stage
                    bar.console.print(f"{session.stage.name}:", highlight=False)
                if epoch.epoch % every == 0 or epoch.epoch in milestones:
                    bar.console.print(f"epoch {epoch.epoch:>4}  {_figures(epoch)}", highlight=False, soft_wrap=True)
                if epoch.epoch in milestones:
                    session.snapshot()
            code, due = distributed.largest(stop() or 143 * torchrun.orphaned(), time.monotonic() - saved > save_every)
            if due:
                checkpoint.save(session)
                saved = time.monotonic()
            if code:
                checkpoint.save(session)
                console.note(f"stopped at step {session.step}: `harmonium train --resume {session.home.path}` goes on")
                raise Interrupted(int(code))
    checkpoint.save(session)


def _figures(epoch: "Epoch") -> str:
    if epoch.log_likelihood is not None:
        main = f"log-likelihood {epoch.log_likelihood:8.2f}"
    elif epoch.pseudo_likelihood is not None:
        main = f"pseudo-likelihood {epoch.pseudo_likelihood:8.2f}"
    else:
        main = f"loss {epoch.loss:8.2f}"
    if epoch.label_error is not None:
        main += f"  label error {epoch.label_error:6.2%}"
    if epoch.mean_field_change is not None:
        main += f"  mean field ±{epoch.mean_field_change:.0e}"
    if epoch.free_energy_gap is not None:
        main += f"  gap {epoch.free_energy_gap:6.2f}"
    if epoch.reconstruction_error is not None:
        main += f"  reconstruction {epoch.reconstruction_error:.4f}"
    return f"{main}  stable {epoch.static_weight_fraction:6.1%}  |W| {epoch.weight_norm:6.1f}  {epoch.seconds:7.1f} s"
