"""Digits and labels in one row: classify by the exact free energy of each label, and draw to order."""

import torch

from harmonium import (
    PCD,
    RBM,
    Bernoulli,
    CenterGradient,
    Concat,
    Potts,
    data,
    evaluation,
    plots,
    sample,
    schedule,
    train,
)

UPDATES = 2000
rng = torch.Generator().manual_seed(0)
digits, test = data.load("digits", "train"), data.load("digits", "test")
v = torch.cat([digits.binarized("threshold"), data.one_hot(digits, 10)], -1)

machine = RBM(Concat(Bernoulli(64), Potts(n_sites=1, n_states=10)), Bernoulli(100), generator=rng).init_from_data(v)
sampler = PCD(machine.sample_independent(100, generator=rng))
optimizer = torch.optim.SGD(machine.parameters(), lr=0.1)
fall = schedule(optimizer, "linear", UPDATES)
feed = data.batches(v, 100, generator=rng)
for step in train(machine, feed, sampler, optimizer, transforms=[CenterGradient()], generator=rng):
    fall.step()
    if step.index + 1 == UPDATES:
        break

told = evaluation.class_log_probs(machine, test.binarized("threshold")).argmax(-1)  # log p(v, label): log Z cancels
result = evaluation.Classification.compare(told, torch.from_numpy(test.labels), 10)
print(f"test errors: {result.error:.1%} of {result.rows} digits, thresholded at half scale")

means = sample(machine, 40, gibbs_steps=1000, label=torch.arange(10).repeat(4), means=True, generator=rng)
plots.save_picture("labels.png", plots.grid(means.numpy(), (8, 8), columns=10))
print("four digits of each label, 0 to 9 from the left, after 1000 Gibbs steps with the label clamped: labels.png")
