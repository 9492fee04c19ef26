"""Print what the cases found, a table each."""

import pytest
from rich.console import Console
from rich.table import Table


def pytest_configure(config: pytest.Config) -> None:
    config.tables = []


def pytest_terminal_summary(config: pytest.Config) -> None:
    console = Console(width=110)
    for name, found in config.tables:
        table = Table(title=name, title_justify="left")
        for column in ("work", "ms an update", "MB added", *(f"per {one.name}" for one in found[:4])):
            table.add_column(column, justify="left" if column == "work" else "right")
        for one in found:
            ratios = [f"{one.seconds / other.seconds:.2f}" for other in found[:4]]
            table.add_row(one.name, f"{1000 * one.seconds:.3f}", f"{one.memory:.0f}", *ratios)
        console.print(table)
