"""A model on one HTML page that draws and dreams by itself: the page's own modules and styles, and the weights."""

import base64
import copy
import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import torch
from torch import Tensor

from ..data import check_ending
from ..encoding import parse
from ..errors import InputError
from ..fitting import Run
from ..machines import DBM, RBM
from ..storage import write_where_asked
from ..units import Bernoulli, Potts, Spin, Units
from .lens import Lens

STATIC = files(__package__).joinpath("static")
IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([a-z]+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export (const|function|class) (\w+)", re.MULTILINE)
KINDS: dict[type[Units], str] = {Bernoulli: "bernoulli", Spin: "spin", Potts: "potts"}
STARTS = 24  # states of the last chains that a page has to begin with


def write_page(run: Run, out: str | Path) -> Path:
    """Write a model as one HTML file in which a browser takes its Gibbs steps, and return the path.

    Weights are kept in half precision, and the page says by how much that moves free energies.

    Raises:
        InputError: for a model that is no RBM or DBM of Bernoulli, spin and label units, or another ending than .html.
    """
    check_ending(out, (".html", ".htm"))
    held = {"facts": facts(run), "machine": machine(run)}
    script = bundled("exported")
    page = _frame().render(
        title=": ".join(filter(None, (run.facts.get("data", {}).get("name"), run.words))),
        style=static("style.css"),
        script=script,
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        held=json.dumps(held, separators=(",", ":")).replace("<", "\\u003c"),
    )
    return write_where_asked(out, page.encode())


def facts(run: Run) -> dict[str, Any]:
    """Return what a page shows of a run: its words, the shape and columns of its rows, and rows to begin with."""
    model, lens = _model(run), Lens.of(run)
    if parse(run.encoder.visible)[0] != KINDS[type(model.visible.components()[0])]:
        raise InputError(f"{run.name} does not tell the columns of its Potts units, as a run that `fit` trained does")
    chains = torch.empty(0, model.visible.width) if run.chains is None else run.chains[:STARTS]
    starts = lens.fractions(chains) / (255 if lens.picture else 1)
    return {
        "name": run.facts.get("data", {}).get("name", ""),
        "words": run.words,
        "shape": list(run.encoder.shape),
        "picture": lens.picture,
        "columns": lens.columns(),
        "ink": lens.ink(chains),
        "labels": list(run.encoder.label_names),
        "layers": [{"width": layer.width, "hold": not isinstance(layer, Potts)} for layer in model.layers[1:]],
        "starts": [[round(float(x), 4) for x in row] for row in starts],
        "rounding": rounding(run),
    }


def machine(run: Run) -> dict[str, Any]:
    """Return a machine as JSON: the kinds and biases of its layers, and its weights as halves in base64."""
    model = _model(run)
    return {"layers": [_layer(row) for row in model.layers], "weights": [_packed(weight) for weight in model.weights]}


@torch.no_grad()
def rounding(run: Run) -> float:
    """Return the most nats by which half precision moves a free energy of last chains, or of 100 random states."""
    model = _model(run)
    rounded = copy.deepcopy(model)
    for weight in list(rounded.weights):
        weight.copy_(weight.half())
    states = model.sample_independent(100, generator=0) if run.chains is None else run.chains
    return float((rounded.free_energy(states) - model.free_energy(states)).abs().max())


def static(name: str) -> str:
    """Return the text of one of the page's files."""
    return STATIC.joinpath(name).read_text(encoding="utf-8")


def bundled(name: str) -> str:
    """Return a module of the page and those that it imports as one script, each an object of what it exports."""
    order: list[str] = []

    def visit(module: str) -> None:
        for _, needed in IMPORT.findall(static(f"{module}.js")):
            visit(needed)
        if module not in order:
            order.append(module)

    visit(name)
    return "\n".join(map(_closed, order))


def _closed(module: str) -> str:
    """Return a module as an object of what it exports, in a scope of its own."""
    text = static(f"{module}.js")
    exports = ", ".join(name for _, name in EXPORT.findall(text))
    body = EXPORT.sub(r"\1 \2", IMPORT.sub(r"const \1 = from_\2;", text))
    return f"const from_{module} = (() => {{\n{body}\nreturn {{ {exports} }};\n}})();"


@cache
def _frame() -> jinja2.Template:
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(static("exported.html"))


def _model(run: Run) -> RBM | DBM:
    """Return the model where a page can run it."""
    model = run.model
    if not (isinstance(model, RBM | DBM) and type(model) in (RBM, DBM)):
        raise InputError(
            f"{run.name} is a {type(model).__name__} where an RBM or DBM was expected: export one of those"
        )
    strange = {type(part).__name__ for row in model.layers for part in row.components() if type(part) not in KINDS}
    if strange:
        raise InputError(
            f"{run.name} has {', '.join(sorted(strange))} units where Bernoulli, Spin or Potts were expected: a page "
            "runs these alone"
        )
    if len(model.visible.components()) > 1 + bool(run.encoder.labels):
        raise InputError(f"{run.name} has visible units of several kinds where one kind, and labels, were expected")
    return model


def _layer(row: Units) -> dict[str, Any]:
    parts = [
        {"kind": KINDS[type(part)], "width": part.width, "states": getattr(part, "n_states", 2)}
        for part in row.components()
    ]
    return {"bias": [float(f"{x:.8g}") for x in row.bias.tolist()], "parts": parts}


def _packed(weight: Tensor) -> str:
    return base64.b64encode(weight.detach().cpu().numpy().astype("<f2").tobytes()).decode()
