"""What a run is made on: versions, processor, device and threads."""

import copy
import os
import platform
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import InputError
from .config import TrainConfig

if TYPE_CHECKING:
    import torch

    AnyModule = TypeVar("AnyModule", bound=torch.nn.Module)

FORMAT = "harmonium run 2"


def environment() -> dict[str, Any]:
    """Return what the run was made with: versions, platform, threads."""
    import torch

    return {
        "format": FORMAT,
        "python": platform.python_version(),
        **_versions(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


@cache
def _versions() -> dict[str, str]:
    """Return the versions of the packages that figures depend on; looking them up takes milliseconds."""
    return {name: version(name) for name in ("harmonium", "torch", "numpy")}


def use_threads(config: TrainConfig) -> None:
    """Compute on as many threads as the settings say: sums, and so the bytes of a model, may depend on their number."""
    import torch

    torch.set_num_threads(config.threads or 1)


def choose_device(word: str) -> "torch.device":
    """Return the device of a word; ``auto`` is CUDA where there is one, else the processor.

    Raises `InputError` for a device that this machine has not.
    """
    import torch

    from ..numerics import distributed

    if word == "auto":
        word = "cuda" if torch.cuda.is_available() else "cpu"
    missing = (word.startswith("cuda") and not torch.cuda.is_available()) or (
        word == "mps" and not torch.backends.mps.is_available()
    )
    if missing:
        raise InputError(f"--device {word} was given and this machine has none: pass --device cpu")
    if word == "cuda" and distributed.count() > 1:
        return torch.device("cuda", distributed.index() % torch.cuda.device_count())
    return torch.device(word)


def on_processor(model: "AnyModule") -> "AnyModule":
    """Return a model as it is, or where it lies on another device a copy."""
    return model if next(model.parameters()).is_cpu else copy.deepcopy(model).cpu()
