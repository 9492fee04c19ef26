"""Models on disk: safetensors with a JSON description; never pickle.

A file is written beside its place, flushed to the disk and renamed, so that a reader finds the old one or the
new one and nothing between.
"""

import inspect
import json
import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from .errors import InputError
from .machines import DBN, Machine, SigmoidBeliefLayer
from .registry import UNITS
from .unfinished import unfinished
from .units import Units

FORMAT = "harmonium 2"
MOST_HEADER = 2**20  # bytes: thousands of tensors
MADE = ("device", "dtype", "generator")  # arguments that say where and how parameters are made
BESIDE = ("encoder.", "baseline.", "classifier.", "chains")  # how the names of tensors begin that are not the model's


def write_model(
    path: str | Path,
    model: Machine | DBN,
    tensors: dict[str, Tensor] | None = None,
    facts: dict[str, Any] | None = None,
) -> Path:
    """Write a model to ``path``, with what goes with it; the same model gives the same bytes.

    The model's own tensors have the names of its ``state_dict``, others one of `BESIDE`.
    """
    return write_tensors(path, {**model.state_dict(), **(tensors or {})}, {"model": describe(model), **(facts or {})})


def read_model(path: str | Path) -> tuple[Machine | DBN, dict[str, Tensor], dict[str, Any]]:
    """Return the model saved at ``path`` with the very same parameters, and the tensors and facts that go with it.

    Raises `InputError` when the file is missing, damaged, of another format, or holds numbers that are not finite.
    """
    found, facts = read_tensors(path)
    beside = {name: value for name, value in found.items() if name.startswith(BESIDE)}
    own = {name: value for name, value in found.items() if name not in beside}
    try:
        with torch.device("meta"):  # the description alone allocates nothing
            model = build(facts["model"])
        if {k: v.shape for k, v in model.state_dict().items()} != {k: v.shape for k, v in own.items()}:
            raise ValueError("its tensors are not those that its description names")
        if not all(value.isfinite().all() for value in found.values()):
            raise ValueError("it holds numbers that are not finite")
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} cannot be used: {_line(error)}; else train it again or restore the file") from error
    model.load_state_dict(own, assign=True)
    if not isinstance(model, Machine | DBN):
        raise InputError(f"{path} holds {type(model).__name__} units where a machine was expected")
    return model.requires_grad_(True), beside, facts


def describe(module: nn.Module) -> dict[str, Any]:
    """Return what rebuilds units or a machine: its kind, and the arguments that it was made with.

    Tensors among them are left out: they are part of the state.  Raises `InputError` for an argument that the module
    does not keep as an attribute of its name: it would be lost.
    """
    description: dict[str, Any] = {"kind": type(module).__name__}
    for name, parameter in inspect.signature(type(module)).parameters.items():
        value: Any = getattr(module, name, parameter.empty)
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            description[name] = [describe(part) for part in value]
        elif isinstance(value, Units | Machine | SigmoidBeliefLayer):
            description[name] = describe(value)
        elif isinstance(value, int | float | str):
            description[name] = value
        elif isinstance(value, tuple) and all(isinstance(one, int) for one in value):
            description[name] = list(value)
        elif name not in MADE and value is not None and not isinstance(value, Tensor):
            kind = type(module).__name__
            raise InputError(
                f"{kind} was made with {name!r} and does not keep it, so that a file would lose it: set self.{name} to "
                "what was given, a number, a word or units"
            )
    return description


def build(description: dict[str, Any]) -> Any:
    """Return new units or a new machine from what `describe` returned."""
    arguments = dict(description)
    name = arguments.pop("kind")
    if name not in _kinds():
        raise ValueError(
            f"it holds a {name}, which is not known here: import the module that defines it, or install its package"
        )
    kind = _kinds()[name]
    rows = {name: [build(part) for part in value] for name, value in arguments.items() if _parts(value)}
    named = {name: build(v) if isinstance(v, dict) else v for name, v in arguments.items() if name not in rows}
    return kind(*chain(*rows.values()), **named)


def _parts(value: Any) -> bool:
    """Say whether an argument is a list of rows, and not of numbers."""
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _kinds() -> dict[str, type[nn.Module]]:
    """Return every class of units and models that is known, by its name; the package's own win over others."""
    list(UNITS.values())  # imported, if they were not
    found = [kind for base in (Units, Machine, DBN, SigmoidBeliefLayer) for kind in _with_subclasses(base)]
    return {kind.__name__: kind for kind in sorted(found, key=lambda kind: kind.__module__.startswith("harmonium."))}


def _with_subclasses(kind: type[nn.Module]) -> Iterator[type[nn.Module]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _with_subclasses(below)


def write_tensors(path: str | Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> Path:
    """Write named tensors and a JSON object to one safetensors file."""
    text = json.dumps({"format": FORMAT, **facts}, sort_keys=True)
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    return write_bytes(
        path, to_bytes(plain, metadata={"harmonium": text})
    )  # one key: the order of several is not fixed


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the JSON object of a file that `write_tensors` wrote.

    They are copies, which lie as torch lays them: where a file has them depends on the length of its description, and
    the last bit of a product on where its factors lie.
    """
    if not Path(path).is_file():
        raise InputError(f"there is no file {path}: give a model file or a directory that `harmonium train` wrote")
    try:
        with open(path, "rb") as file:
            if int.from_bytes(file.read(8), "little") > MOST_HEADER:
                raise SafetensorError(f"its header is longer than {MOST_HEADER >> 20} MB")
        with safe_open(str(path), framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("harmonium", "{}"))
            # copied: a product rounds by where its numbers lie, and so by the length of the JSON before them
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, json.JSONDecodeError, OSError, RecursionError) as error:
        raise InputError(f"{path} is damaged: {_line(error)}; train the run again or restore the file") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise InputError(f"{path} is not of the format {FORMAT!r}: it was not written by this harmonium")
    return tensors, facts


def write_bytes(path: str | Path, content: bytes) -> Path:
    """Write a file whole or not at all: beside its place, to the disk, then renamed."""
    path = Path(path)
    with unfinished(path.with_name(f".{path.name}.{os.getpid()}.part")) as beside:
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    flush(path.parent)
    return path


def write_where_asked(path: str | Path, content: bytes) -> Path:
    """Write a file to a place that the user named, making its folders; raises `InputError` where that cannot be."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_bytes(path, content)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): pass another --out") from None


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
