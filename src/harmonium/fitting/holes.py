"""Rows with empty cells in training: drawn anew at every visit by the model as it is, and kept from visit to visit."""

import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from ..data import Dataset
from ..encoding import Encoder
from ..machines import Machine
from ..numerics import distributed


class Holes:
    """The last draws of what training rows lack: persistent chains of the positive phase (Tieleman, 2008).

    ``states`` (rows with holes, width) are those rows as they were last completed, and ``place`` (rows,) says which of
    them each training row is, −1 for a row without holes.
    """

    def __init__(self, encoder: Encoder, rows: Dataset, generator: Generator, device: torch.device):
        holed = torch.from_numpy(encoder.holed(rows))
        self.place = torch.where(holed, holed.cumsum(0) - 1, -1)
        self.states = encoder.rows(rows.select(holed.nonzero().flatten().numpy()), whole=True, generator=generator)
        self.states = self.states.to(device)

    def known(self, v: Tensor, order: Tensor) -> Tensor:
        """Return the rows ``v``, (rows, columns), that ``order`` numbers, with their holes as they were last drawn."""
        width, place = self.states.shape[-1], self.place[order.cpu()].to(v.device)
        last = pad(self.states[place], (0, v.shape[-1] - width))
        return torch.where(v.isnan(), last, v)

    @torch.no_grad()
    def draw(self, machine: Machine, v: Tensor, order: Tensor, *, generator: Generator) -> Tensor:
        """Return the rows ``v`` with their holes drawn by a Gibbs step of the machine in which the rest is clamped.

        The machine sees the first columns of a row, or all; what was drawn is remembered.
        """
        width, seen = self.states.shape[-1], min(v.shape[-1], machine.visible.width)
        whole = self.known(v, order)
        x = machine.infer(whole[:, :seen], generator=generator)
        clamped = pad(~v[:, :seen].isnan(), (0, x.shape[-1] - seen))
        drawn = machine.gibbs(x, clamped, generator=generator)[:, :width]
        whole = torch.cat([drawn, whole[:, width:]], -1)
        self._remember(distributed.whole(self.place[order.cpu()].to(v.device)), distributed.whole(drawn))
        return whole

    def _remember(self, place: Tensor, drawn: Tensor) -> None:
        """Keep the draws of rows with holes; of a row that a batch holds twice the first one."""
        place, drawn = place[place >= 0], drawn[place >= 0]
        last = torch.full((len(self.states),), len(place), device=place.device)
        first = last.scatter_reduce(0, place, torch.arange(len(place), device=place.device), "amin")
        self.states[place] = drawn[first[place]]
