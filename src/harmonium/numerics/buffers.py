"""Modules that remember."""

from typing import Any

import torch
from torch import nn


class Remembering(nn.Module):
    """A module whose buffers take the shape and type of the state that is loaded, and stay on their device."""

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        for name, held in list(self._buffers.items()):
            if held is not None and prefix + name in state_dict:
                self._buffers[name] = torch.empty_like(state_dict[prefix + name], device=held.device)
        super()._load_from_state_dict(state_dict, prefix, *rest)
