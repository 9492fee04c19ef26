"""The report of a run: one HTML page that a reader understands without having seen the project."""

from .page import Page, Section, render, write
from .run import write_report

__all__ = ["Page", "Section", "render", "write", "write_report"]
