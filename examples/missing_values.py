"""Impute the lower half of digits that the machine has not seen, by Gibbs steps with the upper half clamped."""

import torch

from harmonium import PCD, RBM, Bernoulli, CenterGradient, data, impute, plots, schedule, train

UPDATES = 3000
rng = torch.Generator().manual_seed(0)
v = data.load("digits", "train").binarized("threshold")
test = data.load("digits", "test").binarized("threshold")[:100]

machine = RBM(Bernoulli(64), Bernoulli(64), generator=rng).init_from_data(v)
sampler = PCD(machine.sample_independent(100, generator=rng))
optimizer = torch.optim.SGD(machine.parameters(), lr=0.1)
fall = schedule(optimizer, "linear", UPDATES)
feed = data.batches(v, 100, generator=rng)
for step in train(machine, feed, sampler, optimizer, transforms=[CenterGradient()], generator=rng):
    fall.step()
    if step.index + 1 == UPDATES:
        break

known = torch.arange(64) < 32  # the upper four lines of eight
seen = torch.where(known, test, 0.5)
filled = impute(machine, test, known, chains=16, gibbs_steps=100, generator=rng)


def error(guess: torch.Tensor) -> float:
    return float((guess - test)[:, ~known].square().mean())


print(f"mean squared error on the hidden half: {error(filled):.4f}")
print(f"with the training means filled in:     {error(v.mean(0).expand_as(test)):.4f}")
groups = [("truth", test[:10]), ("seen", seen[:10]), ("imputed", filled[:10])]
plots.save_picture("missing.png", plots.strips([(name, x.numpy()) for name, x in groups], (8, 8)))
print("ten of them: missing.png")
