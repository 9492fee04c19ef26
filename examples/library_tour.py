"""The library in a minute: fit, evaluate, sample, impute, save, load, and train on with a loop body of your own."""

import numpy as np

import harmonium as hm

run = hm.fit("digits", hidden=16, epochs=60, seed=1)  # or a path, an array, a tensor, a data frame
print(run.evaluate())

rows = hm.data.load("digits", "test").rows.astype(float)  # (359, 64), whole numbers 0 to 16
rows = (rows[:20] > 8).astype(float)
holes = rows.copy()
holes[:, 32:] = np.nan  # the lower half is missing
filled = run.impute(holes, seed=1)
print(f"mean squared error on the missing half {np.square(filled - rows)[:, 32:].mean():.3f}")

run.save("model.safetensors")  # the model, how rows are encoded, its last chains, and what was said of it
moved = hm.load("model.safetensors")  # anywhere: the data are not needed
new = moved.sample(32, gibbs_steps=500, seed=1, out="new.png")
print(f"{len(new)} new digits of {new.shape[1]} pixels from model.safetensors: new.png")

trainer = hm.Trainer(hm.TrainConfig(hidden=16, epochs=30, seed=1), "digits")
best = -np.inf
for epoch in trainer:  # the loop body is yours
    if epoch.log_likelihood < best - 0.5:
        break
    best = max(best, epoch.log_likelihood)
print(f"after {len(trainer.history)} epochs the best held-out log-likelihood was {best:.2f} nats a row")
