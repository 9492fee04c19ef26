"""The playground: a page on which a machine is drawn on, looked into and trained; and a model on one page by itself.

The page asks and the server answers: docs/playground-protocol.md.  The server is up before torch is there.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .server import Playground

__all__ = ["Playground"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f"{__name__}.server"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
