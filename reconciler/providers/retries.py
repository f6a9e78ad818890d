"""How often a call is made again, and how long is waited in between: the same for every service."""

from __future__ import annotations

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from reconciler.errors import CloudError, Throttled, Unreachable

ATTEMPTS = 5
CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 60.0
"""How long a service may take to take a connection, and then to answer one call. The SDKs would wait for five
minutes, more than half of a tick."""
PATIENCE = 60.0
"""Longest wait in seconds, for one call with all its attempts, that a service may ask of us before the tick
goes on without it."""


def patient(*, repeatable: bool) -> Retrying:
    """Makes throttled and unreachable calls again where they are repeatable; the last error is raised."""
    return Retrying(
        retry=retry_if_exception_type((Throttled, Unreachable)) if repeatable else _never,
        wait=_wait,
        stop=lambda state: stop_after_attempt(ATTEMPTS)(state) or state.idle_for + _asked(state) > PATIENCE,
        reraise=True,
    )


def _never(_: RetryCallState) -> bool:
    return False


_backoff = wait_exponential_jitter(multiplier=0.5, max=10)


def _asked(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return error.wait if isinstance(error, CloudError) else 0.0


def _wait(state: RetryCallState) -> float:
    return _asked(state) or float(_backoff(state))
