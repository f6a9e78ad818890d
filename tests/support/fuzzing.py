"""How a fuzzer judges: within its time an input is taken, or refused by an error of ours that can be printed."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from types import FrameType
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.errors import InputError, ReconcilerError

CANARY = "c4n4ry-0f-fuzz1ng"
"""A secret that no message may hold."""
SECONDS = 10.0
"""An input that takes longer hangs. (A machine that is busy with other things is allowed for.)"""
FEW, MANY = 60, 4000
"""Inputs of each fuzzer in `make test`, and in `make prove`."""

T = TypeVar("T")
seeds = st.integers(0, 2**63)
"""All that an input is follows from a number: a failure names the one to try again."""
unhurried = settings(
    deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False
)  # fmt: skip


class Hangs(BaseException):
    """No `except Exception` takes it for something else."""


@dataclass
class Watch:
    """inputs: how many were tried; refused: how many of these ended in an error of ours."""

    inputs: int = 0
    refused: int = 0
    calls: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def one(self) -> Iterator[None]:
        """One input: it ends in time, or Hangs is raised."""
        self.inputs += 1
        with limited(SECONDS):
            yield

    def judge(self, read: Callable[[], T], *kinds: type[ReconcilerError], places: bool = True) -> T | None:
        """What reading gives; None where it ended in an error of one of these kinds, and a sound one."""
        before = sum(self.calls.values())
        try:
            with self.one():
                found = read()
        except kinds as error:
            self.refused += 1
            sound(error, places=places)
            return None
        finally:
            assert sum(self.calls.values()) == before, f"called somebody: {dict(self.calls)}"
        return found


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    def hangs(_: int, frame: FrameType | None) -> None:
        raise Hangs(f"more than {seconds} s, at {frame}")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def sound(error: ReconcilerError, *, places: bool) -> None:
    """It says something, can be printed, has a place, and holds no secret."""
    told = f"{error} {error.where} {error.code}"
    assert error.message.strip() and error.code
    assert told.encode("utf-8"), "a message can be printed"
    assert CANARY not in told
    if isinstance(error, InputError):
        assert error.faults
        for fault in error.faults:
            assert fault.message.strip()
            assert not places or fault.place, f"without a place: {fault}"
            assert not fault.place.startswith("/"), f"a place of this machine: {fault}"


def fuzz(few: int = FEW, many: int = MANY) -> Callable[[Callable[..., None]], Any]:
    """Makes a test of a function of (…fixtures, random): `few` inputs, and in `make prove` `many` more.

    The function is given a Random of each seed; the two tests differ in number alone."""

    def decorate(function: Callable[..., None]) -> Any:
        import functools
        import inspect

        @functools.wraps(function)
        def run(every: int, *args: Any, **fixtures: Any) -> None:
            @given(seed=seeds)
            @settings(unhurried, max_examples=every)
            def each(seed: int) -> None:
                function(*args, **fixtures, random=Random(seed))

            each()

        signature = inspect.signature(function)
        kept = [p for name, p in signature.parameters.items() if name != "random"]
        every = inspect.Parameter("every", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        run.__signature__ = signature.replace(parameters=[every, *kept])  # type: ignore[attr-defined]
        del run.__wrapped__  # type: ignore[attr-defined]
        return pytest.mark.parametrize("every", [few, pytest.param(many, marks=pytest.mark.prove)])(run)

    return decorate
