"""Damaged files: whatever the damage, a valid data set or one line of InputError comes out."""

import gzip
import io
import struct
import time
import warnings

import numpy as np
import pytest
from PIL import Image

from harmonium import RBM, Bernoulli, Concat, Potts, Run, data, fit, load, save
from harmonium.errors import InputError

SOON = 1.0  # seconds
PICTURES = np.random.default_rng(1).integers(0, 256, (12, 6, 5)).astype(np.uint8)


def saved(save, *args, **kwargs):
    stream = io.BytesIO()
    save(stream, *args, **kwargs)
    return stream.getvalue()


def picture(form):
    return saved(Image.fromarray(PICTURES[0]).save, form)


IDX = bytes([0, 0, 8, 3]) + struct.pack(">3I", *PICTURES.shape) + PICTURES.tobytes()
TEXT = "\n".join(",".join(f"{x:.3f}" for x in row) for row in PICTURES.reshape(12, -1)[:, :8] / 255).encode()
BITS = "\n".join(",".join(map(str, row)) for row in PICTURES.reshape(12, -1)[:, :8] % 2).encode()
WHOLE = {
    "x-idx3-ubyte": IDX,
    "x-idx3-ubyte.gz": gzip.compress(IDX),
    "x.npy": saved(np.save, PICTURES / 255),
    "x.npy.gz": gzip.compress(saved(np.save, PICTURES)),
    "x.npz": saved(np.savez, x=PICTURES, y=np.arange(12)),
    "packed.npz": saved(np.savez_compressed, x=PICTURES, y=np.arange(12)),
    "x.csv": TEXT,
    "bits.csv": BITS,
    "x.csv.gz": gzip.compress(TEXT),
    "folder/00.png": picture("png"),
    "folder/00.bmp": picture("bmp"),
    "folder/00.gif": picture("gif"),
    "folder/00.jpg": picture("jpeg"),
}


def damaged(content, rng):
    """Flip a few bytes, most often near an end where the headers are, and cut every third file short."""
    held = bytearray(content)
    for _ in range(int(rng.integers(1, 6))):
        near = int(rng.integers(0, min(140, len(held))))
        place = (near, len(held) - 1 - near, int(rng.integers(0, len(held))))[int(rng.integers(3))]
        held[place] = int(rng.integers(0, 256))
    return bytes(held[: int(rng.integers(0, len(held)))] if rng.random() < 1 / 3 else held)


def outcome(read, target):
    """What is read, or the message, soon: any other exception is the failure that this file looks for."""
    since = time.perf_counter()
    try:
        return read(target)
    except InputError as error:
        return str(error)
    finally:
        assert time.perf_counter() - since < SOON


@pytest.mark.parametrize(("tries", "seed"), [(300, 0), pytest.param(800, 1, marks=pytest.mark.whole)], ids=str)
@pytest.mark.parametrize("name", WHOLE)
def test_damage_is_told_in_one_line(tmp_path, name, tries, seed):
    path = tmp_path / name
    target = path.parent if "/" in name else path
    path.parent.mkdir(exist_ok=True)
    for i in range(1, 12 if "/" in name else 0):
        Image.fromarray(PICTURES[i]).save(path.parent / f"{i:02}.bmp")
    path.write_bytes(WHOLE[name])
    assert len(data.load(target)) == 10
    rng = np.random.default_rng(seed)
    refused = 0
    for _ in range(tries):
        path.write_bytes(damaged(WHOLE[name], rng))
        met = outcome(data.load, target)
        if isinstance(met, str):
            refused += 1
            assert "\n" not in met
        else:
            assert met.schema is not None or np.isfinite(met.rows).all()
            assert not met.levels or met.rows.max() <= met.levels
    assert refused > tries / 4


def test_a_reader_s_warning_does_not_reach_the_caller(tmp_path):
    content = WHOLE["x.npy"].replace(b"(12, 6, 5)", b"(12L,6, 5)")
    (tmp_path / "x.npy").write_bytes(content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert data.load(tmp_path / "x.npy").shape == (6, 5)
    assert caught == []


def model(home):
    return save(RBM(Concat(Bernoulli(4), Potts(1, 3)), Bernoulli(3)), home / "model.safetensors")


def settings(home):
    return fit("digits", hidden=12, lr=0.05, steps=40, out=home / "run").path / "config.yaml"


@pytest.mark.parametrize(("tries", "seed"), [(300, 0), pytest.param(800, 1, marks=pytest.mark.whole)], ids=str)
@pytest.mark.parametrize(("make", "read"), [(model, load), (settings, lambda path: Run.open(path.parent))])
def test_damage_of_a_run_is_told_in_one_line(tmp_path, make, read, tries, seed):
    path, rng, refused = make(tmp_path), np.random.default_rng(seed), 0
    whole = path.read_bytes()
    read(path)
    for _ in range(tries):
        path.write_bytes(damaged(whole, rng))
        met = outcome(read, path)
        if isinstance(met, str):
            refused += 1
            assert "\n" not in met
    assert refused > tries / 4
