"""What several recipes are tested with: real data where they are, and a toy that stands in for them."""

import os
from pathlib import Path

import pytest
import torch

from harmonium.recipes.common.labeled import Rows

HOME = os.environ.get("HARMONIUM_DATA")


def needs(name):
    missing = HOME is None or not (Path(HOME) / name).is_dir()
    return pytest.mark.skipif(missing, reason=f"HARMONIUM_DATA does not hold {name}")


needs_mnist = needs("mnist")


def toy(count=200):
    """Return rows of 20 pixels whose first ten spell the label, with some noise."""
    draw = torch.Generator().manual_seed(3)
    label = torch.arange(count) % 10
    v = torch.nn.functional.one_hot(label, 10).float().repeat(1, 2)
    return Rows((v + (torch.rand(v.shape, generator=draw) < 0.05)).clamp_max(1), label)
