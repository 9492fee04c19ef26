"""The HTTP protocol of uvicorn, but for connections that do not get on with their request."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = 10.0  # seconds in which the first request must be there


class Patient(H11Protocol):
    """Close a connection whose first request is not whole in time: many such would keep others out."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self.loop.call_later(PATIENCE, self._give_up)

    def _give_up(self, *given: Any) -> None:
        if self.cycle is None and self in self.connections and not self.transport.is_closing():
            self.transport.close()
