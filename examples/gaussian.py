"""Real columns: a Gaussian row learns thirteen measurements of 178 wines, and its likelihood is exact."""

import torch
from sklearn.datasets import load_wine

from harmonium import PCD, RBM, Bernoulli, ClipGradNorm, Gaussian, data, evaluation, schedule, train

UPDATES = 1500
rng = torch.Generator().manual_seed(0)
columns = torch.from_numpy(load_wine().data).float()
columns = columns[torch.randperm(len(columns), generator=rng)]
rows, test = columns[:140], columns[140:]
mean, deviation = rows.mean(0), rows.std(0)
rows, test = (rows - mean) / deviation, (test - mean) / deviation  # the training rows set the scale

machine = RBM(Gaussian(13), Bernoulli(8), generator=rng).init_from_data(rows)
sampler = PCD(machine.sample_independent(100, generator=rng), k=2)
optimizer = torch.optim.SGD(machine.parameters(), lr=0.02)  # bits would take more
fall = schedule(optimizer, "linear", UPDATES)
feed = data.batches(rows, 50, generator=rng)
baseline = evaluation.baseline_log_likelihood(machine.visible, rows, test)
print(f"{len(test)} held-out rows; independent columns reach {baseline:.2f} nats a row")
for step in train(machine, feed, sampler, optimizer, transforms=[ClipGradNorm(10)], generator=rng):
    fall.step()
    if step.index % 500 == 499:
        score = evaluation.log_likelihood(machine, test, evaluation.log_partition(machine))
        print(f"after {step.index + 1} updates: {score.value:.2f} nats a row ({score.verdict})")
    if step.index + 1 == UPDATES:
        break
