"""Deliberate bugs of the kinds that this field ships: each is one replacement, and the tests that must see it."""

from typing import NamedTuple


class Bug(NamedTuple):
    """A file below src/harmonium, what stands there, what is put there, and which tests are run."""

    name: str
    file: str
    right: str
    wrong: str
    tests: str


UNITS, MACHINES = "tests/units", "tests/machines"
SAMPLING, TRAINING, EVALUATION = "tests/sampling", "tests/training", "tests/evaluation"

BUGS = [
    Bug("bias dropped from the hidden sum", "units/discrete.py",
        "numerics.softplus(self.bias + field).sum(-1)", "numerics.softplus(field).sum(-1)", UNITS),
    Bug("spins drawn at twice the temperature", "units/discrete.py",
        "numerics.bernoulli(2 * (self.bias + field)", "numerics.bernoulli((self.bias + field)", UNITS),
    Bug("spin biases matched with the Bernoulli formula", "units/discrete.py",
        "(len(v) + 2)) / 2)", "(len(v) + 2)))", UNITS),
    Bug("binomial states counted once", "units/discrete.py",
        "-(self.bias * x + ways).sum(-1)", "-(self.bias * x).sum(-1)", UNITS),
    Bug("the most likely colour instead of a draw", "units/discrete.py",
        "return numerics.one_hot(self.blocks(self.bias + field), generator=generator).flatten(-2)",
        "return self.mode(field)", UNITS),
    Bug("a Gaussian without its normalisation", "units/continuous.py",
        "numerics.HALF_LOG_2PI - 0.5 * self.log_precision).sum(-1)", "numerics.HALF_LOG_2PI).sum(-1)", UNITS),
    Bug("variance for deviation in Gaussian draws", "units/continuous.py",
        "(z + numerics.normal(z, generator=generator)) * self.scale()",
        "(z + numerics.normal(z, generator=generator) * self.scale()) * self.scale()", UNITS),
    Bug("ReLU as max(0, mean)", "units/continuous.py",
        "return cut_mean(z) * self.scale()", "return z.clamp_min(0) * self.scale()", UNITS),
    Bug("half-precision uniforms", "numerics.py",
        "torch.rand(like.shape, dtype=kind,", "torch.rand(like.shape, dtype=like.dtype,", UNITS),
    Bug("probabilities clipped at 1 %", "numerics.py",
        "odds = torch.sigmoid(wide(logits))\n    return", "odds = torch.sigmoid(wide(logits)).clamp(0.01, 0.99)\n    return",
        UNITS),
    Bug("one random threshold for the whole batch", "numerics.py",
        "(uniform(logits, generator=generator) < odds)", "(uniform(logits[:1], generator=generator) < odds)", UNITS),
    Bug("Gumbel noise with the wrong sign", "numerics.py", "scores - race.log()", "scores + race.log()", UNITS),
    Bug("hidden means instead of hidden draws", "machines/bipartite.py",
        "y = self.odd.sample(self.up(x), generator=generator)", "y = self.odd.mean(self.up(x))", MACHINES),
    Bug("weights 3 % off on the way down", "machines/rbm.py", "return y @ self.weight.mT", "return 1.03 * y @ self.weight.mT",
        MACHINES),
    Bug("free energy with the wrong sign of the hidden sum", "machines/bipartite.py",
        "return self.even.energy(x) - self.odd.cgf(self.up(x))", "return self.even.energy(x) + self.odd.cgf(self.up(x))",
        MACHINES),
    Bug("held units move", "machines/bipartite.py", "return new if held is None else torch.where(held, x, new)",
        "return new", MACHINES),
    Bug("the path runs backwards", "machines/path.py", "torch.lerp(a, b,", "torch.lerp(b, a,", MACHINES),
    Bug("one sweep too few", "sampling/chains.py", "for _ in range(sweeps):", "for _ in range(sweeps - 1):", SAMPLING),
    Bug("persistent chains start over from the data", "sampling/negatives.py",
        "run(machine, self.chains, self.sweeps", "run(machine, positive, self.sweeps", SAMPLING),
    Bug("persistent chains are forgotten", "sampling/negatives.py",
        "self.chains = run(machine, self.chains, self.sweeps, generator=generator)\n        return self.chains",
        "return run(machine, self.chains, self.sweeps, generator=generator)", SAMPLING),
    Bug("exact draws without the other row", "sampling/negatives.py",
        "torch.softmax(machine.even.cgf(machine.down(y)) - machine.odd.energy(y), 0)",
        "torch.softmax(-machine.odd.energy(y), 0)", SAMPLING),
    Bug("the two phases exchanged", "training/loop.py",
        "loss = machine.free_energy(positive).mean() - machine.free_energy(negative).mean()",
        "loss = machine.free_energy(negative).mean() - machine.free_energy(positive).mean()", TRAINING),
    Bug("a sum over the batch instead of a mean", "training/loop.py",
        "loss = machine.free_energy(positive).mean()", "loss = machine.free_energy(positive).sum()", TRAINING),
    Bug("centring without its change of the biases", "training/edits.py",
        "lower_bias_gradient(machine.hidden, mu @ weight)", "pass", TRAINING),
    Bug("offsets that never move", "training/edits.py",
        "torch.lerp(self.visible, visible, self.rate)", "self.visible", TRAINING),
    Bug("weight decay twice as strong", "training/penalties.py", "return 0.5 * self.strength", "return self.strength", TRAINING),
    Bug("log Z without the energy of the row that is listed", "evaluation/exact.py",
        "there.cgf(send(state)) - here.energy(state)", "there.cgf(send(state))", MACHINES),
    Bug("chains swept before they are weighed", "evaluation/annealing.py",
        "y = odd.here.sample(after * field", "y = odd.at(before).sample(before * field", EVALUATION),
    Bug("temperature forgotten on the way down", "evaluation/annealing.py",
        "even.here.sample(after * end.down(y)", "even.here.sample(end.down(y)", EVALUATION),
    Bug("the base's own log Z left out", "evaluation/annealing.py",
        "_estimate(weights + start.fields_log_partition().double())", "_estimate(weights)", EVALUATION),
    Bug("modes away from the data ignored", "evaluation/annealing.py",
        "other = blind.value if blind.value > forward.value + CLOSE else math.nan", "other = math.nan", EVALUATION),
    Bug("an error half its size", "evaluation/annealing.py",
        "return math.hypot(spread, min(max(short, 0.0), most))", "return 0.5 * spread", EVALUATION),
    Bug("a verdict that ignores the way back", "evaluation/annealing.py",
        "if abs(value - reverse) > CLOSE:", "if False:", EVALUATION),
    Bug("pseudo-likelihood without its normalisation", "evaluation/pseudo.py",
        "return now - torch.logsumexp(torch.stack(scores), 0)", "return now - torch.stack(scores).amax(0)", EVALUATION),
    Bug("a baseline fitted to the test rows", "evaluation/baseline.py", "alone.match(train)", "alone.match(test)", EVALUATION),
    Bug("a resumed run that repeats its batches", "runs/session.py",
        "for _ in range(self.step % self.each):", "for _ in range(0):", "tests/runs"),
    Bug("a resumed run with new random numbers", "runs/checkpoint.py",
        'session.chance.set_state(found["chance"])', "pass", "tests/runs"),
    Bug("a learning rate that starts over", "runs/session.py", "done=self.step)", "done=0)", "tests/runs"),
    Bug("a damaged model taken as it is", "storage.py",
        "if not all(value.isfinite().all() for value in tensors.values()):", "if False:", "tests/test_storage.py"),
]  # fmt: skip
