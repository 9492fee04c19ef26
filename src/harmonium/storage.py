"""Machines on disk: safetensors with a JSON description; never pickle.

A file is written beside its place, flushed to the disk and renamed, so that a reader finds the old one or the
new one and nothing between.
"""

import inspect
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from . import machines, units
from .errors import InputError
from .machines import DBN, Machine

FORMAT = "harmonium 1"
MOST_HEADER = 2**20  # bytes: thousands of tensors
KINDS: dict[str, type[nn.Module]] = {kind.__name__: kind for kind in (*units.KINDS.values(), *machines.KINDS.values())}


def save(machine: Machine | DBN, path: str | Path) -> Path:
    """Write the machine to ``path``; the same machine gives the same bytes."""
    return write_tensors(path, dict(machine.state_dict()), {"machine": describe(machine)})


def load(path: str | Path) -> Machine | DBN:
    """Return the machine saved at ``path``, with the very same parameters.

    Raises `InputError` when the file is missing, damaged, of another format, or holds numbers that are not finite.
    """
    tensors, facts = read_tensors(path)
    try:
        with torch.device("meta"):  # the description alone allocates nothing
            machine = build(facts["machine"])
        shapes = {name: (value.shape, value.dtype) for name, value in machine.state_dict().items()}
        given = {name: (value.shape, value.dtype) for name, value in tensors.items()}
        if {k: v[0] for k, v in shapes.items()} != {k: v[0] for k, v in given.items()}:
            raise ValueError("its tensors are not those that its description names")
        if not all(value.isfinite().all() for value in tensors.values()):
            raise ValueError("it holds numbers that are not finite")
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} cannot be used: {_line(error)}; train the run again or restore the file") from error
    machine.load_state_dict(tensors, assign=True)
    if not isinstance(machine, Machine | DBN):
        raise InputError(f"{path} holds {type(machine).__name__} units where a machine was expected")
    return machine.requires_grad_(True)


def describe(module: nn.Module) -> dict[str, Any]:
    """Return what rebuilds units or a machine: its kind, and the arguments that it was made with.

    Tensors among them are left out: they are part of the state.
    """
    description: dict[str, Any] = {"kind": type(module).__name__}
    for name, parameter in inspect.signature(type(module)).parameters.items():
        value: Any = None if name in ("generator", "device", "dtype") else getattr(module, name)
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            description[name] = [describe(part) for part in value]
        elif isinstance(value, nn.Module):
            description[name] = describe(value)
        elif isinstance(value, int):
            description[name] = value
    return description


def build(description: dict[str, Any]) -> Any:
    """Return new units or a new machine from what `describe` returned."""
    arguments = dict(description)
    kind = KINDS[arguments.pop("kind")]
    several = next((value for value in arguments.values() if isinstance(value, list)), [])
    named = {name: value for name, value in arguments.items() if not isinstance(value, list)}
    rows = [build(part) for part in several]
    return kind(*rows, **{name: build(v) if isinstance(v, dict) else int(v) for name, v in named.items()})


def write_tensors(path: str | Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> Path:
    """Write named tensors and a JSON object to one safetensors file."""
    text = json.dumps({"format": FORMAT, **facts}, sort_keys=True)
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    return write_bytes(
        path, to_bytes(plain, metadata={"harmonium": text})
    )  # one key: the order of several is not fixed


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the JSON object of a file that `write_tensors` wrote."""
    if not Path(path).is_file():
        raise InputError(f"there is no file {path}: give a directory that `harmonium train` wrote")
    try:
        with open(path, "rb") as file:
            if int.from_bytes(file.read(8), "little") > MOST_HEADER:
                raise SafetensorError(f"its header is longer than {MOST_HEADER >> 20} MB")
        with safe_open(str(path), framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("harmonium", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, json.JSONDecodeError, OSError, RecursionError) as error:
        raise InputError(f"{path} is damaged: {_line(error)}; train the run again or restore the file") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise InputError(f"{path} is not of the format {FORMAT!r}: it was not written by this harmonium")
    return tensors, facts


def write_bytes(path: str | Path, content: bytes) -> Path:
    """Write a file whole or not at all: beside its place, to the disk, then renamed."""
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    flush(path.parent)
    return path


def flush(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _line(error: BaseException) -> str:
    """Return an error's message on one line."""
    return " ".join(str(error).split()) or type(error).__name__
