"""Runs: a training from its configuration to a directory that holds all of it."""

from .config import TrainConfig
from .directory import Run

__all__ = ["Run", "TrainConfig"]
