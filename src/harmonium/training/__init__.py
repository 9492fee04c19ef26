"""Training: a generator loop, transforms of the gradients, penalties, and the fine-tuning of deep models."""

from .batch import Batch
from .classifier import classifier_inputs, finetune_classifier, to_sequential
from .loop import Step, contrastive_loss, schedule, train
from .optimizers import SGD, Adam
from .penalties import L1, L2, HybridLoss, Penalty, SparsityPenalty
from .transforms import CenterGradient, ClipGradNorm, GradientTransform, Rollback
from .updown import param_groups, updown

__all__ = [
    "L1",
    "L2",
    "SGD",
    "Adam",
    "Batch",
    "CenterGradient",
    "ClipGradNorm",
    "GradientTransform",
    "HybridLoss",
    "Penalty",
    "Rollback",
    "SparsityPenalty",
    "Step",
    "classifier_inputs",
    "contrastive_loss",
    "finetune_classifier",
    "param_groups",
    "schedule",
    "to_sequential",
    "train",
    "updown",
]  # fmt: skip
