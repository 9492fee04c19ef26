"""Rows as tiles: uint8 pictures of states and weights."""

from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from .notebook import Picture

GAP_GRAY, GAP_SIGNED = 96, 205
SIGNED_STOPS = np.array([(33, 102, 172), (146, 197, 222), (255, 255, 255), (244, 165, 130), (178, 24, 43)])


def grid(
    rows: np.ndarray,
    shape: Sequence[int],
    *,
    columns: int | None = None,
    low: float = 0.0,
    high: float = 1.0,
) -> Picture:
    """Draw one gray tile a row: `low` is black, `high` is white, values beyond them take the nearer end.

    rows: (count, width); shape: (height, width) of a picture, or (width,) for plain rows, which are drawn
    as strips under each other. Returns uint8 (pixels down, pixels across), tiles one pixel apart.
    """
    if not low < high:
        raise InputError(f"low = {low} and high = {high}: low must be below high; swap or widen")
    tiles = _tiles(rows, shape)
    gray = np.rint(255 * np.clip((tiles - low) / (high - low), 0, 1)).astype(np.uint8)
    return _mosaic(gray, _columns(tiles, shape, columns), GAP_GRAY)


def signed_grid(
    rows: np.ndarray,
    shape: Sequence[int],
    *,
    columns: int | None = None,
    limit: float | None = None,
) -> Picture:
    """Draw one tile a row on a single scale for all: −limit is blue, zero is white, +limit is red.

    rows and shape: as for `grid`. limit: in the units of the rows; their 99.5 % quantile of |value| if None.
    Returns uint8 (pixels down, pixels across, 3).
    """
    if limit is not None and not (limit > 0 and np.isfinite(limit)):
        raise InputError(f"limit = {limit}: expected a positive number; give one, or None for a quantile")
    tiles = _tiles(rows, shape)
    scaled = np.clip(tiles / (limit or _quantile(tiles)), -1, 1)
    stops = np.linspace(-1, 1, len(SIGNED_STOPS))
    color = np.stack([np.interp(scaled, stops, channel) for channel in SIGNED_STOPS.T], axis=-1)
    return _mosaic(np.rint(color).astype(np.uint8), _columns(tiles, shape, columns), GAP_SIGNED)


def _quantile(tiles: np.ndarray) -> float:
    size = np.abs(tiles)
    return float(np.quantile(size, 0.995)) or float(size.max()) or 1.0


def _tiles(rows: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    rows, shape = np.asarray(rows, dtype=np.float64), tuple(shape)
    if len(shape) not in (1, 2) or min(shape, default=0) < 1:
        raise InputError(f"shape = {shape}: expected (height, width) for pictures or (width,) for plain rows")
    width = int(np.prod(shape))
    if rows.ndim != 2 or not len(rows) or rows.shape[1] != width:
        raise InputError(f"rows of shape {rows.shape}: expected (count, {width}) for {shape}; reshape")
    if not np.isfinite(rows).all():
        raise InputError(f"rows hold {np.sum(~np.isfinite(rows))} non-finite values; drop or fill them")
    if len(shape) == 2:
        return rows.reshape(-1, *shape)
    across = int(np.clip(600 // width, 1, 24))
    down = int(np.clip(across, 4, 12))
    return rows[:, None, :].repeat(down, axis=1).repeat(across, axis=2)


def _columns(tiles: np.ndarray, shape: Sequence[int], columns: int | None) -> int:
    count, height, width = tiles.shape
    if columns is None:
        square = int(np.ceil(np.sqrt(count * height / width)))
        columns = 1 if len(shape) == 1 else count if count <= 10 else square
    if columns < 1:
        raise InputError(f"columns = {columns}: expected 1 or more; leave it out for a square arrangement")
    return min(columns, count)


def _mosaic(tiles: np.ndarray, columns: int, gap: int) -> Picture:
    count, height, width = tiles.shape[:3]
    down = -(-count // columns)
    size = (down * (height + 1) + 1, columns * (width + 1) + 1, *tiles.shape[3:])
    sheet = np.full(size, gap, dtype=np.uint8)
    for index, tile in enumerate(tiles):
        top, left = (index // columns) * (height + 1) + 1, (index % columns) * (width + 1) + 1
        sheet[top : top + height, left : left + width] = tile
    return sheet.view(Picture)


def enlargement(height: int, width: int) -> int:
    """Return how many times a small picture grows, at most 8: until its longer side is near 640 pixels."""
    return int(np.clip(640 // max(height, width), 1, 8))
