"""What the outline of a region tells: its surface cell by cell, and its sums of places row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

ONE = np.uint64(1)
LAST = np.uint64(63)
FACTOR = np.uint64(0x03F79D71B4CB0A89)
"""De Bruijn's sequence: its six leading bits differ for each of 64 shifts (Leiserson, Prokop and Randall, 1998)."""
LEADING = np.uint64(58)
PLACE_OF_BIT = np.zeros(64, dtype=np.int64)
for _place in range(64):
    PLACE_OF_BIT[(int(FACTOR) << _place & 2**64 - 1) >> 58] = _place


@kernel
def lowest_bit(word: np.uint64) -> int:
    """Return the place of the lowest bit that is set; `word` is not 0."""
    place: int = PLACE_OF_BIT[((word & (~word + ONE)) * FACTOR) >> LEADING]
    return place


@kernel
def cell_codes(rows: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Count the cells of eight neighbouring voxels by which of them are in the region, bit 4z + 2y + x for (z, y, x).

    Cells with none or all of them in the region are not counted. `rows` (z, y, words) holds a bit for each voxel,
    x = 0 the lowest of word 0; the outer planes and rows are empty, and so is the last bit of each row.
    """
    depth, height, words = rows.shape
    counts = np.zeros(256, dtype=np.int64)
    for z in range(depth - 1):
        for y in range(height - 1):
            carry_a = carry_b = carry_c = carry_d = np.uint64(0)
            for w in range(words):
                a, b = rows[z, y, w], rows[z, y + 1, w]
                c, d = rows[z + 1, y, w], rows[z + 1, y + 1, w]
                # bit x of `before` is voxel x - 1, so that bit x of both words is a cell
                before_a, before_b = (a << ONE) | carry_a, (b << ONE) | carry_b
                before_c, before_d = (c << ONE) | carry_c, (d << ONE) | carry_d
                carry_a, carry_b, carry_c, carry_d = a >> LAST, b >> LAST, c >> LAST, d >> LAST
                some = a | b | c | d | before_a | before_b | before_c | before_d
                mixed = some & ~(a & b & c & d & before_a & before_b & before_c & before_d)
                while mixed:
                    x = np.uint64(lowest_bit(mixed))
                    mixed &= mixed - ONE
                    code = ((before_a >> x) & ONE) | (((a >> x) & ONE) << np.uint64(1))
                    code |= (((before_b >> x) & ONE) << np.uint64(2)) | (((b >> x) & ONE) << np.uint64(3))
                    code |= (((before_c >> x) & ONE) << np.uint64(4)) | (((c >> x) & ONE) << np.uint64(5))
                    code |= (((before_d >> x) & ONE) << np.uint64(6)) | (((d >> x) & ONE) << np.uint64(7))
                    counts[code] += 1
    return counts


@kernel
def row_sums(rows: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return sums over the region's voxels, and the first and last voxel of each row.

    The sums are exact: how many there are, then of z, y, x, zz, yy, xx, zy, zx, yx. The ends (z, y, 2) are -1 in a
    row that is empty. `rows` as for `cell_codes`; its outer planes and rows do not count as places.
    """
    depth, height, words = rows.shape
    sums = np.zeros(10, dtype=np.int64)
    ends = np.full((depth - 2, height - 2, 2), -1, dtype=np.int32)
    for z in range(depth - 2):
        for y in range(height - 2):
            number = along = square = start = 0
            carry = np.uint64(0)
            inside = False
            for w in range(words):
                word = rows[z + 1, y + 1, w]
                turns = word ^ ((word << ONE) | carry)
                carry = word >> LAST
                while turns:
                    x = 64 * w + lowest_bit(turns)
                    turns &= turns - ONE
                    if inside:
                        number += x - start
                        along += (x * (x - 1) - start * (start - 1)) // 2
                        square += ((x - 1) * x * (2 * x - 1) - (start - 1) * start * (2 * start - 1)) // 6
                        ends[z, y, 1] = x - 1
                    else:
                        start = x
                        if ends[z, y, 0] < 0:
                            ends[z, y, 0] = x
                    inside = not inside
            sums[0] += number
            sums[1] += z * number
            sums[2] += y * number
            sums[3] += along
            sums[4] += z * z * number
            sums[5] += y * y * number
            sums[6] += square
            sums[7] += z * y * number
            sums[8] += z * along
            sums[9] += y * along
    return sums, ends
