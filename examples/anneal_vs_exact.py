"""Annealed importance sampling (AIS) with few temperatures and with many, beside the exact log Z."""

import torch

from harmonium import RBM, Bernoulli, data, evaluation

rng = torch.Generator().manual_seed(1)
v = data.load("digits", "train").binarized("threshold")
machine = RBM(Bernoulli(64), Bernoulli(12), generator=rng).init_from_data(v).requires_grad_(False)
machine.weight.normal_(0, 0.6, generator=rng)

truth = evaluation.log_partition(machine).value
print(f"exact log Z {truth:.3f} nats, the sum over all 2^12 hidden states")
typical = machine.sample_independent(500, generator=rng)
print("temperatures  log Z          off by  effective chains  way back  verdict")
for n_betas in (4, 30, 300, 3000):
    told = evaluation.ais(machine, typical, chains=100, n_betas=n_betas, generator=rng)
    print(
        f"{n_betas:12}  {told.value:.2f} ± {told.error:.2f}  {told.value - truth:+6.2f}  {told.ess:16.1f}  "
        f"{told.reverse:8.2f}  {told.verdict}"
    )
