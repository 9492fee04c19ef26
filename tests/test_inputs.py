"""Bad and odd input at every door that takes rows: the right answer, or one line that says what and why."""

import itertools
import math
import time

import numpy as np
import pytest
import scipy.sparse
import torch

from harmonium import (
    CD,
    DBM,
    DBN,
    PCD,
    RBM,
    Bernoulli,
    Binomial,
    BoltzmannMachine,
    Concat,
    Gaussian,
    InputError,
    NaiveMCMC,
    ParallelTempering,
    Potts,
    ReLU,
    Spin,
    data,
    evaluation,
    schedule,
    train,
)
from harmonium.sampling import impute
from harmonium.training import updown
from laws import rng
from marks import slow_but

ROWS = torch.bernoulli(torch.full((12, 6), 0.4), generator=rng())


def changed(value, at=(3, 2)):
    v = ROWS.clone()
    v[at] = value
    return v


class Frame:
    """What a table of columns offers."""

    def __init__(self, rows):
        self.rows = rows

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.rows, dtype)


ODD = {  # what is taken, and must give what plain floats give
    "columns first": (lambda: ROWS.T.contiguous().T, ROWS),
    "every other row": (lambda: ROWS.repeat_interleave(2, 0)[::2], ROWS),
    "part of a wider tensor": (lambda: torch.cat([ROWS, ROWS], 1)[:, :6], ROWS),
    "one row expanded": (lambda: ROWS[:1].expand(5, 6), ROWS[:1].repeat(5, 1)),
    "one row": (lambda: ROWS[:1].clone(), ROWS[:1]),
    "gradients asked for": (lambda: ROWS.clone().requires_grad_(), ROWS),
    "a parameter": (lambda: torch.nn.Parameter(ROWS.clone()), ROWS),
    "numpy's memory": (lambda: torch.from_numpy(ROWS.numpy().copy()), ROWS),
    "all zeros": (lambda: torch.zeros(12, 6), torch.zeros(12, 6)),
    "all ones": (lambda: torch.ones(12, 6), torch.ones(12, 6)),
    "a constant column": (lambda: changed(1.0, (slice(None), 0)), changed(1.0, (slice(None), 0))),
    "minus zero": (lambda: torch.where(ROWS == 0, -0.0, ROWS), ROWS),
    "probabilities": (lambda: 0.25 + ROWS / 2, 0.25 + ROWS / 2),
    "a list": (lambda: ROWS.tolist(), ROWS),
    "an array": (lambda: ROWS.numpy(), ROWS),
    "an array of doubles": (lambda: ROWS.double().numpy(), ROWS),
    "an array of truth values": (lambda: ROWS.bool().numpy(), ROWS),
    "an array of the other byte order": (lambda: ROWS.numpy().astype(">f4"), ROWS),
    "an array turned around": (lambda: ROWS.numpy()[::-1][::-1], ROWS),
    "an array that may not be written to": (
        lambda: np.frombuffer(ROWS.numpy().tobytes(), np.float32).reshape(12, 6),
        ROWS,
    ),
    "a frame": (lambda: Frame(ROWS.numpy()), ROWS),
    "whole numbers": (lambda: ROWS.long(), ROWS),
    "short numbers": (lambda: ROWS.short(), ROWS),
    "truth values": (lambda: ROWS.bool(), ROWS),
    "less than the least float": (lambda: changed(1e-42), changed(0.0)),
}


