"""How an answer lies in bytes: the length of the head, the head as JSON, and arrays behind it."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

STEP = 4  # bytes that every part begins at a multiple of
Answer = tuple[dict[str, Any], dict[str, np.ndarray]]
"""The head of an answer, and its arrays by name: uint8 or float32."""


def pack(head: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return one message."""
    told = [{"name": name, "dtype": str(x.dtype), "shape": list(x.shape)} for name, x in arrays.items()]
    text = padded(json.dumps(plain({**head, "arrays": told}), separators=(",", ":")).encode(), b" ")
    return b"".join([len(text).to_bytes(4, "little"), text, *(padded(x.tobytes()) for x in arrays.values())])


def unpack(message: bytes) -> Answer:
    """Return the head and the arrays of a message."""
    at = STEP + int.from_bytes(message[:STEP], "little")
    head, arrays = json.loads(message[STEP:at]), {}
    for told in head.pop("arrays"):
        count = math.prod(told["shape"])
        arrays[told["name"]] = np.frombuffer(message, told["dtype"], count, at).reshape(told["shape"])
        at += -(-arrays[told["name"]].nbytes // STEP) * STEP
    return head, arrays


def padded(part: bytes, by: bytes = b"\0") -> bytes:
    """Return bytes whose number is a multiple of `STEP`."""
    return part + by * (-len(part) % STEP)


def plain(value: Any) -> Any:
    """Return what JSON holds: a number that is not finite becomes null."""
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def bytes_of(x: Any) -> np.ndarray:
    """Return fractions from 0 to 1 as 0 to 255."""
    return np.rint(np.clip(np.asarray(x, np.float32), 0, 1) * 255).astype(np.uint8)


def floats_of(x: Any) -> np.ndarray:
    """Return numbers as float32."""
    return np.ascontiguousarray(np.asarray(x), np.float32)
