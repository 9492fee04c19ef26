"""Training: a generator loop, edits of the gradients, and penalties."""

from .edits import Centre, ClipNorm, Edit
from .loop import Step, schedule, train
from .penalties import L1, L2, Penalty, Sparsity

__all__ = ["L1", "L2", "Centre", "ClipNorm", "Edit", "Penalty", "Sparsity", "Step", "schedule", "train"]
