"""The checkpoints of a run: a new directory for each, found by looking, and trusted when every byte is as it was.

It is written beside its place, flushed to the disk and renamed, so that a crash leaves it whole or not at all.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from torch import Tensor

from .. import __version__, storage
from ..errors import InputError, SaveError
from ..unfinished import unfinished
from .config import GOING_ON, content

FOLDER, STATE, MANIFEST = "checkpoints", "state.safetensors", "manifest.json"
FORMAT = "harmonium checkpoint 2"
KEPT = 3  # checkpoints that a run keeps


def put(home: Path, step: int, tensors: dict[str, Tensor], facts: dict[str, Any] | None = None) -> Path:
    """Write the checkpoint of a step and drop the oldest of more than `KEPT`; return its place.

    Raises `SaveError` when the disk is full or may not be written; the checkpoints before it are as they were.
    """
    place = home / FOLDER / f"{step:09d}"
    try:
        with unfinished(place.with_name(f".{place.name}.{os.getpid()}.part")) as beside:
            beside.mkdir(parents=True, exist_ok=True)
            storage.write_tensors(beside / STATE, tensors, {"step": step, **(facts or {})})
            storage.write_bytes(beside / MANIFEST, manifest(home, step, beside))
            shutil.rmtree(place, ignore_errors=True)  # of the same step, and damaged or of other rates
            os.replace(beside, place)
        storage.flush(place.parent)
    except OSError as error:
        size = sum(value.nbytes for value in tensors.values()) / 2**20
        raise SaveError(
            f"the checkpoint of step {step}, {size:.1f} MB, cannot be written to {home} ({error.strerror or error}): "
            f"make room or give permission, then `harmonium train --resume {home}` goes on from {_newest(home)}"
        ) from error
    tidy(home)
    return place


def tidy(home: Path) -> None:
    """Remove the oldest checkpoints of more than `KEPT`, and what a crash left half written."""
    for old in places(home)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    for part in (home / FOLDER).glob(".*.part"):
        shutil.rmtree(part, ignore_errors=True)


def clear(home: Path) -> None:
    """Remove all checkpoints."""
    for place in places(home):
        shutil.rmtree(place, ignore_errors=True)


def places(home: Path) -> list[Path]:
    """Return the directories of the run's checkpoints, the newest first, whole or not."""
    found = [place for place in (home / FOLDER).glob("*") if place.name.isdigit()]
    return sorted(found, key=lambda place: int(place.name), reverse=True)


def latest(home: Path) -> tuple[Path, dict[str, Tensor], dict[str, Any], list[str]]:
    """Return the newest checkpoint that is whole: its place, tensors and facts, and what is wrong with newer ones.

    Raises `InputError` when there is none.
    """
    problems: list[str] = []
    for place in places(home):
        problem = flaw(home, place)
        if problem is None:
            return place, *storage.read_tensors(place / STATE), problems
        problems.append(problem)
    told = f": {problems[0]}" if problems else ""
    raise InputError(f"{home} has no checkpoint that is whole{told}; train it again with --replace")


def flaw(home: Path, place: Path) -> str | None:
    """Return what is wrong with a checkpoint, in a few words that begin with the file, or nothing."""
    try:
        given = (place / MANIFEST).read_bytes()
        told = json.loads(given)
        if given == manifest(home, int(place.name), place, told["version"]):
            return None
        if given == manifest(home, int(place.name), place, told["version"], told["settings"]):
            return f"{home / 'config.yaml'} is not the one that {place} was written for"
        return f"{place} does not match its {MANIFEST}"
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        return f"{place} cannot be read ({getattr(error, 'strerror', None) or 'its manifest is damaged'})"


def manifest(home: Path, step: int, place: Path, version: str = __version__, settings: str = "") -> bytes:
    """Return what the manifest of a checkpoint should hold: sizes and SHA-256 of its files, and of the settings."""
    held = {
        "format": FORMAT,
        "version": version,
        "step": step,
        "settings": settings or settings_digest(home),
        "files": {STATE: {"bytes": (place / STATE).stat().st_size, "sha256": _digest(place / STATE)}},
    }
    seal = hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()
    return (json.dumps({**held, "sha256": seal}, indent=1, sort_keys=True) + "\n").encode()


def settings_digest(home: Path) -> str:
    """Return the SHA-256 of a run's settings but for those that say how long it goes on, which may change."""
    try:
        words = {key: value for key, value in content(home / "config.yaml").items() if key not in GOING_ON}
    except InputError:
        words = {"unreadable": True}
    return hashlib.sha256(json.dumps(words, sort_keys=True, default=str).encode()).hexdigest()


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _newest(home: Path) -> str:
    found = places(home)
    return f"step {int(found[0].name)}" if found else "the start"
