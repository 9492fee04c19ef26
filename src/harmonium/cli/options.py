"""What several commands ask of their options."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from ..errors import InputError

Positive = Annotated[int, Parameter(validator=Number(gte=1))]


def refuse_ending(out: Path) -> None:
    """Raise `InputError` unless rows or chains can be written to a file of this name."""
    if out.suffix.lower() not in (".png", ".gif", ".npy"):
        raise InputError(f"--out {out} ends in {out.suffix!r} where .png, .gif or .npy was expected")
