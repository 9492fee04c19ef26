"""Learn the 8 × 8 digits, evaluate the machine, and draw new digits from it to digits.png."""

import torch

from harmonium import PCD, RBM, Bernoulli, CenterGradient, data, evaluation, gibbs_sample, plots, schedule, train

UPDATES = 3000
rng = torch.Generator().manual_seed(0)
rows, test = data.load("digits", "train"), data.load("digits", "test").binarized("threshold")
v = rows.binarized("threshold")

machine = RBM(Bernoulli(64), Bernoulli(64), generator=rng).init_from_data(v)
sampler = PCD(machine.sample_independent(100, generator=rng))
optimizer = torch.optim.SGD(machine.parameters(), lr=0.1)
fall = schedule(optimizer, "linear", UPDATES)
feed = data.batches(v, 100, generator=rng)

for step in train(machine, feed, sampler, optimizer, transforms=[CenterGradient()], generator=rng):
    fall.step()
    if step.index + 1 == UPDATES:
        break

machine.requires_grad_(False)
log_z = evaluation.ais(machine, v, n_betas=300, generator=rng)
score = evaluation.log_likelihood(machine, test, log_z)
baseline = evaluation.baseline_log_likelihood(machine.visible, v, test)
print(f"test log-likelihood {score.value:.2f} ± {score.error:.2f} nats a digit ({score.verdict})")
print(f"independent pixels reach {baseline:.2f}; {len(test)} digits, thresholded at half scale")

chains = gibbs_sample(machine, machine.sample_independent(64, generator=rng), 1000, generator=rng)
plots.save_picture("digits.png", plots.grid(machine.reconstruct(chains).numpy(), rows.shape))
print("64 new digits after 1000 Gibbs steps: digits.png")
