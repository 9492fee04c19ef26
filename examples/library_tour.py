"""The library in a minute: fit, evaluate, sample, impute, save, load, and train on with a loop body of your own."""

import numpy as np

import harmonium as hm

run = hm.fit("digits", hidden=16, epochs=60, seed=1)  # or a path, an array, a tensor, a data frame
print(run.evaluate())

rows = hm.data.load("digits", "test").rows[:100].astype(float)  # (100, 64), gray levels from 0 to 16
holes = rows.copy()
holes[:, 32:] = np.nan  # the lower half is missing
filled = run.impute(holes, seed=1)  # in the levels of the rows
missed = np.where(rows > 8, 16, 0) - filled  # the model knows pixels that are on or off
print(f"root mean squared error on the missing half {np.square(missed[:, 32:]).mean() ** 0.5:.1f} of 16 levels")

run.save("model.safetensors")  # the model, how rows are encoded, its last chains, and what was said of it
moved = hm.load("model.safetensors")  # anywhere: the data are not needed
new = moved.sample(32, gibbs_steps=500, seed=1, out="new.png")
print(f"{len(new)} new digits of {new.shape[1]} pixels from model.safetensors: new.png")

trainer = hm.Trainer(
    hm.TrainConfig(hidden=12, epochs=30, seed=1, figures_every=1), "digits"
)  # few enough states to sum
best = -np.inf
for epoch in trainer:  # the loop body is yours
    if epoch.log_likelihood < best - 0.5:
        break
    best = max(best, epoch.log_likelihood)
print(f"after {len(trainer.history)} epochs the best held-out log-likelihood was {best:.2f} nats a row")
