"""Results of pure functions, kept for as long as what they were made from is the same.

Values are immutable here: what is the same object is the same value, so a result is given back without a look
into its inputs. What is read anew each time (live) is the same where its digest is."""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Callable, Container, Hashable
from operator import is_
from typing import Any, TypeVar

T = TypeVar("T")


class Memo:
    """The last result at each place: a text, or a text with the key of a resource. Safe under threads: at
    worst something is made twice."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[tuple[object, ...], Hashable, Any]] = {}

    def of(self, place: Hashable, objects: tuple[object, ...], values: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, or gave when it was asked for this place last, with the same objects (by
        identity) and equal values. Without values (None) it is made in any case."""
        known = self._known.get(place)
        if (
            known is not None
            and values is not None
            and known[1] == values
            and len(known[0]) == len(objects)
            and all(map(is_, known[0], objects))
        ):
            result: T = known[2]
            return result
        result = make()
        self._known[place] = (objects, values, result)
        return result

    def put(self, place: Hashable, of: object, result: object) -> None:
        """Keep a result that was found out of this object."""
        self._known[place] = ((of,), None, result)

    def last(self, place: Hashable, of: object) -> Any:
        """What was put there last, where it was found out of the same object; else None."""
        known = self._known.get(place)
        return known[2] if known is not None and known[0][0] is of else None

    def same(self, place: Hashable, value: T) -> T:
        """What was given for this place last, where it equals this: then what is made of it stays, too."""
        known = self._known.get(place)
        if known is not None and known[2] == value and repr(known[2]) == repr(value):  # 1 equals 1.0 and true
            last: T = known[2]
            return last
        self._known[place] = ((), None, value)
        return value

    def keep(self, keys: Container[object]) -> None:
        """Forget the places of all other keys."""
        for place in list(self._known):
            if isinstance(place, tuple) and place[1] not in keys:
                self._known.pop(place, None)


def digest(value: Any) -> bytes | None:
    """A digest of a JSON value, in which also 1, 1.0 and true differ; None where it is no JSON value.

    It holds for this process alone. Marshal's second version tells values, and nothing of how they lie in
    memory; it takes a third of the time of JSON."""
    try:
        content = marshal.dumps(value, 2)
    except ValueError:
        return None
    return hashlib.blake2b(content, digest_size=16).digest()
