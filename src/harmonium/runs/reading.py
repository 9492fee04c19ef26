"""Labels read from the rows of a run, and how many are right."""

from typing import Any

import torch

from .. import evaluation
from ..errors import InputError
from ..machines import Machine
from ..progress import Progress, silent
from ..training import classifier_inputs
from .directory import Run
from .tuning import classifier

BATCH = 500


def classify(
    home: Run,
    split: str = "test",
    *,
    readout: str = "exact",
    gibbs_steps: int = 15,
    seed: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Return how well labels are read from the rows of a split: error, accuracy, rows, confusion (truth by row).

    ``readout`` is ``exact`` (the free energy or bound of every label; the network's logits after back-propagation) or
    ``gibbs`` (``gibbs_steps`` Gibbs steps from an uninformative label, for comparison).

    Raises `InputError` where the run or its rows have no labels.
    """
    if split not in ("train", "valid", "test"):
        raise InputError(f"the split {split!r} was given where train, valid or test was expected")
    dataset, coder = home.dataset(split), home.coder
    if dataset.labels is None:
        raise InputError(f"{dataset.source} holds no labels: there is nothing to compare with")
    if not coder.labels:
        raise InputError(f"{home.path} was trained without labels: train it with --labels, or fine-tune it by backprop")
    model, net = home.machine(), classifier(home)
    if net is not None and readout == "gibbs":
        raise InputError(f"--readout gibbs reads label units, and {home.path} was fine-tuned by backprop: pass exact")
    if isinstance(model, Machine):
        model.infer_steps = max(model.infer_steps, 30)
    g = torch.Generator().manual_seed(home.config.seed if seed is None else seed)
    rows = coder.rows(dataset, generator=g)
    truth = torch.from_numpy(dataset.labels)
    if int(truth.max()) >= coder.labels:
        raise InputError(f"{dataset.source} holds the label {int(truth.max())}; the run knows 0 to {coder.labels - 1}")

    def read(part: torch.Tensor) -> torch.Tensor:
        if readout == "gibbs":
            return evaluation.gibbs_class_probs(model, part, gibbs_steps=gibbs_steps, generator=g)
        return evaluation.class_log_probs(model, part) if net is None else net(classifier_inputs(model, part))

    with torch.no_grad():
        found = torch.cat([read(part).argmax(-1) for part in progress(rows.split(BATCH), "classifying")])
    result = evaluation.Classification.compare(found, truth, coder.labels)
    return {
        "error": result.error,
        "accuracy": result.accuracy,
        "rows": result.rows,
        "split": split,
        "readout": readout,
        "binarize": home.config.binarize,
        "confusion": result.confusion.tolist(),
    }
