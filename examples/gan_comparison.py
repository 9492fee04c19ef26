"""A dense GAN and an RBM of as many parameters, side by side, with the same figures for both.

The GAN is the one that a student talk closes with: 20 → 100 → pixels against pixels → 100 → 1, leaky ReLU and
dropout. Its training is not given there; here it is Adam on the usual losses. Run with --data mnist for the full size.
"""

import argparse
import json
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.neural_network import MLPClassifier
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from harmonium import PCD, RBM, Bernoulli, CenterGradient, data, gibbs_sample, numerics, plots, schedule, train

NOISE, WIDTH, BATCH, SHOWN = 20, 100, 100, 40
UPDATES = {"digits": 5000, "mnist": 30000}


@dataclass
class Critics:
    """Two classifiers of different kinds that saw real digits alone, and real rows to measure distances to."""

    linear: LogisticRegression
    layered: MLPClassifier
    classes: np.ndarray
    train: np.ndarray
    test: np.ndarray


def main() -> None:
    asked = options()
    asked.out.mkdir(parents=True, exist_ok=True)
    rows, test = (data.load(asked.data, split, data_dir=asked.data_dir) for split in ("train", "test"))
    updates = asked.updates or (500 if asked.quick else UPDATES[asked.data])
    critics = real_critics(rows, test)
    real = critics.test[:1000]
    gan, gan_seconds, size = timed_gan(rows.tensor(), updates, len(real), asked.seed)
    rbm, rbm_seconds, machine = timed_rbm(rows, size, updates, len(real), asked.gibbs_steps, asked.seed)
    found = {
        "real test digits": figures(real, critics, itself=True),
        "GAN": figures(gan, critics) | {"parameters": size, "seconds": gan_seconds},
        "RBM": figures(rbm, critics) | {"parameters": count(machine), "seconds": rbm_seconds},
    }
    setting = {
        "data": asked.data, "train_rows": len(rows), "updates": updates, "batch": BATCH, "seed": asked.seed,
        "gibbs_steps": asked.gibbs_steps, "hidden": machine.hidden.width,
        "pixels": "gray for the GAN; drawn as 0 and 1 by their gray level for the RBM, whose samples are the odds",
    }  # fmt: skip
    write(asked.out, rows, {"real": real, "GAN": gan, "RBM": rbm}, found, setting)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="500 updates of each: a look, not a comparison")
    parser.add_argument("--data", choices=tuple(UPDATES), default="digits")
    parser.add_argument("--data-dir", default=None, help="where MNIST lies")
    parser.add_argument("--updates", type=int, default=None)
    parser.add_argument(
        "--gibbs-steps", type=int, default=1000, help="Gibbs steps of the RBM's chains before they are shown"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("."))
    return parser.parse_args()


# The GAN


