"""Digits in scikit-learn's own words: a pipeline, a search that climbs the likelihood, and odd rows."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

from harmonium.estimators import RBMClassifier, RBMDensity, RBMFeatures, RBMOutlierDetector

X, y = load_digits(return_X_y=True)
train, test, y_train, y_test = train_test_split(X / 16, y, test_size=0.3, random_state=0, stratify=y)

features = RBMFeatures(hidden=100, epochs=20, batch_size=200, lr=1.5, settings={"momentum": 0.9}, random_state=0)
pipeline = make_pipeline(features, LogisticRegression(C=10, max_iter=300)).fit(train, y_train)
print(f"features and a logistic regression: {pipeline.score(test, y_test):.1%} of test digits are right")

classifier = RBMClassifier(hidden=100, epochs=20, random_state=0).fit(train, y_train)
print(f"an RBM with labels: {classifier.score(test, y_test):.1%}")

search = GridSearchCV(RBMDensity(epochs=5, random_state=0), {"hidden": [4, 8, 12]}, cv=2).fit(train > 0.5)
print(f"{search.best_params_['hidden']} hidden units are likeliest: {search.best_score_:.2f} nats a row, exactly")

strange = np.random.default_rng(0).permuted(test[:20], axis=1)  # the same pixels in another order
odd = RBMOutlierDetector(hidden=32, epochs=20, contamination=0.05, random_state=0).fit(train)
missed, alarms = (odd.predict(strange) > 0).sum(), (odd.predict(test) < 0).mean()
print(f"{20 - missed} of 20 digits with their pixels shuffled are odd, {alarms:.0%} of others")
