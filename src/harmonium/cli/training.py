"""``harmonium train`` and ``harmonium finetune``."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from ..data import read_schema
from ..errors import InputError
from ..fitting.config import FinetuneConfig, TrainConfig, column_words, content
from . import console, signals
from .app import Interrupted

if TYPE_CHECKING:
    from ..fitting import Run
    from ..fitting.figures import Epoch
    from ..fitting.trainer import Trainer

ROWS = 20  # lines of figures printed over a whole run
Judging = Literal["quick", "full", "none"]
Seconds = Annotated[float, Parameter(validator=Number(gte=0))]


def train(
    data: str | None = None,
    *,
    settings: Annotated[TrainConfig, Parameter(name="*")] = TrainConfig(),
    k: Annotated[int | None, Parameter(name=["-k"], validator=Number(gte=1))] = None,
    config: Path | None = None,
    schema: Path | None = None,
    out: Path | None = None,
    replace: bool = False,
    resume: Path | None = None,
    save_every: Seconds = 5.0,
    judge: Judging = "quick",
    report: bool = True,
) -> None:
    """Train a model and write a run directory.

    Plain `harmonium train digits` and `harmonium train mnist` learn well; every default can be changed.  The run's
    figures are printed as it learns, and its report is written at the end.

    Parameters
    ----------
    data
        digits, mnist, fashion-mnist, or a path to .npy, .npz, .csv, IDX or a folder of pictures.
    k
        The k of CD-k and PCD-k: short for --gibbs-steps.
    config
        YAML file of settings; options given here take their place.
    schema
        YAML file of the kinds, and if need be the levels, of columns of a table; --column takes its place.
    out
        Directory of the run; runs/NAME unless given.
    replace
        Start anew where a run lies already.
    resume
        Directory of a run to go on with, bit for bit, from its last checkpoint; --epochs, --steps, --patience,
        --max-time or --device may be given anew.
    save_every
        Seconds of training between checkpoints, at least.
    judge
        Evaluate with about as much work as the training took, as much as the verdicts ask for, or not at all.
    report
        Evaluate the run and write its report; --no-report is --judge none.
    """
    from ..fitting import torchrun

    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    given |= {} if k is None else {"gibbs_steps": k}
    if schema is not None:
        given["column"] = (*column_words(read_schema(schema)), *given.get("column", ()))
    with torchrun.joined():
        if not torchrun.leads():
            console.hush()
        trainer = (
            _resumed(resume, data, given, save_every)
            if resume is not None
            else _begun(data, given, config, out, replace, save_every)
        )
        follow(trainer)
        run = trainer.run  # with the chains of all processes
    if torchrun.leads():
        finish(run, judge if report else "none")


def finetune(
    run: Path,
    *,
    settings: Annotated[FinetuneConfig, Parameter(name="*")] = FinetuneConfig(),
    out: Path | None = None,
    replace: bool = False,
    save_every: Seconds = 5.0,
    judge: Judging = "quick",
    report: bool = True,
) -> None:
    """Train all layers of a run together, into a run of its own; the run that it starts from stays as it is.

    updown trains a deep belief network as a generative model with labels; classifier trains a network that begins
    where an RBM, a DBN or a DBM ends.  `harmonium train --resume` goes on with one that was interrupted.

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
    judge
        Evaluate with about as much work as the training took, as much as the verdicts ask for, or not at all.
    report
        Evaluate the new run and write its report; --no-report is --judge none.
    """
    path = out or run.with_name(f"{run.resolve().name}-{settings.method}")
    from ..fitting.home import Home, refuse_run

    Home.open(run)
    if not replace:
        refuse_run(path)
    from ..fitting import Run, Trainer

    trainer = Trainer.finetune(Run.open(run), settings, out=path, replace=replace, save_every=save_every)
    follow(trainer)
    finish(trainer.run, judge if report else "none")


def finish(run: "Run", judge: Judging) -> None:
    """Evaluate the run, write its report and say where it is; or say only where it is."""
    if judge == "none":
        console.say(f"run: {run.path}")
        return
    from ..fitting.likelihood import recall

    budget = "by about as many Gibbs steps as the training took" if judge == "quick" else "until figures agree"
    console.note(f"judging, {budget} (--judge none leaves it out)")
    with console.progress_bars() as progress:
        found = recall(run) or run.evaluate(judge=judge, progress=progress)
        path = run.report(judge=judge, progress=progress)
    console.say(str(found))
    console.say(f"report: {path}")


def _begun(
    data: str | None, given: dict[str, Any], config: Path | None, out: Path | None, replace: bool, save_every: float
) -> "Trainer":
    """Return a new training, or one that other processes of this torchrun have begun."""
    from ..fitting import torchrun

    if torchrun.leads() and torchrun.several() and out is None:
        raise InputError("several processes write one run: say where with --out")
    if not torchrun.leads() or (out and torchrun.began(out)):
        torchrun.wait()  # until the directory is there
        assert out is not None
        return _resumed(out, None, {}, save_every)
    from ..fitting.defaults import resolve
    from ..fitting.home import free_path, refuse_run
    from ..fitting.splits import Splits

    source, settings = _merged(data, given, config)
    splits = Splits(source, settings)
    resolve(settings, splits.train)
    path = out or free_path(source)
    if not replace:
        refuse_run(path)
    from ..fitting import Trainer  # brings torch in: errors of the data are told without it

    trainer = Trainer(settings, splits, out=path, replace=replace, save_every=save_every)
    torchrun.wait()
    return _told(trainer)


def _merged(data: str | None, given: dict[str, Any], config: Path | None) -> tuple[str, TrainConfig]:
    """Return the data and the settings: the YAML file's, and over them those given as options."""
    settings = TrainConfig(**given) if config is None else TrainConfig.read(config, given)
    named = data or (None if config is None else content(config).get("data"))
    if named is None:
        raise InputError("no data were given: say `harmonium train digits`, mnist, or a path to a file")
    return str(named), settings


