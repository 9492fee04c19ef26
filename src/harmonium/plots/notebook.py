"""What a notebook shows of an array that is a picture, and of a chart."""

from functools import cache

import numpy as np

from ..errors import InputError


class Picture(np.ndarray):
    """An array of uint8, (height, width) or (height, width, 3), that a notebook shows as the picture it is."""

    def _repr_png_(self) -> bytes | None:
        from .files import png

        try:
            return png(np.asarray(self))
        except InputError:  # a part of the array that is no picture any more
            return None


@cache
def chart_class() -> type:
    """Return a matplotlib Figure that a notebook shows without being told to; matplotlib is slow to bring in."""
    from matplotlib.figure import Figure

    from .files import png

    return type("Chart", (Figure,), {"_repr_png_": lambda self: png(self)})
