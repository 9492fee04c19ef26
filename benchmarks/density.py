"""Wide binary tables by plain `harmonium train`, with their own validation and test files, beside published figures.

`make density` looks for ``binary/NAME/NAME.train.data.gz`` and its fellows in the directory that HARMONIUM_DATA names,
and prints the mean test log-likelihood in nats a row, with its verdict and bracket, for each.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

import harmonium as hm

PUBLISHED = {
    "nltcs": "sum-product networks: LearnSPN −6.11 (Gens & Domingos, 2013), ID-SPN −6.02 (Rooshenas & Lowd, 2014)",
    "dna": "LearnSPN −82.52, ID-SPN −81.21; neural autoregressive, 16 orders −82.31 (Uria et al., 2014)",
    "mushrooms": "neural autoregressive, 16 orders −9.68 (Uria et al., 2014)",
}


MOST = 60  # seconds of annealing, finer and finer, for each


def trained(name: str, out: Path) -> hm.Run:
    """Return the run that the command leaves behind."""
    part = {split: f"{data()}/binary/{name}/{name}.{split}.data.gz" for split in ("train", "valid", "test")}
    words = ["train", part["train"], "--valid", part["valid"], "--test", part["test"]]
    subprocess.run([sys.executable, "-m", "harmonium", *words, "--no-report", "--out", str(out)], check=True)
    return hm.load(out)


def data() -> str:
    """Return where the data sets lie."""
    return os.environ.get("HARMONIUM_DATA", "../shared/data")


def main() -> None:
    """Train on each, and print a table."""
    table = Table(title="test log-likelihood, nats a row", title_justify="left")
    for column in ("data", "harmonium train", "bracket", "independent units", "published"):
        table.add_column(column)
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or PUBLISHED:
            found = trained(name, Path(folder) / name).evaluate(max_time=MOST)
            bracket = f"{found.lower:.2f} to {found.upper:.2f}"
            table.add_row(name, f"{found.amount}, {found.verdict}", bracket, f"{found.baseline:.2f}", PUBLISHED[name])
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
