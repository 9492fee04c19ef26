"""What every command on a run begins with: the run itself, and the words that its options share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from ..errors import InputError
from . import console

if TYPE_CHECKING:
    from ..data import Dataset
    from ..fitting import Run

At = Annotated[Path, Parameter(help="Directory that `harmonium train` wrote, or a model file.")]
Rows = Annotated[str | None, Parameter(help="File of rows; a split of the run's own data unless given.")]
Positive = Annotated[int, Parameter(validator=Number(gte=1))]
Several = Annotated[int, Parameter(validator=Number(gte=2))]
Split = Literal["train", "valid", "test"]


def opened(path: Path) -> "Run":
    """Return the run; that there is none is told before torch is brought in."""
    if path.is_dir():
        from ..fitting.home import Home

        Home.open(path)
    elif not path.exists():
        raise InputError(f"{path} does not exist; give a directory that `harmonium train` wrote, or a model file")
    from ..fitting import Run

    return Run.open(path)


def rows_of(run: "Run", data: str | None) -> "Dataset | None":
    """Return the rows of a file, and say what was inferred when it was read; nothing without a file."""
    if data is None:
        return None
    rows = run.encoder.read(data)
    console.tell(rows.notes)
    return rows
