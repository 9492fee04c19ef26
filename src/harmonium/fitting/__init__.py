"""Fitting: a training from its settings to a run that holds all of it, in one line or epoch by epoch.

Names are imported when first used: settings and errors of the data need no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import FinetuneConfig, TrainConfig
    from .figures import Epoch
    from .labels import LabelReport
    from .likelihood import Evaluation
    from .oneline import fit, load, save
    from .restoring import Recovery
    from .run import Run
    from .trainer import Trainer

_FILES = {
    "config": "FinetuneConfig TrainConfig",
    "labels": "LabelReport",
    "likelihood": "Evaluation",
    "restoring": "Recovery",
    "run": "Run",
    "figures": "Epoch",
    "oneline": "fit load save",
    "trainer": "Trainer",
}
_HOMES = {name: file for file, names in _FILES.items() for name in names.split()}

__all__ = [
    "Epoch", "Evaluation", "FinetuneConfig", "LabelReport", "Recovery", "Run", "TrainConfig", "Trainer", "fit", "load",
    "save",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