REFUSED = {  # what is not taken, and what the line must say
    "a masked array": (lambda: np.ma.masked_equal(ROWS.numpy(), 1), "is a MaskedArray"),
    "a sparse matrix": (lambda: scipy.sparse.csr_matrix(ROWS.numpy()), "is a csr_matrix"),
    "a generator": (lambda: (row for row in ROWS), "is a generator"),
    "a map": (lambda: {"v": ROWS}, "is a dict"),
    "a word": (lambda: "digits", "is a str"),
    "a number": (lambda: 3.0, "rows of numbers"),
    "a data set": (lambda: data.load("digits", "train"), "is a Dataset"),
    "bytes of 0 to 255": (lambda: (255 * ROWS).byte(), "from 0 to 255"),
    "half precision": (lambda: ROWS.half(), "torch.float16"),
    "bfloat16": (lambda: ROWS.bfloat16(), "torch.bfloat16"),
    "double precision": (lambda: ROWS.double(), "torch.float64"),
    "complex numbers": (lambda: ROWS.to(torch.complex64), "torch.complex64"),
    "coordinates": (lambda: ROWS.to_sparse(), "to_dense"),
    "another device": (lambda: ROWS.to("meta"), "on meta"),
    "a NaN": (lambda: changed(math.nan), "at [3, 2]"),
    "two NaN": (lambda: changed(math.nan, (slice(3, 5), 2)), "2 NaN"),
    "infinity": (lambda: changed(math.inf), "at [3, 2]"),
    "minus infinity": (lambda: changed(-math.inf), "at [3, 2]"),
    "spins": (lambda: 2 * ROWS - 1, "from -1 to 1 where Bernoulli units take 0 or 1"),
    "0 to 255": (lambda: 255 * ROWS, "from 0 to 255"),
    "a little too much": (lambda: changed(1.0001), "Bernoulli"),
    "a little too little": (lambda: changed(-1e-6), "Bernoulli"),
    "the largest float": (lambda: changed(3e38), "Bernoulli"),
    "a column too many": (lambda: torch.cat([ROWS, ROWS[:, :1]], 1), "(12, 7)"),
    "a column too few": (lambda: ROWS[:, :5], "(12, 5)"),
    "columns for rows": (lambda: ROWS.T, "(6, 12)"),
    "one row of one axis": (lambda: ROWS[0], "(6,)"),
    "a single value": (lambda: torch.tensor(1.0), "()"),
    "pictures": (lambda: ROWS.view(12, 2, 3), "(12, 2, 3)"),
    "no rows": (lambda: ROWS[:0], "(0, 6)"),
    "no columns": (lambda: ROWS[:, :0], "(12, 0)"),
}

KINDS = {  # rows that a kind of unit does not take
    "zeros for spins": (lambda: Spin(6), lambda: ROWS, "Spin units take -1 or +1"),
    "gray for spins": (lambda: Spin(6), lambda: 2 * ROWS - 0.9, "Spin units take -1 or +1"),
    "a third of a count": (lambda: Binomial(6, 3), lambda: changed(1 / 3), "whole numbers 0 to 3"),
    "four of three": (lambda: Binomial(6, 3), lambda: changed(4.0), "whole numbers 0 to 3"),
    "a count below zero": (lambda: Binomial(6, 3), lambda: changed(-1.0), "whole numbers 0 to 3"),
    "two colors at once": (lambda: Potts(2, 3), lambda: torch.ones(12, 6), "one-hot"),
    "no color": (lambda: Potts(2, 3), lambda: torch.zeros(12, 6), "one-hot"),
    "half a color": (lambda: Potts(2, 3), lambda: torch.tensor([[0.5, 0.5, 0, 1, 0, 0]]), "one-hot"),
    "below zero for ReLU": (lambda: ReLU(6), lambda: changed(-0.5), "numbers of 0 or more"),
    "NaN for Gaussian": (lambda: Gaussian(6), lambda: changed(math.nan), "at [3, 2]"),
    "infinity for Gaussian": (lambda: Gaussian(6), lambda: changed(math.inf), "at [3, 2]"),
    "spins in a joined row": (lambda: Concat(Gaussian(3), Bernoulli(3)), lambda: 2 * ROWS - 1, "Bernoulli"),
    "a label that is none": (lambda: Concat(Bernoulli(3), Potts(1, 3)), lambda: torch.ones(12, 6), "one-hot"),
    "a label of two columns": (lambda: Concat(Bernoulli(3), Potts(1, 3)), lambda: ROWS[:, :5], "(12, 5)"),
}  # fmt: skip


def small(visible=None):
    return RBM(Bernoulli(6) if visible is None else visible, Bernoulli(3), generator=rng(1))


def learned(m, v):
    """Train for two updates; return the weights."""
    optimizer = torch.optim.SGD(m.parameters(), lr=0.1)
    list(itertools.islice(train(m, iter([v, v]), CD(), optimizer, generator=rng(2)), 2))
    return m.weight.detach()


