"""Two rows of bits and the weights between them: Gibbs steps and gradients in a few compiled calls.

Importing this brings in numba.
"""

import math

import numpy as np
import torch
from torch import Tensor

from . import sparse
from .precision import Bits, in_parts
from .vectors import turn

f4 = np.float32
NONE = np.empty(0, f4)


class Pair:
    """Two rows of bits and their weights, (visible, hidden); a label of 0 and 1 may stand behind the visible units.

    It looks at the tensors that it was made with, whatever becomes of them.
    """

    def __init__(self, weight: Tensor, visible: Bits, hidden: Bits):
        self.weight, self.low, self.upper_low = _array(weight), f4(visible.low), f4(hidden.low)
        self.bias, self.upper_bias, self.count = _array(visible.bias), _array(hidden.bias), len(visible.bias)
        self.turned = np.empty(self.weight.shape[::-1], f4)

    def sharp(self, x: Tensor) -> bool:
        """Say whether every state, (rows, width), has one of the two values, and is 0 or 1 behind the units."""
        return bool(sparse.sharp(_array(x), self.low, self.count))

    def up(self, x: Tensor) -> Tensor | None:
        """Return the fields that visible states, (rows, width), send up, unless they are not sharp."""
        return _fields(x, self.low, self.count, self.weight)

    def down(self, y: Tensor) -> Tensor | None:
        """Return the fields that hidden states, (rows, hidden), send down, unless they are not sharp."""
        return _fields(y, self.upper_low, y.shape[1], self._turned())

    def _turned(self) -> np.ndarray:
        turn(self.weight, 0, self.weight.shape[1], self.turned, 0)
        return self.turned

    def gibbs(self, x: Tensor, keys: Tensor) -> Tensor:
        """Return sharp visible states after some Gibbs steps, (rows, width).

        A label takes one step at a time: behind the units of the states stand the fields on it.  The ``keys`` are those
        of the draws of the hidden and of the visible row in turns, two for each step.
        """
        out = np.empty(x.shape, f4)
        rows = self.bias, self.upper_bias, self.low, self.upper_low
        given = _array(x), self.weight, self._turned(), *rows, keys.numpy().view(np.uint64)
        in_parts(lambda first, last: sparse.gibbs(*given, first, last, out), len(x), self.weight.size)
        return torch.from_numpy(out)

    def phases(self, positive: Tensor, negative: Tensor) -> "Phases":
        """Return what the gradient of mean free_energy(positive) − mean free_energy(negative) is made of."""
        return Phases(self, _array(positive), _array(negative))


class Phases:
    """Sharp states of both phases, (rows, width), with the hidden means given them.

    ``biases`` holds the gradients of all biases, visible ones, label and hidden ones side by side, and ``ahead`` the
    means of all units in the positive phase.
    """

    def __init__(self, pair: Pair, positive: np.ndarray, negative: np.ndarray):
        self.pair, self.positive, self.negative = pair, positive, negative
        ahead, rows, (width, units) = len(positive), len(positive) + len(negative), pair.weight.shape
        here, there = f4(-1 / ahead), f4(1 / len(negative))
        self.mean, cgf = np.empty((rows, units), f4), np.empty(rows)
        rest = here, there, pair.weight, pair.count, pair.low, pair.upper_bias, pair.upper_low
        in_parts(
            lambda first, last: sparse.means(positive, negative, *rest, first, last, self.mean, cgf),
            rows,
            pair.weight.size,
        )
        self.ahead, self.biases = np.empty((2, width + units), f4)
        self.cgf = sparse.biases(positive, negative, here, there, self.mean, cgf, self.ahead, self.biases)

    def loss(self, label: np.ndarray = NONE) -> float:
        """Return the difference of mean free energies in nats, given the biases of a label."""
        count, width = self.pair.count, self.pair.weight.shape[0]
        own = self.biases[:count] @ self.pair.bias
        return float(self.cgf + own + (self.biases[count:width] @ label if len(label) else 0))

    def gradient(self, weight: np.ndarray, biases: np.ndarray, offsets: np.ndarray = NONE) -> bool:
        """Write the gradients of the weights and of all biases, and say whether they are finite.

        With ``offsets`` of all units, visible ones first, they are those of the centered machine.
        """
        pair, (width, units) = self.pair, self.pair.weight.shape
        blocks = -(-width // sparse.UNITS)
        lost, total = np.zeros((blocks if len(offsets) else 0, width + units), f4), np.zeros(blocks, f4)
        given = self.positive, self.negative, pair.count, pair.low, self.mean, self.biases, offsets
        each = len(self.mean) * units * sparse.UNITS
        in_parts(lambda first, last: sparse.gradient(*given, first, last, weight, lost, total), blocks, each)
        biases[:] = self.biases - lost.sum(0) if len(offsets) else self.biases
        return math.isfinite(sum(total.tolist()) + self.cgf)


def _fields(x: Tensor, low: np.float32, count: int, table: np.ndarray) -> Tensor | None:
    states, out = _array(x), np.empty((len(x), table.shape[1]), f4)
    if not sparse.sharp(states, low, count):
        return None
    in_parts(lambda first, last: sparse.fields(states, low, count, table, first, last, out), len(x), table.size)
    return torch.from_numpy(out)


def _array(x: Tensor) -> np.ndarray:
    return x.detach().contiguous().numpy()
