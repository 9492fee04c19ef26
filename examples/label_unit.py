"""Digits and labels in one row: classify by the exact free energy of each label, and draw to order."""

import torch
from torch.nn.functional import one_hot

from harmonium import RBM, Bernoulli, Centre, Join, Persistent, Potts, data, plots, run, schedule, train

UPDATES = 4000
rng = torch.Generator().manual_seed(0)
pixels, labels = {}, {}
for split in ("train", "test"):
    rows = data.load("digits", split)
    pixels[split], labels[split] = rows.binarized("threshold"), torch.from_numpy(rows.labels)

v = torch.cat([pixels["train"], one_hot(labels["train"], 10).float()], -1)
machine = RBM(Join(Bernoulli(64), Potts(sites=1, colours=10)), Bernoulli(100), generator=rng).match(v)
sampler = Persistent(machine.fields_sample(100, generator=rng))
optimizer = torch.optim.SGD(machine.parameters(), lr=0.1)
fall = schedule(optimizer, "linear", UPDATES)
feed = data.batches(v, 100, generator=rng)
for step in train(machine, feed, sampler, optimizer, edits=[Centre()], generator=rng):
    fall.step()
    if step.index + 1 == UPDATES:
        break

machine.requires_grad_(False)
candidates = torch.eye(10).expand(len(pixels["test"]), 10, 10)  # every test digit with each of the ten labels
x = torch.cat([pixels["test"][:, None].expand(-1, 10, -1), candidates], -1)
told = machine.free_energy(x).argmin(-1)  # p(label | pixels) ∝ exp(−free energy): log Z cancels
wrong = float((told != labels["test"]).double().mean())
print(f"test errors: {wrong:.1%} of {len(told)} digits, thresholded at half scale")

start = machine.fields_sample(40, generator=rng)
start[:, 64:] = torch.eye(10).repeat(4, 1)
held = torch.arange(74) >= 64  # the label keeps its value
drawn = machine.reconstruct(run(machine, start, 1000, held, generator=rng))[:, :64]
plots.save_picture("labels.png", plots.grid(drawn.numpy(), (8, 8), columns=10))
print("four digits of each label, 0 to 9 from the left, after 1000 sweeps with the label held: labels.png")
