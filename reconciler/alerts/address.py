"""Where an alert goes: what `alerts[].to` says, read and understood."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from reconciler.environment import Environment, whole
from reconciler.environment.permission import Settings
from reconciler.environment.references import ENV
from reconciler.errors import ReconcilerError
from reconciler.redaction import remember

Address = Callable[[str], tuple[str, str]]
"""Gives the address that a `to` of an environment file means and "", or "" and why there is none."""

MAIL = "RECONCILER_MAIL"
"""The app setting that says how mail is sent: an Apprise address such as mailtos://user:password@host?from=…"""

CHATS = re.compile(
    r"https://(?:hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/"
    r"|[^/]+/(?:powerautomate/automations/direct/(?:cu/\d+/)?)?workflows/[^/]+/triggers/manual/paths/invoke)",
    re.IGNORECASE,
)
"""Addresses that Slack and Teams give for incoming messages, which Apprise speaks to. Any other https address
gets CloudEvents."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Target:
    """One address. ref: stands for it in the state; shown: tells it to people; neither holds what is secret.

    why: what is wrong with it, "" where nothing is."""

    ref: str
    shown: str
    on: frozenset[str]
    address: str = ""
    why: str = ""


def addresses(setting: Settings, secret: Callable[[str], str] | None = None) -> Address:
    """Reads addresses. setting: see `settings_reader`. secret: gives the value of a text with a
    `${secret:…}`, None while nobody is signed in; may raise ReconcilerError."""

    def read(to: str) -> tuple[str, str]:
        reference = whole(to)
        if reference is None:
            return to, ""
        value, why = setting(reference.text[2:-1])
        if value or why or reference.kind == ENV:
            return value, why
        if secret is None:
            return "", "nobody is signed in who could read the vault"
        try:
            return secret(to), ""
        except ReconcilerError as error:
            return "", error.message

    return read


def targets(environment: Environment, address: Address, mail: str = "") -> tuple[Target, ...]:
    """Every address of an environment once, with all that is told there. mail: what RECONCILER_MAIL says."""
    asked: dict[str, frozenset[str]] = {}
    for alert in environment.alerts:
        asked[alert.to] = asked.get(alert.to, frozenset()) | set(alert.on)
    return tuple(_target(to, on, address, mail) for to, on in asked.items())


def unset(environment: Environment, address: Address, mail: str = "") -> tuple[str, ...]:
    """A warning for each address that nothing can be sent to."""
    return tuple(
        f"alerts: {target.shown}: {target.why}. Nothing is sent there."
        for target in targets(environment, address, mail)
        if target.why
    )


def _target(to: str, on: frozenset[str], address: Address, mail: str) -> Target:
    ref = hashlib.sha256(to.encode()).hexdigest()[:16]
    said = to if to.startswith(("${", "mailto:")) else host_of(to)
    value, why = address(to)
    if why or not value:
        return Target(ref, said, on, why=why or "it is empty")
    remember(value)
    if value.startswith("mailto:") and not value.startswith("mailto://"):
        if not mail:
            return Target(
                ref, said, on, why=f"mail is sent by what the app setting {MAIL} says, and it is not set"
            )
        remember(mail)
        joined = "&" if "?" in mail else "?"
        return Target(ref, said, on, f"{mail}{joined}to={quote(value.removeprefix('mailto:'), safe='')}")
    shown = f"{said} ({host_of(value)})" if to.startswith("${") else said
    return Target(ref, shown, on, value, fault_of(value))


def host_of(address: str) -> str:
    """An address for the eye: its scheme and, where that is no part of a key, its host."""
    parts = urlsplit(address)
    if parts.scheme in ("http", "https"):
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return f"{parts.scheme}:" if re.fullmatch(r"[a-z][a-z0-9+.-]*", parts.scheme) else "no address"


def fault_of(address: str) -> str:
    """Why nothing can be sent to an address, "" where it looks right. Its text is not quoted."""
    parts = urlsplit(address)
    if "://" not in address or not parts.scheme:
        return "it is no address: write https://…, mailto:… or an address of Apprise such as slack://…"
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        return "it is not encrypted: write https://…"
    if parts.scheme in ("http", "https") and not parts.hostname:
        return "it names no host"
    return ""
