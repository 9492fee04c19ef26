"""The model file of a run: everything that is needed to use a model on another machine, in one safetensors file."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .. import storage
from ..encoding import Encoder, restore_encoder
from ..errors import InputError
from ..machines import DBN, Machine
from ..units import Bernoulli, Potts, Spin, Units
from .config import FinetuneConfig, TrainConfig

if TYPE_CHECKING:
    from .run import Run


def find(path: str | Path) -> Path:
    """Return the model file of a run directory, or the file itself."""
    from .home import Home

    path = Path(path)
    if path.is_dir():
        return Home.open(path).file("model.safetensors")
    if not path.exists():
        raise InputError(f"{path} does not exist; give a directory that `harmonium train` wrote, or a model file")
    return path


def read(file: Path) -> "Run":
    """Return the run that a model file holds; raises `InputError` where it is damaged or of another format."""
    from .finetune import new_classifier
    from .run import Run

    model, tensors, facts = storage.read_model(file)
    if "encoder" not in facts:
        return bare(model.requires_grad_(False))
    try:
        training, tuning = facts.pop("training", None), facts.pop("tuning", None)
        run = Run(
            model=model.requires_grad_(False),
            encoder=restore_encoder(facts.pop("encoder"), tensors),
            config=TrainConfig(**training) if training else None,
            tuning=FinetuneConfig(**tuning) if tuning else None,
            chains=tensors.get("chains"),
            facts={key: value for key, value in facts.items() if key not in ("format", "model")},
            fitted=_owned(tensors, "baseline."),
        )
        weights = _owned(tensors, "classifier.")
        if weights:
            run.classifier = new_classifier(model, run.encoder.labels)
            run.classifier.load_state_dict(weights)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        line = " ".join(str(error).split())
        raise InputError(f"{file} cannot be used: {line}; train the run again or restore the file") from None
    return run


def write(run: "Run", path: str | Path, whole: bool = True) -> Path:
    """Write a run to one file; unless ``whole`` without the baseline, which takes a pass over the training rows."""
    tensors = dict(run.encoder.tensors())
    if whole and (run.fitted or run.splits is not None):
        tensors |= {f"baseline.{name}": value for name, value in run.baseline.state_dict().items()}
    if run.chains is not None:
        tensors["chains"] = run.chains
    if run.classifier is not None:
        tensors |= {f"classifier.{name}": value for name, value in run.classifier.state_dict().items()}
    facts: dict[str, Any] = {**run.facts, "encoder": run.encoder.facts()}
    if run.config is not None:
        facts["training"] = run.config.model_dump(exclude_none=True)
    if run.tuning is not None:
        facts["tuning"] = run.tuning.model_dump(exclude_none=True)
    try:
        return storage.write_model(path, run.model, tensors, facts)
    except FileNotFoundError:
        raise InputError(f"there is no directory {Path(path).parent}: make it, or save elsewhere") from None


def to_bytes(run: "Run") -> bytes:
    """Return the content of the model file of a run."""
    with TemporaryDirectory() as folder:
        return write(run, Path(folder) / "model.safetensors").read_bytes()


def from_bytes(content: bytes) -> "Run":
    """Return the run that the content of a model file holds."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        path.write_bytes(content)
        return read(path)


def bare(model: Machine | DBN, shape: tuple[int, ...] | None = None) -> "Run":
    """Return a run of a model alone; rows are taken as states of its visible units."""
    from .run import Run

    columns = model.visible.width - (model.visible.labels if isinstance(model, Machine) else 0)
    kinds = {type(row) for row in model.visible.components() if not (model.labels and isinstance(row, Potts))}
    known: dict[type[Units], str] = {Bernoulli: "bernoulli", Spin: "spin"}
    visible = known.get(kinds.pop(), "states") if len(kinds) == 1 else "states"
    levels, names = int(visible == "bernoulli"), tuple(str(i) for i in range(model.labels))
    nothing = torch.zeros(()), torch.ones(())
    return Run(model, Encoder(visible, "none", levels, columns, shape or (columns,), names, (), "", *nothing))


def describe(run: "Run") -> dict[str, dict[str, Any]]:
    """Return what a run is, part by part: the model, its data, its training, and what evaluations have said."""
    model, evaluations = run.model, run.passport.get("evaluation", {})
    widths = [row.width for row in model.visible.components()]
    found = {
        "model": {
            "what": run.words,
            "visible": f"{run.encoder.visible}, {run.encoder.columns} columns, {widths[0]} units",
            "parameters": sum(p.numel() for p in model.parameters()),
            "labels": ", ".join(run.encoder.label_names) or "none",
            "chains kept": 0 if run.chains is None else len(run.chains),
        },
        "data": dict(run.facts.get("data", {})),
        "training": run.config.model_dump(exclude_none=True) if run.config else {},
        "fine-tuning": run.tuning.model_dump(exclude_none=True) if run.tuning else {},
        "environment": dict(run.facts.get("environment", {})),
        **{f"evaluation on {name}": told for name, told in evaluations.items()},
        "mixing": dict(run.passport.get("mixing", {})),
    }
    return {part: told for part, told in found.items() if told}


def _owned(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
