"""``harmonium data``."""

from dataclasses import asdict
from pathlib import Path
from typing import Literal

from .. import data as room
from ..errors import InputError
from . import console


def data(
    action: Literal["list", "check"],
    path: str | None = None,
    *,
    levels: int | None = None,
    data_dir: Path | None = None,
    json: bool = False,
) -> None:
    """List the data sets known by name, or say what is in a file, which units fit it, and what is wrong with it.

    Parameters
    ----------
    action
        list or check.
    path
        What to check: a name or a path.
    levels
        The value that means fully on, such as 255; 0 takes the numbers as real.
    data_dir
        Where the data sets lie.
    json
        Print one JSON object and nothing else.
    """
    if action == "list":
        if json:
            console.say_json(dict(room.DATASETS))
        else:
            console.table(["name", "what it is"], [[name, text] for name, text in room.DATASETS.items()])
        return
    if path is None:
        raise InputError("nothing was given to check: say `harmonium data check PATH`")
    findings = room.check(path, data_dir=data_dir, levels=levels)
    if json:
        console.say_json(asdict(findings))
    else:
        _tell(findings)
    if findings.problems:
        raise InputError(findings.problems[0])


def _tell(found: room.DataReport) -> None:
    rows = [
        ["rows", f"{found.rows} of {found.width} values, shape {'×'.join(map(str, found.shape))}"],
        ["values", f"{found.dtype}, {found.minimum:g} to {found.maximum:g}: {found.kind}"],
        ["units that fit", found.units],
        ["binarize", found.binarize],
        ["constant columns", str(found.constant_columns)],
        ["rows of zeros", str(found.zero_rows)],
        ["duplicate rows", str(found.duplicate_rows)],
        ["labels", "none" if found.classes is None else ", ".join(f"{k}: {v}" for k, v in found.classes.items())],
    ]
    console.say(f"{found.name} ({found.source})")
    console.table(["", ""], rows)
    for line in found.notes:
        console.say(f"note: {line}")
    for line in found.problems:
        console.say(f"problem: {line}")