DOORS = {
    "match": lambda m, v: m.init_from_data(v).visible.bias.detach(),
    "train": learned,
    "log_likelihood": lambda m, v: answer(evaluation.log_likelihood(m, v, evaluation.log_partition(m)).value),
    "pseudo_likelihood": lambda m, v: answer(evaluation.pseudo_likelihood(m, v)),
    "ais": lambda m, v: answer(evaluation.ais(m, v, chains=10, n_betas=10, burn=5, generator=rng(3)).value),
    "impute": lambda m, v: impute(m, v, torch.arange(6) < 3, chains=2, gibbs_steps=4, generator=rng(4)),
}


def answer(value):
    return torch.tensor(value)


@pytest.mark.parametrize("door", slow_but(DOORS, DOORS.keys() - {"ais"}))
@pytest.mark.parametrize("case", ODD)
def test_odd_rows_give_what_plain_rows_give(case, door):
    odd, plain = ODD[case]
    found = DOORS[door](small(), odd())
    assert torch.allclose(found, DOORS[door](small(), plain), atol=1e-6)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_row_is_told_in_one_line(case, door):
    make, says = REFUSED[case]
    m, given = small(), make()
    before = [p.detach().clone() for p in m.parameters()]
    told(lambda: DOORS[door](m, given), says, door)
    assert all(torch.equal(p, q) for p, q in zip(m.parameters(), before, strict=True))


@pytest.mark.parametrize("door", ["match", "train", "log_likelihood"])
@pytest.mark.parametrize("case", KINDS)
def test_values_that_a_kind_does_not_take_are_told(case, door):
    units, make, says = KINDS[case]
    told(lambda: DOORS[door](small(units()), make()), says, door)


@pytest.mark.parametrize("model", ["dbm", "dbn", "general"])
@pytest.mark.parametrize("case", ["a NaN", "spins", "a column too many", "no rows", "a word", "double precision"])
def test_every_model_has_the_door(case, model):
    make, says = REFUSED[case]
    with_labels = RBM(Concat(Bernoulli(4), Potts(1, 3)), Bernoulli(3))
    models = {
        "dbm": lambda: DBM(Bernoulli(6), Bernoulli(3), Bernoulli(2)),
        "dbn": lambda: DBN.stack([RBM(Bernoulli(6), Bernoulli(4)), with_labels]),
        "general": lambda: BoltzmannMachine(Bernoulli(6), Bernoulli(2)),
    }
    told(lambda: evaluation.log_evidence(models[model](), make()), says, "")


@pytest.mark.parametrize("method", ["forward", "reconstruct", "hidden_means"])
@pytest.mark.parametrize("case", ["0 to 255", "a NaN", "infinity", "a column too many", "a word", "double precision"])
def test_what_a_user_asks_of_a_machine_looks_at_every_value(case, method):
    make, says = REFUSED[case]
    told(lambda: getattr(small(), method)(make()), says, method)
    given = torch.from_numpy(ROWS.numpy())
    found, plain = (getattr(small(), method)(x) for x in (ROWS.numpy(), given))
    for a, b in zip(found, plain, strict=True):
        assert torch.equal(a, b)


def test_a_network_is_tuned_on_rows_with_their_labels():
    network = DBN.stack([RBM(Bernoulli(6), Bernoulli(4)), RBM(Concat(Bernoulli(4), Potts(1, 3)), Bernoulli(3))])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    told(lambda: next(updown(network, iter([ROWS]), optimizer)), "(rows, 9)", "batch")
    marks = torch.eye(3).repeat(4, 1)
    next(updown(network, iter([torch.cat([ROWS, marks], 1)]), optimizer, generator=rng()))


def told(call, says, door):
    began = time.perf_counter()
    with pytest.raises(InputError) as caught:
        call()
    line = str(caught.value)
    assert time.perf_counter() - began < 5  # far above the second that it may take: this machine may be busy
    assert says in line
    assert "\n" not in line
    assert line.startswith(("v is", "v holds", "v has", "x is", "x holds", "x has", "data ", "the batch "))
    assert (door == "train") == line.startswith("the batch") or door in ("", "batch")