def networks(pixels: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Return generator and discriminator; the first layer has no bias, as the talk's 2,000 parameters have it."""
    generator = nn.Sequential(
        nn.Linear(NOISE, WIDTH, bias=False), nn.LeakyReLU(0.2), nn.Linear(WIDTH, pixels), nn.Sigmoid()
    )
    discriminator = nn.Sequential(nn.Linear(pixels, WIDTH), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(WIDTH, 1))
    return generator, discriminator


@torch.random.fork_rng(devices=[])  # layers and dropout of torch draw from the global stream alone
def timed_gan(v: Tensor, updates: int, samples: int, seed: int) -> tuple[np.ndarray, float, int]:
    """Return samples of the trained GAN, the seconds it took, and the parameters of both networks."""
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    generator, discriminator = networks(v.shape[1])
    makers = [torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (generator, discriminator)]
    began, feed = time.perf_counter(), data.batches(v, BATCH, generator=rng)
    for _ in range(updates):
        duel(generator, discriminator, makers, next(feed), torch.randn(BATCH, NOISE, generator=rng))
    seconds = time.perf_counter() - began
    with torch.no_grad():
        drawn = generator(torch.randn(samples, NOISE, generator=rng)).numpy()
    return drawn, seconds, count(generator) + count(discriminator)


def duel(
    generator: nn.Module, discriminator: nn.Module, makers: list[torch.optim.Optimizer], real: Tensor, noise: Tensor
) -> None:
    """Move the discriminator once against the generator, then the generator once against it."""
    fake, one, zero = generator(noise), torch.ones(len(real), 1), torch.zeros(len(real), 1)
    seen = binary_cross_entropy_with_logits(discriminator(real), one)
    step(makers[1], seen + binary_cross_entropy_with_logits(discriminator(fake.detach()), zero))
    step(makers[0], binary_cross_entropy_with_logits(discriminator(fake), one))


def step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


# The RBM


def timed_rbm(
    rows: data.Dataset, size: int, updates: int, samples: int, gibbs_steps: int, seed: int
) -> tuple[np.ndarray, float, RBM]:
    """Return what chains of the trained RBM end in, the seconds of its training, and the RBM itself.

    The chains start at coin flips. What is returned are the odds of the pixels given the last draw of the hidden units.
    """
    rng = torch.Generator().manual_seed(seed)
    hidden = (size - rows.width) // (rows.width + 1)
    machine = RBM(Bernoulli(rows.width), Bernoulli(hidden), generator=rng).init_from_data(rows.tensor())
    sampler = PCD(machine.sample_independent(BATCH, generator=rng))
    optimizer = torch.optim.SGD(machine.parameters(), lr=0.05)
    fall = schedule(optimizer, "linear", updates)
    began, feed = time.perf_counter(), data.batches(rows, BATCH, binarize="sample", generator=rng)
    for done in train(machine, feed, sampler, optimizer, transforms=[CenterGradient()], generator=rng):
        fall.step()
        if done.index + 1 == updates:
            break
    seconds = time.perf_counter() - began
    machine.requires_grad_(False)
    flips = numerics.bernoulli(machine.visible.zero_field(samples), generator=rng)
    chains = gibbs_sample(machine, flips, gibbs_steps - 1, generator=rng)
    return machine.gibbs_with_means(chains, generator=rng)[1].numpy(), seconds, machine


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


# The figures


def real_critics(rows: data.Dataset, test: data.Dataset) -> Critics:
    """Fit the two classifiers to gray training digits, at most 10,000; keep as many real rows of either split."""
    x, y = rows.tensor().numpy()[:10_000], rows.labels[:10_000]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # neither needs the last digit of its optimum
        linear = LogisticRegression(max_iter=200).fit(x, y)
        layered = MLPClassifier((100,), max_iter=200, random_state=0).fit(x, y)
    real = test.tensor().numpy()
    most = min(len(x), len(real))
    return Critics(linear, layered, np.bincount(y, minlength=10) / len(y), x[:most], real[:most])


def figures(v: np.ndarray, critics: Critics, itself: bool = False) -> dict[str, object]:
    """Return how two classifiers see rows ``v``, how even their classes are, and how near they are to real digits.

    ``agreed`` is the share of rows that both classifiers give the same class. ``shares`` are the classes of the second;
    ``classes_in_use`` is the exponential of their entropy, 10 where all are as frequent. Distances are Euclidean, in
    gray levels from 0 to 1, to the nearest of equally many training and test digits; the median over the rows. An
    average is nearer to everything than a draw, so they tell who copies the training digits, not who draws better.
    """
    told, other = critics.layered.predict(v), critics.linear.predict(v)
    shares = np.bincount(told, minlength=10) / len(told)
    used = shares[shares > 0]
    near = NearestNeighbors(n_neighbors=2)
    return {
        "rows": len(v),
        "agreed": float((told == other).mean()),
        "sure": float((critics.layered.predict_proba(v).max(1) > 0.9).mean()),
        "classes_in_use": float(np.exp(-(used * np.log(used)).sum())),
        "shares": shares.round(4).tolist(),
        "off_the_classes_of_the_data": float(np.abs(shares - critics.classes).sum() / 2),
        "to_training_digits": float(np.median(near.fit(critics.train).kneighbors(v)[0][:, 0])),
        "to_test_digits": float(np.median(near.fit(critics.test).kneighbors(v)[0][:, int(itself)])),
        "within_the_rows": float(np.median(near.fit(v).kneighbors(v)[0][:, 1])),
    }


def write(
    out: Path, rows: data.Dataset, drawn: dict[str, np.ndarray], found: dict[str, dict], setting: dict[str, object]
) -> None:
    """Write the picture and the figures, and print a table of both models beside real digits."""
    tiles = [(name, v[:SHOWN]) for name, v in drawn.items()]
    plots.save_picture(out / "gan_comparison.png", plots.strips(tiles, rows.shape))
    text = json.dumps({"setting": setting, "figures": found}, indent=1, ensure_ascii=False)
    (out / "gan_comparison.json").write_text(text + "\n", encoding="utf-8")
    print(f"{setting['data']}: {setting['updates']:,} updates of {BATCH} rows each, seed {setting['seed']}")
    for key in ("agreed", "sure", "classes_in_use", "to_training_digits", "to_test_digits", "within_the_rows"):
        line = "   ".join(f"{name} {values[key]:6.3f}" for name, values in found.items())
        print(f"{key.replace('_', ' '):20} {line}")
    print("samples: gan_comparison.png, every figure and its setting: gan_comparison.json")


if __name__ == "__main__":
    main()
