"""Estimators say of rows what their models say, and keep what scikit-learn's users rely on."""

import pickle

import numpy as np
import pytest
import scipy.sparse
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from harmonium import InputError, Trainer
from harmonium.data import bars_and_stripes
from harmonium.estimators import DBNClassifier, RBMClassifier, RBMDensity, RBMFeatures, RBMOutlierDetector
from harmonium.estimators.base import as_dataset
from harmonium.estimators.weights import counted

QUICK = {"hidden": 6, "epochs": 3, "random_state": 0}
BITS = np.random.default_rng(0).integers(0, 2, (40, 5)).astype(float)
REALS = np.random.default_rng(1).normal([1, 5], [2, 0.1], (60, 2))
CLASSES = (BITS.sum(1) > 2).astype(int)
TRAINED = [
    (RBMFeatures(**QUICK), "transform"),
    (RBMDensity(**QUICK), "score_samples"),
    (RBMOutlierDetector(**QUICK), "decision_function"),
    (RBMClassifier(**QUICK), "predict_proba"),
    (DBNClassifier(**QUICK | {"hidden": (6, 5)}, finetune_epochs=2), "predict_proba"),
]
EACH = pytest.mark.parametrize(
    ("estimator", "answer"), TRAINED, ids=lambda x: x if isinstance(x, str) else type(x).__name__
)
ALL_BITS = ((np.arange(32)[:, None] >> np.arange(5)) & 1).astype(float)


def answers(estimator, answer, X=BITS, **fit):
    return getattr(clone(estimator).fit(X, CLASSES, **fit), answer)(X)


@EACH
@pytest.mark.parametrize("kind", ["csr_array", "csc_array", "coo_matrix"])
def test_sparse_rows_are_dense_rows(estimator, answer, kind):
    given = getattr(scipy.sparse, kind)(BITS)
    assert np.array_equal(answers(estimator, answer), answers(estimator, answer, given))


@EACH
def test_a_pickled_estimator_says_the_same(estimator, answer):
    fitted = clone(estimator).fit(BITS, CLASSES)
    content = pickle.dumps(fitted)
    again = pickle.loads(content)
    assert np.array_equal(getattr(fitted, answer)(BITS), getattr(again, answer)(BITS))
    assert b"harmonium 2" in content  # the model file's own bytes
    assert again.run_.splits is None


@EACH
def test_rows_given_are_left_as_they_are(estimator, answer):
    given = BITS.copy()
    given.flags.writeable = False
    answers(estimator, answer, given)


@EACH
def test_a_weight_is_a_number_of_copies_and_the_order_of_rows_does_not_matter(estimator, answer):
    weight = np.random.default_rng(2).integers(0, 4, len(BITS))
    order = np.random.default_rng(3).permutation(len(BITS))
    copied = clone(estimator).fit(BITS.repeat(weight, 0)[::-1], CLASSES.repeat(weight)[::-1])
    weighed = clone(estimator).fit(BITS[order], CLASSES[order], sample_weight=weight[order])
    assert np.array_equal(getattr(copied, answer)(BITS), getattr(weighed, answer)(BITS))


def test_weights_that_are_not_whole_stay_with_their_rows():
    rows = np.arange(30.0)[:, None]
    weight = np.random.default_rng(4).gamma(1, size=30) * (np.arange(30) != 7)
    found = counted(as_dataset(rows), weight)
    assert np.array_equal(found.weights, weight[found.rows.ravel().astype(int)])
    assert sorted(found.rows.ravel()) == [i for i in range(30) if i != 7]
    with pytest.raises(ValueError, match="non-zero"):
        counted(as_dataset(rows), np.zeros(30))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_features_have_the_type_of_the_rows(kind):
    assert RBMFeatures(**QUICK).fit(BITS.astype(kind)).transform(BITS.astype(kind)).dtype == kind


def test_features_are_the_means_of_hidden_units():
    fitted = RBMFeatures(**QUICK).fit(BITS)
    state = {name: value.double().numpy() for name, value in fitted.run_.model.state_dict().items()}
    means = 1 / (1 + np.exp(-BITS @ state["weight"] - state["hidden.bias"]))
    assert np.allclose(fitted.transform(BITS), means, atol=1e-12)
    assert list(fitted.get_feature_names_out()) == [f"rbmfeatures{i}" for i in range(6)]


