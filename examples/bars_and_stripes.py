"""CD-1, persistent chains (PCD-1) and exact draws, compared by the exact likelihood on 4 × 4 bars and stripes."""

import math

import torch

from harmonium import CD, PCD, RBM, Bernoulli, CenterGradient, ExactSampler, data, evaluation, schedule, train

UPDATES = 1000
v = data.bars_and_stripes(4)  # all 30 patterns, 16 pixels each
print(f"the best possible log-likelihood is -log {len(v)} = {-math.log(len(v)):.2f} nats a pattern")

samplers = {
    "CD-1": lambda machine, rng: CD(k=1),
    "PCD-1": lambda machine, rng: PCD(machine.sample_independent(30, generator=rng)),
    "exact draws": lambda machine, rng: ExactSampler(chains=30),
}
for name, make in samplers.items():
    rng = torch.Generator().manual_seed(0)
    machine = RBM(Bernoulli(16), Bernoulli(10), generator=rng).init_from_data(v)
    optimizer = torch.optim.SGD(machine.parameters(), lr=0.5)
    fall = schedule(optimizer, "linear", UPDATES)
    feed = data.batches(v, 30, generator=rng)
    loop = train(machine, feed, make(machine, rng), optimizer, transforms=[CenterGradient()], generator=rng)
    for step in loop:
        fall.step()
        if step.index + 1 == UPDATES:
            break
    score = evaluation.log_likelihood(machine, v, evaluation.log_partition(machine))
    print(f"{name:12} {score.value:7.2f} nats after {UPDATES} updates ({score.verdict})")
