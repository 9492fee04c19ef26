"""The command line: one file a command; only ``console`` prints."""

from .app import main

__all__ = ["main"]
