"""Send facts to one address: as CloudEvents to a web address, else through Apprise. Bounded in time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from reconciler.alerts.address import CHATS
from reconciler.alerts.fact import Fact
from reconciler.alerts.message import cloud_event, together

SECONDS = 10.0
"""Longest time for one address, with all its facts and attempts; all addresses are served side by side."""
ATTEMPTS = 3
CLOUD_EVENT = "application/cloudevents+json"
AGAIN = (408, 425, 429)
"""Answers below 500 after which the same is sent once more."""


@dataclass(frozen=True)
class Sent:
    """What came of it: ids of the facts that were taken, and why the others were not."""

    ids: frozenset[str] = frozenset()
    error: str = ""


Deliver = Callable[[str, Sequence[Fact], str], Sent]
"""Sends facts to an address, in the name of a source; raises nothing that is to be expected."""


def deliver(address: str, facts: Sequence[Fact], source: str) -> Sent:
    """Send facts. A web address gets each by itself, people get one message with all of them."""
    plain = urlsplit(address).scheme in ("http", "https") and not CHATS.match(address)
    return _posted(address, facts, source) if plain else _notified(address, facts)


def _posted(address: str, facts: Sequence[Fact], source: str) -> Sent:
    """A POST for each fact. No redirect is followed and no `.netrc` read: the address is all there is."""
    import requests

    done: set[str] = set()
    until = time.monotonic() + SECONDS
    with requests.Session() as session:
        session.auth = lambda request: request
        for fact in facts:
            error = _post(session, address, cloud_event(fact, source), until)
            if error:
                return Sent(frozenset(done), error)
            done.add(fact.id)
    return Sent(frozenset(done))


class _Again(Exception):
    """It was not taken, and may be when it is sent once more."""


def _post(session: Any, address: str, event: Mapping[str, Any], until: float) -> str:
    import requests
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

    def once() -> str:
        left = until - time.monotonic()
        if left <= 0:
            return f"not all was sent within {SECONDS:.0f} seconds"
        try:
            answer = session.post(
                address,
                json=event,
                headers={"Content-Type": CLOUD_EVENT},
                timeout=left,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise _Again(f"not reached: {type(error).__name__}") from None
        if answer.status_code >= 500 or answer.status_code in AGAIN:
            raise _Again(f"it answered {answer.status_code}")
        return "" if answer.ok and not answer.is_redirect else f"it answered {answer.status_code}"

    retrying = Retrying(
        retry=retry_if_exception_type(_Again),
        wait=wait_exponential_jitter(multiplier=0.2, max=1, jitter=0.2),
        stop=stop_after_attempt(ATTEMPTS),
        reraise=True,
    )
    try:
        return retrying(once)
    except _Again as error:
        return str(error)


def _notified(address: str, facts: Sequence[Fact]) -> Sent:
    from apprise import Apprise, AppriseAsset, NotifyFormat, PersistentStoreMode  # takes two seconds

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its warnings are told as `Sent.error`
    asset = AppriseAsset(
        app_id="reconciler",
        app_desc="reconciler",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        storage_mode=PersistentStoreMode.MEMORY,
        http_redirects=False,
        async_mode=False,
        default_service_retry=1,
        service_timeout=SECONDS,
    )
    service = Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
    if service is None:
        return Sent(error="Apprise does not understand this address")
    title, text = together(facts)
    if service.notify(body=text, title=title, body_format=NotifyFormat.TEXT):
        return Sent(frozenset(fact.id for fact in facts))
    return Sent(error="it was not taken")


def side_by_side(jobs: Mapping[str, Callable[[], Sent]], seconds: float = SECONDS) -> dict[str, Sent]:
    """Do all of it at once, and give back what each came to; what takes longer is left behind.

    The threads do not keep the process from ending."""
    ended: dict[str, Sent] = {}

    def do(name: str, job: Callable[[], Sent]) -> None:
        try:
            ended[name] = job()
        except Exception as error:  # a service's code may fail in any way, and must not end the tick
            ended[name] = Sent(error=f"sending failed: {type(error).__name__}")

    threads = [threading.Thread(target=do, args=item, daemon=True) for item in jobs.items()]
    until = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    late = Sent(error=f"it did not answer within {seconds:.0f} seconds")
    seen = dict(ended)
    return {name: seen.get(name, late) for name in jobs}
