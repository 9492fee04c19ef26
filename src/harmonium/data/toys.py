"""Small sets whose best possible log-likelihood is known exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harmonium.errors import InputError

if TYPE_CHECKING:
    import torch


def bars_and_stripes(n: int, *, duplicates: bool = False) -> torch.Tensor:
    """Return every n × n picture made of whole rows or of whole columns, float32 of shape (count, n²).

    Each of the 2ⁿ choices of rows, then each of the 2ⁿ choices of columns. The empty and the full picture
    arise both ways: with ``duplicates`` they stay, count 2·2ⁿ (the custom of Fischer and Igel, 2010);
    without, count 2·2ⁿ − 2.
    """
    import torch

    if not 1 <= n <= 16:
        raise InputError(f"bars and stripes of side {n} were asked for where 1 to 16 was expected: pass a smaller side")
    choices = (torch.arange(2**n).unsqueeze(1) >> torch.arange(n)) & 1
    bars = choices.unsqueeze(2).expand(-1, n, n).reshape(-1, n * n)
    stripes = choices.unsqueeze(1).expand(-1, n, n).reshape(-1, n * n)
    return torch.cat([bars, stripes if duplicates else stripes[1:-1]]).to(torch.float32)