ARRAYS = {  # arrays on their way into a data set: the right rows, or what the line must say
    "a mask": (lambda a: np.ma.masked_equal(a, 1), "mask"),
    "words": (lambda a: a.astype(str), "numbers were expected"),
    "objects": (lambda a: a.astype(object), "numbers were expected"),
    "dates": (lambda a: a.astype("datetime64[s]"), "numbers were expected"),
    "complex": (lambda a: a.astype(complex), "numbers were expected"),
    "fields": (lambda a: np.zeros(5, [("a", float)]), "numbers were expected"),
    "one axis": (lambda a: a[0], "shape"),
    "four axes": (lambda a: a.reshape(2, 3, 2, 6), "shape"),
    "no rows": (lambda a: a[:0], "empty"),
    "no columns": (lambda a: a[:, :0], "empty"),
    "0 to 255": (lambda a: (255 * a).astype(np.uint8), "--levels 255"),
    "0 to 16": (lambda a: 16 * a, "--levels 16"),
    "NaN": (lambda a: np.where(a == 1, np.nan, a), "NaN"),
    "infinite": (lambda a: np.where(a == 1, np.inf, a), "infinite"),
    "beyond float32": (lambda a: 1e300 * a - 1, "too large"),
    "booleans": (lambda a: a.astype(bool), None),
    "bytes": (lambda a: a.astype(np.uint8), None),
    "int64": (lambda a: a.astype(np.int64), None),
    "int8": (lambda a: a.astype(np.int8), None),
    "half": (lambda a: a.astype(np.float16), None),
    "long double": (lambda a: a.astype(np.longdouble), None),
    "big-endian": (lambda a: a.astype(">f4"), None),
    "Fortran order": (np.asfortranarray, None),
    "negative strides": (lambda a: a[::-1, ::-1][::-1, ::-1], None),
    "read-only": (lambda a: read_only(a), None),
    "broadcast": (lambda a: np.broadcast_to(a[:1], (12, 6)), "first row"),
    "a view": (lambda a: a[:], None),
}


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays_become_rows_or_are_told(case):
    make, says = ARRAYS[case]
    plain = ROWS.numpy().astype(np.float64)
    if says in (None, "first row"):
        rows, levels = data.interpret(make(plain), "the table")
        assert levels == 1
        assert np.array_equal(np.asarray(rows, float), plain if says is None else plain[:1].repeat(12, 0))
        return
    with pytest.raises(InputError, match="the table") as caught:
        data.interpret(make(plain), "the table")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


SETTINGS = {
    "no units": lambda: Bernoulli(0),
    "units below zero": lambda: Gaussian(-3),
    "no trials": lambda: Binomial(3, 0),
    "one color": lambda: Potts(2, 1),
    "nothing joined": lambda: Concat(),
    "no Gibbs steps": lambda: CD(0),
    "Gibbs steps below zero": lambda: PCD(ROWS, -1),
    "no fresh Gibbs steps": lambda: NaiveMCMC(10, 0),
    "one replica": lambda: ParallelTempering(small(), torch.tensor([1.0])),
    "replicas that fall": lambda: ParallelTempering(small(), torch.tensor([1.0, 0.0])),
    "a batch of none": lambda: data.batches(ROWS, 0),
    "an unknown schedule": lambda: schedule(torch.optim.SGD(small().parameters(), lr=0.1), "liner", 10),
    "an unknown way": lambda: data.load("digits", "train").binarized("treshold"),
    "an unknown split": lambda: data.load("digits", "trian"),
    "an unknown set": lambda: data.load("digts"),
}  # fmt: skip


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_out_of_range_are_told_in_one_line(case):
    with pytest.raises(ValueError, match=r"give|pass|expected|did you mean") as caught:
        SETTINGS[case]()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("door", ["scores", "mean", "free energy"])
@pytest.mark.parametrize(("kind", "limit"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_answers_do_not_depend_on_the_rows_beside(door, kind, limit):
    """One row at a time gives what a thousand at once give."""
    m = RBM(Concat(Bernoulli(20), Potts(1, 3)), Bernoulli(15), generator=rng(1)).to(kind).requires_grad_(False)
    m.weight.normal_(0, 0.5, generator=rng(2))
    v = torch.bernoulli(torch.full((1000, 20), 0.5), generator=rng(3)).to(kind)
    whole = torch.cat([v, torch.eye(3, dtype=kind)[torch.arange(1000) % 3]], 1)
    doors = {
        "scores": lambda rows: evaluation.class_log_probs(m, rows[:, :20]),
        "mean": lambda rows: m.hidden_means(rows)[0],
        "free energy": m.free_energy,
    }
    one_by_one = torch.cat([doors[door](row[None]) for row in whole])
    together = doors[door](whole)
    assert float(((one_by_one - together).abs() / together.abs().clamp_min(1)).max()) < limit
