"""`uniqueString` and `guid`, with Azure's own values.

uniqueString: the arguments joined by "-", a 64-bit hash of the MurmurHash3 family (two 32-bit lanes over
blocks of 8 bytes, seed 0), written as 13 letters of base 32 from its upper bit on. guid: a UUID of version 5
in Azure's own name space.
"""

from __future__ import annotations

import uuid
from typing import Any, Final

from .signature import Function, text

_MASK: Final = 0xFFFFFFFF
_A: Final = 0x239B961B
_B: Final = 0xAB0E9789
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_GUID_SPACE: Final = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & _MASK


def _first(lane: int, block: int) -> int:
    return lane ^ _rotate(block * _A & _MASK, 15) * _B & _MASK


def _second(lane: int, block: int) -> int:
    return lane ^ _rotate(block * _B & _MASK, 17) * _A & _MASK


def _finish(value: int) -> int:
    value ^= value >> 16
    value = value * 0x85EBCA6B & _MASK
    value ^= value >> 13
    value = value * 0xC2B2AE35 & _MASK
    return value ^ value >> 16


def murmur64(data: bytes) -> int:
    """The 64-bit hash under `uniqueString`."""
    one = two = 0
    whole = len(data) - len(data) % 8
    for at in range(0, whole, 8):
        one = _first(one, int.from_bytes(data[at : at + 4], "little"))
        one = (_rotate(one, 19) + two) * 5 + 0x561CCD1B & _MASK
        two = _second(two, int.from_bytes(data[at + 4 : at + 8], "little"))
        two = (_rotate(two, 13) + one) * 5 + 0x0BCAA747 & _MASK
    if whole < len(data):
        one = _first(one, int.from_bytes(data[whole : whole + 4], "little"))
        if len(data) - whole > 4:
            two = _second(two, int.from_bytes(data[whole + 4 :], "little"))
    one ^= len(data)
    two ^= len(data)
    one = one + two & _MASK
    two = two + one & _MASK
    one, two = _finish(one), _finish(two)
    one = one + two & _MASK
    two = two + one & _MASK
    return two << 32 | one


def unique_string(*parts: Any) -> str:
    """13 letters that depend on the arguments only."""
    hashed = murmur64("-".join(text("uniqueString", part) for part in parts).encode("utf-8", "replace"))
    return "".join(_LETTERS[(hashed << 1 >> (60 - 5 * place)) & 31] for place in range(13))


def guid(*parts: Any) -> str:
    """A UUID that depends on the arguments only."""
    return str(uuid.uuid5(_GUID_SPACE, "-".join(text("guid", part) for part in parts)))


FUNCTIONS: Final = (
    Function("uniqueString", unique_string, 1, None),
    Function("guid", guid, 1, None),
)
