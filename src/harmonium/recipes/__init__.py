"""Recipes: what somebody wrote about Boltzmann machines, done again from one file of settings.

A recipe is a folder: ``settings.yaml``, ``experiment.py``, whose ``carry_out`` draws pictures and returns figures, and
``page.md``, a template that is filled with both. ``reproduce(name, out)`` writes ``out/report.html``, which sets our
figures beside the source's, and ``out/figures.json``, which holds every figure on the page.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from ..errors import InputError, suggest
from ..progress import Progress, silent

HOME = Path(str(files(__package__)))
ROOMS = {room.name.replace("_", "-"): room for room in HOME.iterdir() if (room / "settings.yaml").is_file()}
NAMES = tuple(sorted(ROOMS))


@dataclass(frozen=True)
class Recipe:
    """One recipe's file: what the source is, the settings of the full run, and what the quick one changes."""

    name: str
    title: str
    source: str
    about: str
    settings: dict[str, Any]
    quick: dict[str, Any]
    source_figures: dict[str, Any]


def recipe(name: str) -> Recipe:
    """Return the named recipe; an unknown name raises `InputError`."""
    if name not in NAMES:
        raise InputError(f"there is no recipe {name!r}: give one of {', '.join(NAMES)}{suggest(name, NAMES)}")
    return Recipe(name, **yaml.safe_load((ROOMS[name] / "settings.yaml").read_text(encoding="utf-8")))


def plan(
    name: str, *, quick: bool = False, data_dir: str | Path | None = None, seed: int | None = None
) -> dict[str, Any]:
    """Return the settings of one run: the recipe's own, the quick changes if asked for, ``data_dir`` and ``seed``."""
    found = recipe(name)
    settings = {"seed": 0, **found.settings, **(found.quick if quick else {}), "data_dir": data_dir, "quick": quick}
    return settings if seed is None else {**settings, "seed": seed}


def reproduce(
    name: str,
    out: str | Path,
    *,
    quick: bool = False,
    data_dir: str | Path | None = None,
    seed: int | None = None,
    progress: Progress = silent,
) -> Path:
    """Carry out a recipe, write its files into the folder ``out`` and return the path of ``out/report.html``.

    ``progress(steps, label)`` wraps every long loop, for a progress bar.  Raises `InputError` for an unknown recipe,
    for missing data and where ``out`` is a file.
    """
    settings, out = plan(name, quick=quick, data_dir=data_dir, seed=seed), Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file where a folder for the report was expected: give another path")
    out.mkdir(parents=True, exist_ok=True)
    return perform(name, settings, out, progress=progress)


def perform(name: str, settings: Mapping[str, Any], out: Path, *, progress: Progress = silent) -> Path:
    """Carry out a recipe with settings of the caller's; write figures, pictures and the page, and return its path."""
    experiment = import_module(f"{__name__}.{ROOMS[name].name}.experiment")
    figures = {"source": recipe(name).source_figures, **experiment.carry_out(settings, out, progress=progress)}
    write_figures(out, settings, figures)
    return write_page(name, out)


def write_page(name: str, out: Path) -> Path:
    """Write ``out/report.html`` from ``out/figures.json`` and the pictures beside it, which hold all that it says."""
    from .. import __version__
    from ..report.markdown import to_html
    from ..report.template import fill

    held = json.loads((out / "figures.json").read_text(encoding="utf-8"))
    text = fill(HOME, f"{ROOMS[name].name}/page.md", recipe=recipe(name), **held)
    pictures = {path.name: path.read_bytes() for path in sorted(out.glob("*.png"))}
    html = to_html(text, pictures, version=__version__, date=date.today().isoformat())
    path = out / "report.html"
    path.write_text(html, encoding="utf-8")
    return path


def write_figures(out: Path, settings: Mapping[str, Any], figures: Mapping[str, Any]) -> Path:
    """Write ``{"settings": …, "figures": …}`` to ``out/figures.json``; numbers that are not finite become words."""
    path = out / "figures.json"
    held = {"settings": dict(settings), "figures": dict(figures)}
    path.write_text(json.dumps(_plain(held), indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return path


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it: NaN and ±∞ as ``"nan"``, ``"inf"`` and ``"-inf"``, paths as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(held) for held in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return str(value) if isinstance(value, Path) else value
