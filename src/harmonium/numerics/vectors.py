"""Rows of a table added up in registers, and tables turned, in vectors of LLVM, which make what the processor has."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

f4 = np.float32
WIDE, NARROW = 64, 16  # columns at a time
SIDE = 8  # of the square that is turned at a time
FLOAT, WORD, PLACE = ir.FloatType(), ir.IntType(64), ir.IntType(32)


def _at(builder: Any, base: Any, offset: Any, kind: Any) -> Any:
    """Return a pointer some floats or places, each of four bytes, behind an address."""
    return builder.inttoptr(builder.add(base, builder.shl(offset, WORD(2))), kind.as_pointer())


def _adder(width: int) -> Any:
    """Return what adds up some rows of a table, ``width`` columns of each, one after the other, and stores the sums.

    Its arguments are addresses of the first of the columns, of the numbers of the rows and of the sums, and how far
    rows lie apart and how many they are.
    """
    vector, pieces = ir.VectorType(FLOAT, NARROW), width // NARROW

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        table, apart, places, count, into = args
        sums = [cgutils.alloca_once_value(builder, ir.Constant(vector, [0.0] * NARROW)) for _ in range(pieces)]
        for at in sums:  # again at every call: the values above are set once in a function
            builder.store(ir.Constant(vector, [0.0] * NARROW), at)
        with cgutils.for_range(builder, count) as loop:
            place = builder.zext(builder.load(_at(builder, places, loop.index, PLACE), align=4), WORD)
            row = builder.mul(place, apart)
            for piece, at in enumerate(sums):
                offset = builder.add(row, WORD(piece * NARROW))
                read = builder.load(_at(builder, table, offset, vector), align=4)
                builder.store(builder.fadd(builder.load(at), read), at)
        for piece, at in enumerate(sums):
            builder.store(builder.load(at), _at(builder, into, WORD(piece * NARROW), vector), align=4)
        return context.get_dummy_value()

    def add(typing: Any, table: Any, apart: Any, places: Any, count: Any, into: Any) -> Any:
        return types.void(*[types.intp] * 5), codegen

    return intrinsic(add)


_add_wide, _add_narrow = _adder(WIDE), _adder(NARROW)


@intrinsic  # type: ignore[untyped-decorator]
def _turn(typing: Any, table: Any, apart: Any, into: Any, beyond: Any) -> Any:
    """Write the transposed square at one address to another, given how far rows lie apart at each."""
    vector = ir.VectorType(FLOAT, SIDE)

    def mixed(builder: Any, one: Any, other: Any, mask: list[int]) -> Any:
        return builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(PLACE, SIDE), mask))

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        table, apart, into, beyond = args
        rows = [builder.load(_at(builder, table, builder.mul(apart, WORD(i)), vector), align=4) for i in range(SIDE)]
        for bit in (4, 2, 1):  # exchange one bit of the number of the row with that of the column
            for i in (i for i in range(SIDE) if not i & bit):
                low = [e if not e & bit else SIDE + (e ^ bit) for e in range(SIDE)]
                high = [e | bit if not e & bit else SIDE + e for e in range(SIDE)]
                one, other = rows[i], rows[i | bit]
                rows[i], rows[i | bit] = mixed(builder, one, other, low), mixed(builder, one, other, high)
        for i, row in enumerate(rows):
            builder.store(row, _at(builder, into, builder.mul(beyond, WORD(i)), vector), align=4)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 4), codegen


@njit(cache=True, nogil=True)
def sums(table, places, counts, into):  # type: ignore[no-untyped-def]
    """Write in each row Σ over the first of its ``places``, (rows, places), of these rows of a table, in this order.

    All rows share some columns of the table before the next ones come, which then lie in the cache.
    """
    width = table.shape[1]
    base, out, which, apart = table.ctypes.data, into.ctypes.data, places.ctypes.data, 4 * places.shape[1]
    if width < NARROW:
        for row in range(len(counts)):
            for unit in range(width):
                total = f4(0)
                for k in range(counts[row]):
                    total += table[places[row, k], unit]
                into[row, unit] = total
        return
    for first in range(0, width - WIDE + 1, WIDE):
        for row in range(len(counts)):
            _add_wide(base + 4 * first, width, which + apart * row, counts[row], out + 4 * (width * row + first))
    for begin in range(width // WIDE * WIDE, width, NARROW):
        first = min(begin, width - NARROW)  # the last ones again, where they make no whole vector
        for row in range(len(counts)):
            _add_narrow(base + 4 * first, width, which + apart * row, counts[row], out + 4 * (width * row + first))


@njit(cache=True, nogil=True)
def turn(table, first, last, into, beyond):  # type: ignore[no-untyped-def]
    """Write columns ``first`` … ``last`` − 1 of a table as rows, ``beyond`` so many columns."""
    rows, width, apart = table.shape[0], table.shape[1], into.shape[1]
    whole, squares = rows - rows % SIDE, last - (last - first) % SIDE
    for column in range(first, squares, SIDE):
        for row in range(0, whole, SIDE):
            here, there = 4 * (row * width + column), 4 * ((column - first) * apart + beyond + row)
            _turn(table.ctypes.data + here, width, into.ctypes.data + there, apart)
    for row in range(rows):
        for column in range(first if row >= whole else squares, last):
            into[column - first, beyond + row] = table[row, column]
