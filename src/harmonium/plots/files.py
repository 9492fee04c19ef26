"""Pictures as files: PNG, whatever a suffix names, and animations."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .tiles import enlargement

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image


def png(picture: "np.ndarray | Figure", *, zoom: int | None = None) -> bytes:
    """Return the PNG file of a uint8 array or a Figure; arrays are enlarged `zoom` times, nearest neighbor.

    Without `zoom` small arrays grow until the longer side is near 640 pixels.
    """
    held = io.BytesIO()
    _image(picture, zoom).save(held, format="PNG", optimize=True)
    return held.getvalue()


def save_picture(path: str | Path, picture: "np.ndarray | Figure", *, zoom: int | None = None) -> Path:
    """Write a uint8 array or a Figure in the format of the file's suffix, enlarged as by `png`.

    Missing folders are made. A suffix without a format raises InputError.
    """
    from PIL import Image

    path, image = Path(path), _image(picture, zoom)
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in Image.SAVE:
        raise InputError(f"cannot write a picture as {path.name!r}: expected a suffix such as .png or .jpg")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, format=kind)
    return path


def save_gif(
    path: str | Path,
    frames: Sequence[np.ndarray],
    *,
    zoom: int | None = None,
    milliseconds: int = 80,
) -> Path:
    """Write uint8 arrays of one shape as an endless animation, `milliseconds` a frame; zoom as in `png`.

    Equal frames that follow each other are stored as one longer frame.
    """
    path, shapes = Path(path), {np.shape(frame) for frame in frames}
    if path.suffix.lower() != ".gif":
        raise InputError(f"cannot write an animation as {path.name!r}: expected the suffix .gif; rename it")
    if len(shapes) != 1:
        raise InputError(f"frames of shapes {sorted(shapes)}: expected one or more frames of a single shape")
    if milliseconds < 20:
        raise InputError(f"milliseconds = {milliseconds}: expected 20 or more, what viewers can show")
    first, *rest = [_image(frame, zoom) for frame in frames]
    path.parent.mkdir(parents=True, exist_ok=True)
    first.save(path, format="GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0)
    return path


def _image(picture: "np.ndarray | Figure", zoom: int | None) -> "Image":
    from PIL import Image

    if not isinstance(picture, np.ndarray):
        return _drawn(picture, zoom)
    if picture.dtype != np.uint8 or not (picture.ndim == 2 or picture.shape[2:] == (3,)) or not picture.size:
        given = f"{picture.dtype} {picture.shape}"
        raise InputError(f"picture is {given}: expected uint8 (h, w) or (h, w, 3); draw it with grid first")
    height, width = picture.shape[:2]
    zoom = enlargement(height, width) if zoom is None else zoom
    if zoom < 1:
        raise InputError(f"zoom = {zoom}: expected 1 or more; leave it out to enlarge small pictures")
    return Image.fromarray(picture).resize((width * zoom, height * zoom), Image.Resampling.NEAREST)


def _drawn(figure: Any, zoom: int | None) -> "Image":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    if not hasattr(figure, "savefig"):
        raise InputError(f"picture is a {type(figure).__name__}: expected a uint8 array or a Figure")
    if zoom is not None:
        raise InputError(f"zoom = {zoom} for a Figure: only arrays are enlarged; leave zoom out")
    own, canvas = figure.canvas, FigureCanvasAgg(figure)
    canvas.draw()  # once, where savefig draws twice
    figure.set_canvas(own)
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