def test_a_density_of_bits_sums_to_one():
    fitted = RBMDensity(**QUICK).fit(BITS)
    assert np.exp(fitted.score_samples(ALL_BITS)).sum() == pytest.approx(1, abs=1e-9)
    assert fitted.log_partition_.verdict == "exact"
    assert fitted.score(BITS) == pytest.approx(fitted.score_samples(BITS).mean())


def test_a_density_of_real_numbers_integrates_to_one_in_their_own_scale():
    fitted = RBMDensity(**QUICK).fit(REALS[:, 1:])
    edges = np.linspace(3, 7, 4001)  # twenty deviations on either side
    assert np.trapezoid(np.exp(fitted.score_samples(edges[:, None])), edges) == pytest.approx(1, abs=1e-4)


def test_fractions_are_bits_for_features_and_real_numbers_for_a_density():
    fractions = REALS / 20 + 0.5
    assert fractions.min() >= 0
    assert fractions.max() <= 1
    assert RBMFeatures(**QUICK).fit(fractions).run_.encoder.visible == "bernoulli"
    assert RBMDensity(**QUICK).fit(fractions).run_.encoder.visible == "gaussian"
    assert RBMFeatures(**QUICK).fit(REALS).run_.encoder.visible == "gaussian"
    assert RBMFeatures(**QUICK).fit(2 * BITS - 1).run_.encoder.visible == "spin"
    assert RBMDensity(**QUICK, visible="potts:2").fit(BITS).run_.encoder.visible == "potts:2"


def exact_score(density, rows):
    """Return the mean log p of rows of nine bits by a sum over all states of both rows of units."""
    state = {name: value.double().numpy() for name, value in density.run_.model.state_dict().items()}
    every = ((np.arange(512)[:, None] >> np.arange(9)) & 1).astype(float)

    def unnormalized(v):
        return v @ state["visible.bias"] + np.logaddexp(0, v @ state["weight"] + state["hidden.bias"]).sum(1)

    return unnormalized(rows).mean() - np.logaddexp.reduce(unnormalized(every))


@pytest.mark.slow
def test_the_search_over_settings_picks_what_is_likeliest_exactly():
    rows = np.repeat(bars_and_stripes(3).double().numpy(), 8, 0)[np.random.default_rng(0).permutation(112)]
    grid, halves = {"hidden": [1, 4], "epochs": [1, 4, 16]}, [slice(0, 56), slice(56, 112)]
    pairs = [halves, halves[::-1]]
    search = GridSearchCV(RBMDensity(batch_size=56, lr=0.5, random_state=0), grid, cv=2).fit(rows)
    exact = [
        np.mean([exact_score(clone(search.estimator).set_params(**one).fit(rows[a]), rows[b]) for a, b in pairs])
        for one in search.cv_results_["params"]
    ]
    assert search.cv_results_["mean_test_score"] == pytest.approx(exact, abs=1e-9)
    assert search.best_index_ == int(np.argmax(exact))


def test_partial_fit_goes_on_from_parameters_and_chains():
    first = RBMFeatures(**QUICK, settings={"sampler": "pcd"}).fit(BITS)
    before = first.run_
    config = first._config(as_dataset(BITS))
    stage = Trainer(config, as_dataset(BITS), init=before).stage
    assert all(torch.equal(stage.machine.state_dict()[name], x) for name, x in before.model.state_dict().items())
    kept = {tuple(row) for row in before.chains.tolist()}
    assert {tuple(row) for row in stage.chains().tolist()} <= kept
    went = pickle.loads(pickle.dumps(first)).partial_fit(BITS)
    assert np.array_equal(first.partial_fit(BITS).transform(BITS), went.transform(BITS))
    assert not np.array_equal(first.run_.model.weight, before.model.weight)


def test_partial_fit_learns_as_fit_does():
    rows = np.repeat(bars_and_stripes(3).numpy(), 8, 0)
    density = RBMDensity(hidden=8, random_state=0, lr=0.3)
    for _ in range(20):
        density.partial_fit(rows)
    assert density.score(rows) > -9 * np.log(2) + 1  # a nat above independent units; the truth is -2.6