def _resumed(path: Path, data: str | None, given: dict[str, Any], save_every: float) -> "Trainer":
    from ..fitting.home import Home

    if data is not None:
        raise InputError("--resume goes on with the run's own data and settings: leave the data out")
    began = Home.open(path).config.device
    Home.open(path).go_on_with(given)
    from ..fitting import Trainer

    trainer = Trainer.resume(path, save_every=save_every, **given)
    if "device" in given and given["device"] != began:
        console.note(f"note: the run began on {began} and goes on on {given['device']}: its draws are others from here")
    for problem in trainer.problems:
        console.note(f"passed over: {problem}")
    if trainer.step:
        console.note(f"going on from step {trainer.step} of {trainer.total_steps}")
    else:
        console.note("no checkpoint was reached: starting from the beginning")
    return _told(trainer)


def _told(trainer: "Trainer") -> "Trainer":
    config = trainer.config
    console.tell(trainer.rows.notes)
    if trainer.rows.schema is not None:
        console.note(str(trainer.rows.schema))
    if trainer.encoder.raised:
        console.note(
            f"note: {trainer.encoder.raised} nearly constant columns are scaled by a tenth of the way to their "
            "farthest value and not by their deviation, of which that would be more than ten"
        )
    console.note(
        f"{trainer.splits.source}: {len(trainer.rows)} rows of {trainer.rows.width} "
        f"({trainer.rows.kind}, binarize {config.binarize}) → {config.visible} × {config.hidden} "
        f"hidden ({config.model}), {config.sampler}, {trainer.total_steps} steps, seed {config.seed}"
    )
    return trainer


def follow(trainer: "Trainer") -> None:
    """Go through a training with a bar; on a signal save, and leave."""
    from ..fitting import torchrun

    every, told, named, shown = max(1, trainer.total_epochs // ROWS), 0, 0, 0
    each = trainer.total_epochs // len(trainer.plan.names)
    milestones = {1, (trainer.total_epochs + 1) // 2, trainer.total_epochs, *range(each, trainer.total_epochs, each)}
    with signals.on_signal(trainer.stop, patient=torchrun.several()), console.bar() as bar:
        task = bar.add_task("training", total=trainer.total_steps, completed=trainer.step, figures="")
        for _loss, epoch in trainer.steps():
            bar.update(task, completed=trainer.step)
            for event in trainer.events[told:]:
                rate = f"{max(event['lr']):.3g}"
                console.note(f"{event['cause']}: back to step {event['back_to']}, at half the rate, {rate}")
            told = len(trainer.events)
            if epoch is None or not epoch.measured:
                continue
            bar.update(task, figures=_figures(epoch))
            if len(trainer.plan.names) > 1 and epoch.stage != named:
                named = epoch.stage
                bar.console.print(f"{trainer.stage.name}:", highlight=False)
            if epoch.epoch // every > shown // every or epoch.epoch in milestones:
                shown = epoch.epoch
                bar.console.print(f"epoch {epoch.epoch:>4}  {_figures(epoch)}", highlight=False, soft_wrap=True)
    if trainer.stopped:
        where = trainer.home.path if trainer.home else ""
        console.note(f"stopped at step {trainer.step}: `harmonium train --resume {where}` goes on")
        raise Interrupted(trainer.stopped)
    for line in trainer.remarks:
        console.note(line)
    with suppress(AttributeError):
        if trainer.ended and trainer.step < trainer.total_steps:
            console.note(f"ended early, at step {trainer.step} of {trainer.total_steps}")


def _figures(epoch: "Epoch") -> str:
    if epoch.log_likelihood is not None:
        main = f"log-likelihood {epoch.log_likelihood:8.2f}"
    elif epoch.pseudo_likelihood is not None:
        main = f"pseudo-likelihood {epoch.pseudo_likelihood:8.2f}"
        main += f" ± {epoch.pseudo_likelihood_error:.2f}" if epoch.pseudo_likelihood_error else ""
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
