"""The IDX format, read exactly or refused in one line."""

import gzip
import struct

import numpy as np
import pytest

from harmonium.data import read_idx
from harmonium.errors import InputError

CODES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def idx(array, code=0x08):
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, code, array.ndim]) + shape + array.astype(CODES[code]).tobytes()


def refused(path):
    with pytest.raises(InputError) as caught:
        read_idx(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("packed", [False, True])
def test_every_type_comes_back(tmp_path, code, packed):
    array = np.random.default_rng(0).integers(0, 100, (5, 3, 4))
    path = tmp_path / ("x-idx3-ubyte" + ".gz" * packed)
    path.write_bytes(gzip.compress(idx(array, code)) if packed else idx(array, code))
    found = read_idx(path)
    assert found.dtype == np.dtype(CODES[code]).newbyteorder("=")
    assert found.flags.writeable
    np.testing.assert_array_equal(found, array)


def test_a_short_file_says_how_short(tmp_path):
    path = tmp_path / "x-idx3-ubyte"
    path.write_bytes(idx(np.zeros((5, 3, 4)))[:-7])
    assert "ends after 53 of 60 bytes of values: download it again" in refused(path)


def test_a_long_file_is_refused(tmp_path):
    path = tmp_path / "x-idx1-ubyte"
    path.write_bytes(idx(np.zeros(5)) + b"\0")
    assert "goes on after the 5 bytes" in refused(path)


def test_a_huge_promise_costs_no_memory(tmp_path):
    path = tmp_path / "x-idx3-ubyte"
    path.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", *[2**32 - 1] * 3) + b"\1" * 100)
    assert f"ends after 100 of {(2**32 - 1) ** 3} bytes" in refused(path)


@pytest.mark.parametrize("content", [b"", b"\0\0", b"PK\3\4 no", b"\0\0\x07\1\0\0\0\1x", b"\0\0\x08\3\0\0"])
def test_a_bad_header_is_refused(tmp_path, content):
    path = tmp_path / "x-idx3-ubyte"
    path.write_bytes(content)
    assert "download it again" in refused(path)


@pytest.mark.parametrize("cut", [3, 12, 40, -1])
def test_a_truncated_gzip_is_refused(tmp_path, cut):
    path = tmp_path / "x-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx(np.random.default_rng(0).integers(0, 255, (9, 3, 4))))[:cut])
    assert "again" in refused(path)


def test_a_wrong_checksum_is_refused(tmp_path):
    path = tmp_path / "x-idx1-ubyte.gz"
    packed = bytearray(gzip.compress(idx(np.arange(50))))
    packed[-6] ^= 1
    path.write_bytes(packed)
    assert "CRC" in refused(path)


def test_a_file_that_is_not_gzip_is_refused(tmp_path):
    path = tmp_path / "x-idx1-ubyte.gz"
    path.write_bytes(idx(np.arange(50)))
    assert "gzip" in refused(path).lower()


def test_a_missing_file_is_refused(tmp_path):
    assert "No such file" in refused(tmp_path / "nothing")
