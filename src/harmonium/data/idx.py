"""The IDX format of MNIST, and how every reader here meets a stream that may be damaged."""

import gzip
import lzma
import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn, cast

import numpy as np

from harmonium.errors import InputError

CODES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
FREE, RATIO = 2**26, 100  # bytes that any file may unpack to, and how many times its size beyond
DAMAGE = (
    ValueError,
    OSError,
    EOFError,
    TypeError,
    LookupError,
    SyntaxError,
    RuntimeError,
    MemoryError,
    OverflowError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tokenize.TokenError,
)


def read_idx(path: str | Path) -> np.ndarray:
    """Return the array of an IDX file, plain or gzipped, in native byte order.

    Four bytes of magic (0, 0, type, dimensions), one big-endian 32-bit size a dimension, then the values.
    Raises ``InputError`` unless the file is exactly as long as it says. Format:
    http://yann.lecun.com/exdb/mnist/
    """
    where = str(path)
    with telling(where, "an IDX file"), opened(Path(path)) as stream:
        magic = stream.read(4)
        if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in CODES:
            raise InputError(
                f"{where} begins with bytes {magic.hex(' ') or 'none'} where an IDX file begins 00 00 08: "
                "download it again"
            )
        sizes = stream.read(4 * magic[3])
        if len(sizes) < 4 * magic[3]:
            raise InputError(
                f"{where} ends after {4 + len(sizes)} of {4 + 4 * magic[3]} bytes of header: download it again"
            )
        shape, dtype = struct.unpack(f">{magic[3]}I", sizes), np.dtype(CODES[magic[2]])
        values = drain(stream, math.prod(shape) * dtype.itemsize, where)
        array: np.ndarray = np.ndarray(shape, dtype, buffer=values)
        return array.astype(dtype.newbyteorder("="), copy=False)


def drain(stream: IO[bytes], size: int, where: str) -> bytearray:
    """Read the rest of a stream, which must be ``size`` bytes; memory grows only with what is there."""
    if isinstance(stream, Unpacked) and size > stream.left:
        refuse_bomb(where)
    held = bytearray()
    while len(held) <= size and (chunk := stream.read(min(1 << 20, size + 1 - len(held)))):
        held += chunk
    refuse_length(len(held), size, where)
    return held


def refuse_length(found: int, size: int, where: str) -> None:
    """Raise `InputError` unless there are as many bytes of values as the header promises."""
    if found < size:
        raise InputError(f"{where} ends after {found} of {size} bytes of values: download it again")
    if found > size:
        raise InputError(
            f"{where} goes on after the {size} bytes of values that its header promises: download it again"
        )


class Unpacked(gzip.GzipFile):
    """A gzip stream that refuses to give more than `room` allows."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.where, self.left = str(path), room(path.stat().st_size)

    def read(self, size: int | None = -1) -> bytes:
        """Return so many bytes, or all."""
        found = super().read(self.left + 1 if size is None or size < 0 else size)
        self.left -= len(found)
        if self.left < 0:
            refuse_bomb(self.where)
        return found


def room(packed: int) -> int:
    """Return how many bytes a file of ``packed`` compressed ones may become."""
    return max(FREE, RATIO * packed)


def refuse_bomb(where: str) -> NoReturn:
    """Raise `InputError` for a file that grows out of all proportion when it is unpacked."""
    raise InputError(
        f"{where} unpacks to more than {RATIO} times its size, and more than {FREE >> 20} MB: unpack it first if you "
        "trust it"
    )


def opened(path: Path) -> IO[bytes]:
    """Open a file for reading, through gzip where its name ends in ``.gz``."""
    return cast(IO[bytes], Unpacked(path) if path.suffix.lower() == ".gz" else path.open("rb"))


@contextmanager
def telling(where: str, what: str) -> Iterator[None]:
    """Turn whatever a damaged file raises into one ``InputError`` of one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except DAMAGE as error:
        reason = brief(error)
        raise InputError(
            f"{where} cannot be read as {what} ({reason}): download or write it again, and check its permissions"
        ) from error


def brief(error: BaseException) -> str:
    """Return an exception's message as one short line."""
    return " ".join(str(error).split())[:160] or type(error).__name__
