import importlib
import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small products on two threads crawl when the cores are busy
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # and where two were asked for, one spins while the other waits

sys.path.insert(0, str(Path(__file__).parent))  # so that every test finds laws.py


@pytest.fixture
def short(monkeypatch):
    """Chains as short as they can be, and no axes drawn: what is walked is the way, not its length."""
    import numpy as np
    import torch
    from PIL import Image

    from harmonium.fitting import effort

    monkeypatch.setattr(effort, "FULL", effort.Effort(n_betas=8, most=32, burn=4, chains=12, gibbs_steps=64))
    monkeypatch.setattr(importlib.import_module("harmonium.evaluation.mixing"), "KEPT", 8)
    for room in ("sampling.tempering", "evaluation.ais"):
        monkeypatch.setattr(importlib.import_module(f"harmonium.{room}"), "BETAS", torch.linspace(0, 1, 9).double())
    monkeypatch.setattr("harmonium.report.material.GIBBS_STEPS", 20)
    monkeypatch.setattr("harmonium.plots.files._drawn", lambda figure, zoom: Image.new("RGB", (8, 8)))
    for chart in ("curves", "mean_activation", "strips"):
        monkeypatch.setattr(f"harmonium.plots.{chart}", lambda *given, **settings: np.zeros((8, 8), np.uint8))
