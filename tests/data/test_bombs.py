"""Small files that would fill the memory are refused before they do."""

import gzip
import io
import json
import os
import resource
import struct
import subprocess
import sys
import zipfile
import zlib
from functools import reduce
from operator import xor

import numpy as np
import pytest

ZEROS = bytes(2**20)
MUCH = 2**30


def deflated(head, size):
    """Return a header and so many zeros, one compressed block of them again and again, and their checksum."""
    squeeze, count = zlib.compressobj(1, wbits=-15), size // len(ZEROS)
    start, block = (squeeze.compress(part) + squeeze.flush(zlib.Z_FULL_FLUSH) for part in (head, ZEROS))
    return start + count * block + squeeze.flush(), checksum(head, count)


NOTHING = zlib.crc32(ZEROS)
BITS = [zlib.crc32(ZEROS, 1 << i) ^ NOTHING for i in range(32)]  # what a bit adds to the checksum of zeros behind it


def checksum(head, count):
    """Return the checksum of a header and so many blocks of zeros, which do not have to be read: it is linear."""
    check = zlib.crc32(head)
    for _ in range(count):
        check = reduce(xor, (bit for i, bit in enumerate(BITS) if check >> i & 1), NOTHING)
    return check


def packed(path, head, size=MUCH):
    """Write a gzip file of a header and so many zeros."""
    body, check = deflated(head, size)
    end = struct.pack("<2I", check, (len(head) + size) % 2**32)
    path.write_bytes(b"\x1f\x8b\x08" + bytes(6) + b"\xff" + body + end)


def header(shape, dtype="|u1"):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def zipped(path, name, head, size=MUCH):
    """Write a zip file of a header and so many zeros under a name."""
    body, check = deflated(head, size)
    told = struct.pack("<5H3I2H", 20, 0, 8, 0, 33, check, len(body), len(head) + size, len(name), 0) + name.encode()
    local = b"PK\3\4" + told + body
    entry = b"PK\1\2" + struct.pack("<H", 20) + told[:26] + bytes(14) + told[26:]
    end = struct.pack("<4H2IH", 0, 0, 1, 1, len(entry), len(local), 0)
    path.write_bytes(local + entry + b"PK\5\6" + end)


def png(path, width, height):
    """Write a picture of zeros that claims a size."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    ihdr = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", ihdr) + chunk(b"IDAT", zlib.compress(ZEROS)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def long_line(path):
    with open(path, "wb") as file:
        file.truncate(MUCH)


def tensors(path):
    """Write a safetensors file of a million names."""
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    text = json.dumps({f"t{i}": empty for i in range(10**6)}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)


IDX = bytes([0, 0, 8, 3]) + struct.pack(">3I", MUCH // 784, 28, 28)
BOMBS = {
    "x.npy.gz": lambda p: packed(p, header((MUCH // 1024, 1024))),
    "wide.npy.gz": lambda p: packed(p, header((1, MUCH))),
    "floats.npy.gz": lambda p: packed(p, header((MUCH // 8, 1), "<f8")),
    "more.npy.gz": lambda p: packed(p, header((10, 10))),
    "endless.npy.gz": lambda p: packed(p, header((10**7, 10**7))),
    "x-idx3-ubyte.gz": lambda p: packed(p, IDX),
    "more-idx3-ubyte.gz": lambda p: packed(p, bytes([0, 0, 8, 3]) + struct.pack(">3I", 12, 28, 28)),
    "most-idx3-ubyte.gz": lambda p: packed(p, bytes([0, 0, 8, 3]) + struct.pack(">3I", *[2**32 - 1] * 3)),
    "x.csv.gz": lambda p: packed(p, b"0,1\n"),
    "line.txt.gz": lambda p: packed(p, b"0 " * 1000),
    "x.npz": lambda p: zipped(p, "x.npy", header((MUCH // 1024, 1024))),
    "wide.npz": lambda p: zipped(p, "x.npy", header((1, MUCH))),
    "train.npz": lambda p: zipped(p, "x_train.npy", header((MUCH // 1024, 1024))),
    "huge.npy": lambda p: p.write_bytes(header((10**7, 10**7))),
    "huge_floats.npy": lambda p: p.write_bytes(header((10**14, 1), "<f8")),
    "huge-idx3-ubyte": lambda p: p.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", *[2**32 - 1] * 3)),
    "line.csv": long_line,
    "pictures/60000.png": lambda p: png(p, 60_000, 60_000),
    "pictures/wide.png": lambda p: png(p, 2**31 - 1, 2),
    "run/config.yaml": long_line,
    "run/model.safetensors": tensors,
}
CHILD = """
import sys, time
from pathlib import Path
from harmonium.errors import InputError
def held(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))
for path in map(Path, sys.argv[1:]):
    if path.suffix == ".safetensors":
        from harmonium import load as door
    elif path.suffix == ".yaml":
        from harmonium.fitting import Run
        door, path = Run.open, path.parent
    else:
        from harmonium.data import load as door
        import PIL.Image
        path = path.parent if path.suffix == ".png" else path
    before, since = held("VmRSS"), time.process_time()
    try:
        door(path)
        print("taken")
    except InputError as error:
        print("\\n" in str(error), time.process_time() - since, held("VmHWM") - before)
"""


def limit():
    resource.setrlimit(resource.RLIMIT_DATA, (2 * 2**30, 2 * 2**30))


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What one process says of every bomb, in turn; its peak so far is what each is told to have reached at most."""
    paths = [tmp_path_factory.mktemp("bomb") / name for name in BOMBS]
    for path, make in zip(paths, BOMBS.values(), strict=True):
        path.parent.mkdir(exist_ok=True)
        make(path)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, paths)], capture_output=True, text=True, preexec_fn=limit
    )
    for path in paths:
        path.unlink()
    return dict(zip(BOMBS, done.stdout.splitlines(), strict=False)), done.stderr


def test_a_bomb_would_open(tmp_path):
    """It is a sound file: what is refused is its size alone."""
    packed(tmp_path / "x.gz", b"head", 2 * len(ZEROS))
    assert gzip.decompress((tmp_path / "x.gz").read_bytes()) == b"head" + 2 * ZEROS
    zipped(tmp_path / "x.zip", "x.npy", b"head", 2 * len(ZEROS))
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.testzip() is None
        assert archive.read("x.npy") == b"head" + 2 * ZEROS


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the system does not tell the peak of memory")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_one_line_and_little_memory(name, told):
    lines, complaint = told
    assert name in lines, complaint[-1000:]
    several, seconds, grown = lines[name].split()
    assert several == "False"
    assert float(seconds) < 5
    assert float(grown) < 300, grown
