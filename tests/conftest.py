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

    from harmonium import evaluation

    plain = evaluation.ais  # which brings the room in
    module = sys.modules["harmonium.evaluation.mixing"]
    quick = {"n_betas": 8, "chains": 12, "burn": 4}
    monkeypatch.setattr(module, "ais", lambda *given, **settings: plain(*given, **(settings | quick)))
    monkeypatch.setattr(module, "KEPT", 8)
    monkeypatch.setattr("harmonium.fitting.effort.GIBBS_STEPS", 64)
    monkeypatch.setattr("harmonium.report.material.GIBBS_STEPS", 20)
    for chart in ("curves", "mean_activation", "strips"):
        monkeypatch.setattr(f"harmonium.plots.{chart}", lambda *given, **settings: np.zeros((8, 8), np.uint8))
