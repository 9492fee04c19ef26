"""Names from a stranger: wherever one is looked up, nothing outside the place that it belongs to is read or written."""

import itertools
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harmonium import InputError, data, load, recipes
from harmonium.fitting import checkpoints
from harmonium.fitting.home import free_path
from harmonium.storage import FORMAT

SECRET = "secret-of-somebody-else"
ROOTS = [
    "..", "../..", "../../..", "/", "//", "///", "~", "~root", "C:", "C:/", "\\\\host\\share", "file://", "\\\\?\\C:",
    "./..", "..\\..", "%2e%2e", "%2e%2e%2f..", "a/../..", ".", "", "\0", "..\0", "\u2025", "\uff0e\uff0e", "..\u2215..",
]  # fmt: skip
LEAVES = [
    SECRET, f"{SECRET}.npy", f"{SECRET}/", f"etc/{SECRET}", f"{SECRET}.", f"$(touch {SECRET})", f"`touch {SECRET}`",
    f"; touch {SECRET}", f"| tee {SECRET}", f"{SECRET}:stream", "CON", "NUL.npy", "aux.safetensors", "-rf", "*",
    f"\u202e{SECRET}", f"{SECRET}\0.npy", f" {SECRET} ", f"{SECRET}\n", f"{SECRET}\r.npy", "x" * 300,
]  # fmt: skip
NAMES = [f"{root}/{leaf}" for root, leaf in itertools.product(ROOTS, LEAVES)]


class Watch:
    """What was opened, made, moved or deleted while it was on; a hook cannot be taken off again."""

    def __init__(self):
        self.on, self.seen = False, []
        sys.addaudithook(self)

    def __call__(self, event, args):
        if self.on and event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.system"):
            paths = args[:1] if event == "open" else args[:2]  # whose second argument is the mode
            self.seen += [str(x) for x in paths if isinstance(x, str | bytes | os.PathLike)]

    def outside(self, root: Path) -> list[str]:
        """Return what was touched that is neither in ``root`` nor a part of Python and its packages."""
        fine = [str(root.resolve()), sys.prefix, sys.base_prefix, str(Path(recipes.__file__).parents[3])]
        return [x for x in self.seen if not any(os.path.realpath(x.split("\0")[0]).startswith(own) for own in fine)]


WATCH = Watch()


def model_of(name, place):
    from safetensors.torch import save

    facts = {"format": FORMAT, "model": {"kind": name, "visible": {"kind": name, "width": name}, name: name}}
    (place / "m.safetensors").write_bytes(save({name: torch.zeros(2)}, metadata={"harmonium": json.dumps(facts)}))
    load(place / "m.safetensors")


def archive_of(name, place):
    np.savez(place / "x.npz", **{name.replace("\0", "?"): np.zeros((20, 4))})
    data.load(place / "x.npz")


def checkpoint_of(name, place):
    step = place / "run" / checkpoints.FOLDER / "000000001"
    step.mkdir(parents=True, exist_ok=True)
    held = {"format": checkpoints.FORMAT, "version": name, "step": 1, "settings": name, "files": {name: {"bytes": 1}}}
    (step / checkpoints.MANIFEST).write_text(json.dumps(held))
    checkpoints.latest(place / "run")


def directory_of(name, place):
    (place / "runs").mkdir(exist_ok=True)
    assert free_path(name, place / "runs").resolve().parent == (place / "runs").resolve()


DOORS = {
    "recipe": lambda name, place: recipes.recipe(name),
    "model": model_of,
    "archive": archive_of,
    "checkpoint": checkpoint_of,
    "directory of a run": directory_of,
}


def refused(door, name, place):
    try:
        door(name, place)
    except InputError as error:
        return str(error)
    return None


@pytest.mark.parametrize("door", DOORS)
def test_a_name_leads_nowhere(door, tmp_path):
    (tmp_path.parent / SECRET).write_text("1,2\n3,4\n")
    (tmp_path / "here").mkdir()
    for name in NAMES:
        WATCH.seen.clear()
        WATCH.on = True
        said = refused(DOORS[door], name, tmp_path / "here")
        WATCH.on = False
        assert said is None or "\n" not in said, name
        assert WATCH.outside(tmp_path / "here") == [], name
    assert (tmp_path.parent / SECRET).read_text() == "1,2\n3,4\n"
    assert {x.name for x in tmp_path.iterdir()} == {"here"}


def test_the_watch_notices(tmp_path):
    WATCH.seen.clear()
    WATCH.on = True
    (tmp_path.parent / "noticed").write_text("")
    WATCH.on = False
    assert WATCH.outside(tmp_path / "here") == [str(tmp_path.parent / "noticed")]


def test_a_picture_that_leads_out_of_its_folder_is_refused(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(12):
        Image.fromarray(np.full((4, 4), i, np.uint8)).save(folder / f"{i:02}.png")
    Image.fromarray(np.full((4, 4), 99, np.uint8)).save(tmp_path / "private.png")
    (folder / "12.png").symlink_to(folder / "01.png")
    assert len(data.load(folder)) == 11
    (folder / "13.png").symlink_to(tmp_path / "private.png")
    with pytest.raises(InputError, match=r"13.png leads out of .*: put the picture itself there"):
        data.load(folder)
