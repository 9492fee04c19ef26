"""Why agreement is not truth: three clusters, the paths of annealed chains, and what their weights say of log Z.

Draws ``three_clusters.png``, or the file named as the only argument.
"""

import sys

import matplotlib
import torch

from harmonium import RBM, Bernoulli, evaluation
from harmonium.evaluation.ais import ais_base, climb
from harmonium.machines import abreast

matplotlib.use("agg")
from matplotlib import pyplot as plt

rng = torch.Generator().manual_seed(0)
shares = torch.tensor([0.60, 0.35, 0.05])  # of the clusters in the data
blocks = torch.eye(3).repeat_interleave(12, 1)  # 36 pixels: each cluster lights a third of them
which = torch.multinomial(shares, 2000, replacement=True, generator=rng)
rows = torch.where(torch.rand(2000, 36, generator=rng) < 0.05, 1 - blocks[which], blocks[which])

# as training that was too fast may leave it:
machine = RBM(Bernoulli(36), Bernoulli(14), generator=torch.Generator()).requires_grad_(False)
units = torch.tensor([0, 1] + 12 * [2])  # one hidden unit for each of two clusters, and twelve that hold the third
machine.weight.copy_(torch.tensor([6.0, 6.0, 3.0])[units] * (blocks[units].T - 0.55))
machine.visible.bias.fill_(-0.5)
machine.hidden.bias.copy_(torch.tensor([0.0, 0.5, -13.0])[units])
truth = evaluation.log_partition(machine).value

told = evaluation.ais(machine, rows, n_betas=300, generator=rng)
nearest = lambda x: torch.cdist(x, blocks).argmin(-1)  # noqa: E731
own = [told.shares[int(told.basins.of(block[None]))] for block in blocks]
print(f"exact log Z {truth:.3f}; {told.value:.3f} ± {told.error:.3f}, {told.verdict}: {told.reason}")

# Three sets of 100 chains: from the data's pixels and the machine's biases, and from a start in the basin that counts.
starts = [ais_base(machine, rows), ais_base(machine), machine.independent(blocks[2:])]
x = torch.stack([start.sample_independent(100, generator=rng) for start in starts])
betas = torch.linspace(0, 1, 200, dtype=torch.float64)
zero = torch.stack([start.log_partition_independent().double() for start in starts])
weights, last = climb(abreast(starts), machine, betas[:, None].expand(-1, 3), x, generator=rng)
implied = weights + zero[:, None]

paths = []
for end in torch.linspace(0.05, 1, 20):
    part = betas[betas <= end][:, None].expand(-1, 1)
    _, there = climb(starts[0], machine, part, starts[0].sample_independent(400, generator=rng)[None], generator=rng)
    paths.append(torch.bincount(nearest(there[0]), minlength=3) / 400)
paths = torch.stack(paths)

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
colors = ["#23588c", "#a8660a", "#2f7a48"]
names = ["cluster 1", "cluster 2", "cluster 3"]

left.bar(
    [k - 0.2 for k in range(3)], (torch.bincount(which, minlength=3) / 2000).tolist(), 0.38, color=colors, alpha=0.45
)
left.bar([k + 0.2 for k in range(3)], own, 0.38, color=colors)
left.set_xticks(range(3), names)
left.set_ylabel("share of each cluster")
left.set_title("rows (pale), machine (dark)")
for k in range(3):
    middle.plot(torch.linspace(0.05, 1, 20).tolist(), paths[:, k].tolist(), color=colors[k], label=names[k])
middle.set_xlabel("β, from the data's pixels (0) to the machine (1)")
middle.set_title("chains on the way up")
middle.set_ylabel("share near each cluster")
middle.legend(frameon=False)
labels = ["from the data's pixels", "from the machine's biases", "from the third basin"]
for place, (values, ends) in enumerate(zip(implied, nearest(last), strict=True)):
    shift = place + 0.3 * (torch.rand(100, generator=rng) - 0.5)
    right.scatter(values.tolist(), shift.tolist(), s=9, c=[colors[k] for k in ends.tolist()], alpha=0.7, linewidths=0)
right.axvline(truth, color="#5b6470", lw=1)
right.text(truth, 2.55, "exact ", ha="right", va="center", color="#5b6470")
right.set_yticks(range(3), labels)
right.set_ylim(-0.5, 2.8)
right.set_xlabel("log Z that one chain implies, nats")
right.set_title("chains by where they ended")
for axis in (left, middle, right):
    axis.spines[["top", "right"]].set_visible(False)
out = sys.argv[1] if len(sys.argv) > 1 else "three_clusters.png"
figure.savefig(out, dpi=110)
means = [float(one.logsumexp(0)) - torch.log(torch.tensor(100.0)).item() for one in implied]
print("means of the weights: " + "; ".join(f"{name} {m:.2f}" for name, m in zip(labels, means, strict=True)))
print(f"picture: {out}")
