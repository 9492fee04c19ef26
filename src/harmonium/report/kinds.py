"""Data beside samples, by the kind of the rows: pictures, tables, spins and sequences."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import plots
from ..encoding import TableEncoder
from ..evaluation import log_evidence
from ..fitting.drawing import draw, picture_shape
from ..machines import BoltzmannMachine
from .material import SHOWN, Report
from .mixed import mixed, state_names
from .page import Section

UNITS = 40  # hidden units of a chart of weights
CHARTS = ("table", "mixed", "spins")  # kinds whose weights are drawn as a chart
PAIRS = 20_000  # dots of a chart


def pictures(report: Report) -> None:
    """Add a grid of samples and a GIF of the chains."""
    run = report.run
    frames = run.frames(64, **report.how, progress=report.progress)
    section = report.page.section("What it samples")
    drawn = plots.png(draw(run, frames[-1].means, 16))
    caption = f"64 chains after {report.drawn_how}, from random states: the mean of the last draw."
    report.picture(section, "samples.png", drawn, caption, f"samples after {report.drawn_how}")
    path = report.folder / "chains.gif"
    plots.save_gif(path, [draw(run, frame.means[:16], 8) for frame in frames])
    moving = f"16 of the chains as they run, to step {frames[-1].gibbs_steps:,}; the intervals grow with the steps."
    section.picture(path.read_bytes(), moving, "chains in motion")


def table(report: Report) -> None:
    """Add the columns of data and samples, their correlations, and how well each follows from the others."""
    data, samples, names = report.decoded(report.data), report.decoded(report.samples), report.names
    section = _beside(report)
    distance = np.array([_distance(data[:, k], samples[:, k]) for k in range(len(names))])
    shown = np.sort(np.argsort(-distance, kind="stable")[:SHOWN])
    few = "" if len(names) <= SHOWN else f" The {SHOWN} of {len(names)} columns that differ most are shown."
    charts = plots.histograms([(names[k], data[:, k], samples[:, k]) for k in shown])
    caption = f"Each column in its own unit.{few}"
    report.picture(section, "columns.png", plots.png(charts), caption, "histograms of data and samples")
    rows: list[list[object]] = [
        [names[k], *(f"{value:.4g}" for x in (data, samples) for value in (x[:, k].mean(), x[:, k].std())), distance[k]]
        for k in shown
    ]
    header = ["column", "mean, data", "deviation, data", "mean, samples", "deviation, samples", "largest difference"]
    section.table(header, rows, "The largest difference is that of the shares of rows below any value.")
    _associations(report, section, data, samples, names)
    filled, truth, guess = report.filled
    errors: list[list[object]] = [
        [name, f"{_rms(one - true):.4g}", f"{_rms(mean - true):.4g}"]
        for name, one, true, mean in zip(names, filled, truth, guess, strict=False)
    ]
    section = report.page.section("Does it know one column from the others?")
    caption = f"Root mean square error on {truth.shape[1]} test rows, in the unit of the column."
    section.table(["column", "filled in from the others", "the training mean"], errors, caption)


def spins(report: Report) -> None:
    """Add magnetization, energy and correlations of data and samples, and the couplings where there are any."""
    data, samples, model = report.data, report.samples, report.run.model
    section = _beside(report)
    word = "energy" if isinstance(model, BoltzmannMachine) and not model.latent else "free energy"
    seen: list[tuple[str, Callable[[Tensor], Tensor]]] = [
        ("magnetization, mean spin", lambda x: x.mean(-1)),
        (f"{word}, nats", lambda x: -log_evidence(model, x, generator=torch.Generator().manual_seed(0))),
        ("product of neighboring columns, mean", lambda x: (x[:, 1:] * x[:, :-1]).mean(-1)),
    ]
    values = [(name, what(data).double().numpy(), what(samples).double().numpy()) for name, what in seen]
    charts = plots.png(plots.histograms(values))
    report.picture(section, "observables.png", charts, "Of each row.", "histograms of data and samples")
    rows: list[list[object]] = [[name, _with_error(x), _with_error(y)] for name, x, y in values]
    section.table(["mean over rows", "data", "samples"], rows, "With one standard error.")
    pair = data.double().numpy(), samples.double().numpy()
    _associations(report, section, *pair, [str(k + 1) for k in range(data.shape[1])], "spin")
    couplings(report)


def sequences(report: Report) -> None:
    """Add how often each state stands at each site, pairs of sites, and how many sites follow from the others."""
    encoder = report.encoder
    data, samples = (
        x.unflatten(-1, (encoder.columns, encoder.number)).double().numpy() for x in (report.data, report.samples)
    )
    section = _beside(report)
    often = [data.mean(0), samples.mean(0)]
    look: dict[str, Any] = {"xlabel": "site", "ylabel": "state", "unit": "share of rows"}
    look["rows"] = [str(state) for state in range(encoder.number)]
    drawn = plots.matrices([("data", often[0].T), ("samples", often[1].T)], **look, signed=False)
    caption = "How often each state stands at each site."
    report.picture(section, "sites.png", plots.png(drawn), caption, "frequencies of states")
    dots = plots.agreement(*often, title="states at single sites", unit="frequency")
    caption = "A dot for each state at each site; on the line data and samples agree."
    report.picture(section, "frequencies.png", plots.png(dots), caption, "frequencies, data and samples")
    pairs = [_covariances(x.reshape(len(x), -1), encoder.number) for x in (data, samples)]
    dots = plots.agreement(*pairs, title="states at pairs of sites", unit="covariance")
    caption = "How much more often two states stand at two sites together than apart."
    report.picture(section, "pairs.png", plots.png(dots), caption, "covariances, data and samples")
    _sites_from_the_others(report)
    couplings(report)


def _sites_from_the_others(report: Report) -> None:
    filled, truth, guess = report.filled
    right, frequent = ((x.round() == truth).mean(1) for x in (filled, guess))
    section = report.page.section("Does it know one site from the others?")
    rows: list[list[object]] = [["all of them", f"{right.mean():.1%}", f"{frequent.mean():.1%}"]]
    rows += [
        [name, f"{one:.1%}", f"{other:.1%}"] for name, one, other in zip(report.names, right, frequent, strict=False)
    ]
    caption = f"Accuracy on {truth.shape[1]} test rows: how often the right state is found."
    section.table(["site", "filled in from the others", "its most frequent state"], rows, caption)


def couplings(report: Report) -> None:
    """Add the couplings of a general machine; of sites with several states their Frobenius norms."""
    model, states = report.run.model, max(report.encoder.number, 1)
    if not isinstance(model, BoltzmannMachine):
        return
    first, section = report.encoder.width, report.page.section("What couples what?")
    matrix = model.couplings.detach()[:first, :first].double()
    if states > 1:
        matrix = matrix.unflatten(0, (-1, states)).unflatten(2, (-1, states)).square().sum((1, 3)).sqrt()
    unit = "Frobenius norm, nats" if states > 1 else "coupling, nats"
    drawn = plots.matrices(
        [("couplings J", matrix.numpy())], xlabel="site", ylabel="site", unit=unit, signed=states == 1
    )
    caption = "Each pair of visible sites; in Python `run.model.couplings`."
    report.picture(section, "couplings.png", plots.png(drawn), caption, "couplings of all pairs of sites")


def fields(report: Report) -> None:
    """Add what the hidden units look for, layer by layer, as pictures or as a chart with the names of the columns."""
    if not report.config.layers:
        return
    section, run = report.page.section("What the hidden units look for"), report.run
    for layer, width in enumerate(report.config.layers, start=1):
        which = "hidden units" if layer == 1 else f"units of hidden layer {layer}, through the weights below them"
        rows = run.weights(UNITS if report.kind in CHARTS else 100, layer)
        tile = " A tile has sites down and states across." if report.kind == "sequences" else ""
        caption = f"The weights of the {len(rows)} largest of {width} {which}; red raises, blue lowers.{tile}"
        report.picture(section, f"weights-{layer}.png", _weights(report, rows), caption, f"layer {layer}")
    section.text(
        "`harmonium play RUN` opens a page on which one draws and holds units on or off; `harmonium export RUN "
        "page.html` writes one that needs nothing else, for an RBM or DBM of Bernoulli, spin and label units."
    )


def _weights(report: Report, rows: np.ndarray) -> bytes:
    if report.kind not in CHARTS:
        return plots.png(plots.signed_grid(rows, picture_shape(report.run, rows)))
    look: dict[str, Any] = {"xlabel": "column", "ylabel": "hidden unit, largest first", "unit": "weight, nats"}
    return plots.png(plots.matrices([("", rows)], **look, columns=_named(report)))


def _named(report: Report) -> Sequence[str]:
    if isinstance(report.encoder, TableEncoder):
        return state_names(report.encoder)
    return report.names if report.kind == "table" else ()


def _beside(report: Report) -> Section:
    count, drawn = len(report.data), len(report.samples)
    section, split = report.page.section("Data beside samples"), {"test": "test", "train": "training"}[report.split]
    return section.text(
        f"{count:,} {split} rows beside {drawn:,} samples, each after {report.drawn_how} from a random state."
    )


def _associations(
    report: Report, section: Section, data: np.ndarray, samples: np.ndarray, names: list[str], what: str = "column"
) -> None:
    """Add the correlations of all pairs of columns, side by side and against each other."""
    both = [_correlations(x) for x in (data, samples)]
    if len(names) < 2:
        return
    shown = names if what == "column" else ()
    look: dict[str, Any] = {"xlabel": what, "ylabel": what, "unit": "correlation", "columns": shown, "rows": shown}
    drawn = plots.matrices([("data", both[0]), ("samples", both[1])], **look)
    report.picture(section, "correlations.png", plots.png(drawn), f"Correlations of pairs of {what}s.", "correlations")
    above = np.triu_indices(len(names), 1)
    pairs = [_some(x[above]) for x in both]
    dots = plots.agreement(*pairs, title="correlations of pairs", unit="correlation")
    apart = _rms(pairs[0] - pairs[1])
    caption = f"A dot for each pair; on the line both agree. Root mean square difference {apart:.3f}."
    report.picture(section, "pairs.png", plots.png(dots), caption, "correlations, data and samples")


def _correlations(x: np.ndarray) -> np.ndarray:
    """Return the correlations of columns; those of a constant column are 0."""
    spread = x.std(0)
    z = (x - x.mean(0)) / np.where(spread > 0, spread, 1)
    return z.T @ z / len(x)


def _covariances(x: np.ndarray, states: int) -> np.ndarray:
    """Return the covariances of the states at two sites, of all pairs of sites or some."""
    site = np.arange(x.shape[1]) // states
    a, b = np.nonzero(site[:, None] < site)
    a, b = _some(a), _some(b)
    z = np.ascontiguousarray((x - x.mean(0)).T)  # a column lies together
    return np.array((z[a] * z[b]).mean(1))


def _some(values: np.ndarray) -> np.ndarray:
    return values[:: -(-len(values) // PAIRS)] if len(values) else values


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    from scipy.stats import ks_2samp

    return float(ks_2samp(a, b, method="asymp").statistic)


def _rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x)))) if x.size else 0.0


def _with_error(x: np.ndarray) -> str:
    return f"{x.mean():.4f} ± {x.std(ddof=1) / len(x) ** 0.5:.4f}" if len(x) > 1 else f"{x.mean():.4f}"


BESIDE: dict[str, Callable[[Report], None]] = {
    "pictures": pictures, "table": table, "mixed": mixed, "spins": spins, "sequences": sequences
}  # fmt: skip
