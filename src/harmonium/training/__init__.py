"""Training: a generator loop, edits of the gradients, penalties, and the fine-tuning of deep models."""

from .backprop import backprop, features, network
from .edits import Centre, ClipNorm, Edit, Retreat
from .loop import Step, schedule, train
from .penalties import L1, L2, Discriminative, Penalty, Sparsity
from .updown import contrast, parts, updown

__all__ = [
    "L1", "L2", "Centre", "ClipNorm", "Discriminative", "Edit", "Penalty", "Retreat", "Sparsity", "Step", "backprop",
    "contrast", "features",
    "network", "parts", "schedule", "train", "updown",
]  # fmt: skip