@pytest.mark.slow
def test_a_warm_start_goes_on_and_a_cold_one_begins_again():
    warm, cold = (RBMDensity(**QUICK, warm_start=warm) for warm in (True, False))
    once = cold.fit(BITS).score_samples(BITS)
    assert np.array_equal(cold.fit(BITS).score_samples(BITS), once)
    assert np.array_equal(warm.fit(BITS).score_samples(BITS), once)
    assert not np.array_equal(warm.fit(BITS).score_samples(BITS), once)


def test_going_on_is_refused_in_one_line_where_it_cannot_be():
    run = RBMFeatures(**QUICK).fit(BITS).run_
    with pytest.raises(InputError, match="another make"):
        RBMFeatures(**QUICK, warm_start=True).set_params(hidden=6).fit(BITS).set_params(hidden=7).fit(BITS)
    with pytest.raises(InputError, match="init and out=here were given"):
        Trainer(run.config, as_dataset(BITS), init=run, out="here")
    with pytest.raises(InputError, match="learned layer by layer"):
        Trainer(run.config.model_copy(update={"model": "dbn"}), as_dataset(BITS), init=run)
    with pytest.raises(InputError, match="patience=2 watches held-out rows"):
        RBMFeatures(**QUICK, settings={"patience": 2}).fit(BITS)


def test_odd_rows_are_as_many_as_was_said_and_lie_far_out():
    rows = np.vstack([REALS, [[40, 5]]])
    fitted = RBMOutlierDetector(**QUICK, contamination=1 / 61).fit(rows)
    assert fitted.predict(rows).tolist() == [1] * 60 + [-1]
    assert np.allclose(fitted.decision_function(rows), fitted.score_samples(rows) - fitted.offset_)
    with pytest.raises(InputError, match=r"contamination=0\.7"):
        RBMOutlierDetector(contamination=0.7).fit(rows)


def test_classes_have_the_odds_of_their_free_energies():
    fitted = RBMClassifier(**QUICK).fit(BITS, np.array(["no", "yes"])[CLASSES])
    model = fitted.run_.model
    states = torch.tensor(np.stack([np.hstack([BITS, np.tile(one, (40, 1))]) for one in np.eye(2)])).float()
    odds = (-model.free_energy(states).detach().double()).softmax(0).T.numpy()
    assert np.allclose(fitted.predict_proba(BITS), odds, atol=1e-5)  # float32 here
    assert fitted.predict(BITS).tolist() == fitted.classes_[odds.argmax(1)].tolist()


def test_one_class_is_refused():
    with pytest.raises(InputError, match="y holds 1 class"):
        RBMClassifier(**QUICK).fit(BITS, np.ones(40))


def test_a_random_state_of_numpy_gives_a_new_seed_each_time():
    drawn = RBMFeatures(hidden=6, epochs=1, random_state=np.random.RandomState(0))
    assert not np.array_equal(drawn.fit(BITS).transform(BITS), drawn.fit(BITS).transform(BITS))


def test_a_density_gives_new_rows():
    fitted = RBMDensity(**QUICK).fit(BITS)
    found = fitted.sample(7, gibbs_steps=10)
    assert found.shape == (7, 5)
    assert np.array_equal(found, fitted.sample(7, gibbs_steps=10))
    assert not np.array_equal(found, fitted.sample(7, random_state=5, gibbs_steps=10))


@pytest.mark.slow
def test_digits_in_a_pipeline_and_iris_among_classes():
    X, y = load_digits(return_X_y=True)
    pipeline = make_pipeline(RBMFeatures(64, epochs=15, random_state=0), LogisticRegression(C=10, max_iter=300))
    assert pipeline.fit(X[:1200] / 16, y[:1200]).score(X[1200:] / 16, y[1200:]) > 0.8  # a tenth by chance
    X, y = load_iris(return_X_y=True)
    assert RBMClassifier(random_state=0).fit(X, y).score(X, y) > 0.9  # a third by chance


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_features_come_as_a_frame_where_that_is_asked_for(library):
    pytest.importorskip(library)
    found = RBMFeatures(**QUICK).set_output(transform=library).fit(BITS).transform(BITS)
    assert type(found).__module__.startswith(library)
    assert list(found.columns) == [f"rbmfeatures{i}" for i in range(6)]
