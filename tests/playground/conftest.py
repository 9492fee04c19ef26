"""A small file of pictures with labels, a run on it, and playgrounds that are served in this process."""

import sys
from contextlib import chdir, contextmanager
from pathlib import Path

import numpy as np
import pytest

import harmonium as hm
from harmonium.playground.server import Playground

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))  # for inside.py

from pages import Page


@pytest.fixture(scope="module", autouse=True)
def elsewhere(tmp_path_factory):
    """Another directory to be in: a playground that is closed saves a training that goes on to the one it is in."""
    with chdir(tmp_path_factory.mktemp("elsewhere")):
        yield


@pytest.fixture(scope="session")
def flags(tmp_path_factory):
    """A file of pictures whose upper (label 0) or lower row (label 1) is lit, and the run that learned it."""
    place = tmp_path_factory.mktemp("flags")
    labels = np.arange(160) % 2
    lit = np.where(np.arange(3) == 2 * labels[:, None], 0.97, 0.15)[..., None].repeat(3, -1)
    np.savez(
        place / "flags.npz", data=(np.random.default_rng(0).random(lit.shape) < lit).astype(np.uint8), labels=labels
    )
    hm.fit(str(place / "flags.npz"), hidden=6, labels=True, steps=300, seed=1, out=place / "run")
    return place


@pytest.fixture(scope="session")
def served():
    """Return a context manager that serves a playground and gives a page of it."""

    @contextmanager
    def serve(at):
        complaints = []
        with Playground(at, port=0, complain=complaints.append) as playground:
            page = Page(playground.url)
            page.playground = playground
            page.greet()
            yield page
            page.socket.close()
        assert complaints == []

    return serve


@pytest.fixture(scope="module")
def page(flags, served):
    """A page on the run."""
    with served(flags / "run") as page:
        yield page
