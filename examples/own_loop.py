"""The loop body is yours: figures of your own, early stopping, and the best machine kept."""

import copy

import torch

from harmonium import PCD, RBM, Bernoulli, data, evaluation, save, train

rng = torch.Generator().manual_seed(0)
v = data.load("digits", "train").take(150).binarized("threshold")  # few rows, so that it over-fits
held_out = data.load("digits", "valid").binarized("threshold")

machine = RBM(Bernoulli(64), Bernoulli(14), generator=rng).init_from_data(v)
sampler = PCD(machine.sample_independent(100, generator=rng))
optimizer = torch.optim.SGD(machine.parameters(), lr=0.1)
best, kept, patience = float("-inf"), machine, 0

for step in train(machine, data.batches(v, 50, generator=rng), sampler, optimizer, generator=rng):
    if step.index % 250:
        continue
    log_z = evaluation.log_partition(machine)  # exact: 2^14 hidden states
    score = evaluation.log_likelihood(machine, held_out, log_z).value
    gap = evaluation.free_energy_gap(machine, v, held_out)
    print(f"step {step.index:5}  held-out log-likelihood {score:7.2f}  free-energy gap {gap:5.2f}")
    if score > best:
        best, kept, patience = score, copy.deepcopy(machine), 0
    else:
        patience += 1
    if patience == 3:
        break

save(kept, "best.safetensors")
print(f"stopped at step {step.index}; best held-out log-likelihood {best:.2f} nats: best.safetensors")
