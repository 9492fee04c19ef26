"""What a user calls explains itself: a sentence, shapes, and examples that run."""

import doctest
import inspect
import re

import pytest
import torch

import harmonium
from harmonium import evaluation

HOMES = {"": harmonium, "evaluation.": evaluation}
PUBLIC = {f"{where}{name}": getattr(home, name) for where, home in HOMES.items() for name in home.__all__}
CALLED = {name: thing for name, thing in PUBLIC.items() if callable(thing)}
METHODS = {
    f"{kind.__name__}.{name}": thing
    for kind in (harmonium.Run, harmonium.Trainer)
    for name, thing in inspect.getmembers(kind, lambda thing: inspect.isroutine(thing) or isinstance(thing, property))
    if not name.startswith("_")
}
SHAPE = re.compile(r"\((?:\.\.\.|[a-z]\w*|\d+)?(?:, ?[^()]*)?\)")  # (rows, visible), (..., width), ()


def examples(name, thing):
    return [test for test in doctest.DocTestFinder(recurse=False).find(thing, name) if test.examples]


SHOWN = """
    fit Trainer Run load save RBM BoltzmannMachine DBM DBN Bernoulli Spin Binomial Potts Gaussian ReLU Concat CD PCD
    NaiveMCMC ExactSampler ParallelTempering TrajectoryTempering sample impute denoise gibbs_sample train schedule
    contrastive_loss CenterGradient ClipGradNorm L1 SparsityPenalty HybridLoss evaluation.ais evaluation.log_partition
    evaluation.log_likelihood evaluation.pseudo_likelihood evaluation.mixing evaluation.lower_bound
    evaluation.certificate
""".split()
EXAMPLES = [test for name, thing in {**CALLED, **METHODS}.items() for test in examples(name, thing)]


@pytest.mark.parametrize("test", EXAMPLES, ids=lambda test: test.name)
def test_an_example_runs_and_gives_what_it_says(test, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = torch.get_rng_state()
    told = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    failed = runner.run(test, out=told.append, clear_globs=False).failed
    torch.set_rng_state(before)
    assert not failed, "".join(told)


@pytest.mark.parametrize("name", {**CALLED, **METHODS})
def test_a_docstring_begins_with_one_sentence(name):
    told = inspect.getdoc({**CALLED, **METHODS}[name])
    assert told, name
    first = told.split("\n\n")[0]
    assert first[0].isupper() or first[0] == "`", first
    assert first.rstrip().endswith((".", ":")), first


def takes_tensors(thing):
    try:
        signature = inspect.signature(thing)
    except ValueError:
        return False
    annotations = [str(p.annotation) for p in signature.parameters.values()]
    return any(re.search(r"\bTensor\b", text) for text in annotations)


@pytest.mark.parametrize("name", [name for name, thing in CALLED.items() if takes_tensors(thing)])
def test_what_takes_tensors_names_their_shapes(name):
    told = inspect.getdoc(CALLED[name])
    assert SHAPE.search(told), told


@pytest.mark.parametrize("name", SHOWN)
def test_what_a_user_calls_has_an_example(name):
    assert name in {test.name for test in EXAMPLES}
