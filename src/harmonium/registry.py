"""The one list of everything that has a name: kinds of units, samplers, models and data sets.

A new one is one entry, ``SAMPLERS["mine"] = Mine``, and is known from there on to the library, the command line, run
directories and reports.  What harmonium brings itself is imported when it is first asked for.
"""

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from .errors import InputError, suggest

PLUGINS = "harmonium.plugins"  # the entry points of packages that add entries of their own


class Registry(MutableMapping[str, Any]):
    """A table from names to things; text such as ``"sampling:CD"`` stands for a thing that is still to be imported."""

    def __init__(self, what: str, entries: dict[str, Any]):
        self.what, self._entries = what, dict(entries)

    def __getitem__(self, name: str) -> Any:
        self.check(name)
        found = self._entries[name]
        if isinstance(found, str):
            room, _, attribute = found.partition(":")
            found = self._entries[name] = getattr(import_module(f"harmonium.{room}"), attribute)
        return found

    def __setitem__(self, name: str, thing: Any) -> None:
        self._entries[name] = thing

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a thing by its name, or the default."""
        return self[name] if name in self._entries else default

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def check(self, name: str) -> None:
        """Raise `InputError` for a name that is not known, with the nearest that is."""
        if name not in self._entries:
            known = ", ".join(self._entries)
            raise InputError(f"there is no {self.what} {name!r}: give one of {known}{suggest(name, self._entries)}")


UNITS = Registry(
    "kind of units",
    {
        "bernoulli": "units:Bernoulli",
        "spin": "units:Spin",
        "binomial": "units:Binomial",
        "potts": "units:Potts",
        "one-hot": "units:OneHot",
        "gaussian": "units:Gaussian",
        "relu": "units:ReLU",
    },
)
SAMPLERS = Registry(
    "sampler",
    {
        "cd": "sampling:CD",
        "pcd": "sampling:PCD",
        "pt": "sampling:ParallelTempering",
        "ptt": "sampling:TrajectoryTempering",
        "naive-mcmc": "sampling:NaiveMCMC",
        "exact": "sampling:ExactSampler",
    },
)
MODELS = Registry(
    "model",
    {
        "rbm": "fitting.plans:RBMPlan",
        "boltzmann": "fitting.plans:BoltzmannPlan",
        "dbn": "fitting.plans:DBNPlan",
        "dbm": "fitting.plans:DBMPlan",
    },
)
DATASETS = Registry(
    "data set",
    {
        "digits": "data.named:DIGITS",
        "mnist": "data.named:MNIST",
        "fashion-mnist": "data.named:FASHION_MNIST",
    },
)
REPORTS = Registry("kind of report", {"html": "report:write_report", "page": "playground.export:write_page"})


def load_plugins() -> None:
    """Import what installed packages add, by the entry points of the group ``harmonium.plugins``."""
    for plugin in entry_points(group=PLUGINS):
        plugin.load()
