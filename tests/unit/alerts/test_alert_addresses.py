"""Where alerts go: what may be said, what is wrong with it, and that nothing secret of it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.environments import dev

from reconciler import redaction
from reconciler.alerts.address import CHATS, addresses, fault_of, host_of, targets, unset
from reconciler.environment.permission import settings_reader
from reconciler.errors import CloudError


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    redaction.forget()


SAID = {
    "HOOK": "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/canary-key",
    "PAGER": "pagerduty://canary-key@canary-other",
    "PLAIN": "http://example.org/canary-key",
    "WORD": "canary-key",
    "MINE": "https://user:canary-key@example.org/x?sig=canary-key",
    "HIDDEN": "https://example.org/hidden",
}
SETTING = settings_reader(SAID, frozenset({"HOOK", "PAGER", "PLAIN", "WORD", "MINE", "GONE", "our-kv/*"}))
MAIL = "mailtos://user:canary-key@smtp.example.org?from=r@example.org"


@pytest.mark.parametrize(
    ("to", "shown", "why"),
    [
        ("${env:HOOK}", "${env:HOOK} (https://hooks.slack.com)", ""),
        ("${env:PAGER}", "${env:PAGER} (pagerduty:)", ""),
        ("${env:MINE}", "${env:MINE} (https://example.org)", ""),
        ("https://example.org/canary-key", "https://example.org", ""),
        ("mailto:team@example.org", "mailto:team@example.org", ""),
        ("${env:PLAIN}", "${env:PLAIN} (http://example.org)", "it is not encrypted: write https://…"),
        ("${env:WORD}", "${env:WORD} (no address)", "it is no address"),
        ("${env:GONE}", "${env:GONE}", "the app setting is not set"),
        ("${env:HIDDEN}", "${env:HIDDEN}", "HIDDEN is not in RECONCILER_SECRETS"),
        ("${secret:kv1/hook}", "${secret:kv1/hook}", "kv1/hook is not in RECONCILER_SECRETS"),
        ("${secret:our-kv/hook}", "${secret:our-kv/hook}", "nobody is signed in"),
    ],
)
def test_addresses_are_shown_without_what_is_secret(tmp_path: Path, to: str, shown: str, why: str) -> None:
    environment = dev(tmp_path, f'alerts: [{{to: "{to}"}}]\n')
    (target,) = targets(environment, addresses(SETTING), MAIL)
    assert (target.shown, target.why[: len(why)], bool(target.why)) == (shown, why, bool(why))
    assert "canary" not in target.shown + target.ref + target.why
    warned = unset(environment, addresses(SETTING), MAIL)
    assert len(warned) == bool(why) and "canary" not in "".join(warned)


def test_mail_is_sent_through_the_server_that_the_app_names(tmp_path: Path) -> None:
    environment = dev(tmp_path, "alerts: [{to: 'mailto:team@example.org'}]\n")
    (target,) = targets(environment, addresses(SETTING), MAIL)
    assert target.address == MAIL + "&to=team%40example.org"
    (without,) = targets(environment, addresses(SETTING))
    assert "RECONCILER_MAIL" in without.why and not without.address


def test_an_address_that_is_named_twice_hears_each_fact_once(tmp_path: Path) -> None:
    more = 'alerts: [{to: "${env:HOOK}", on: [drift]}, {to: "${env:HOOK}", on: [drift, failed]}]\n'
    (target,) = targets(dev(tmp_path, more), addresses(SETTING))
    assert target.on == {"drift", "failed"}


def test_an_address_in_the_vault_is_read_there(tmp_path: Path) -> None:
    def refused(text: str) -> str:
        raise CloudError(f"{text} is not there")

    environment = dev(tmp_path, 'alerts: [{to: "${secret:our-kv/hook}"}]\n')
    (found,) = targets(environment, addresses(SETTING, lambda text: f"https://example.org/{len(text)}"))
    assert (found.address, found.why) == ("https://example.org/21", "")
    (missing,) = targets(environment, addresses(SETTING, refused))
    assert missing.why == "${secret:our-kv/hook} is not there"


def test_an_address_is_kept_out_of_every_text_from_then_on(tmp_path: Path) -> None:
    targets(dev(tmp_path, "alerts: [{to: 'https://example.org/canary-key'}]\n"), addresses(SETTING))
    assert "canary" not in redaction.redact("POST https://example.org/canary-key failed")


@pytest.mark.parametrize(
    "address",
    [
        "https://hooks.slack.com/services/T1/B1/c",
        "https://hooks.slack.com/triggers/T1/2/c",
        "https://prod-15.westeurope.logic.azure.com:443/workflows/ab/triggers/manual/paths/invoke?sig=x",
        "https://d.e.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/ab"
        "/triggers/manual/paths/invoke?api-version=1&sig=x",
    ],
)
def test_addresses_of_chats_are_known_by_their_form(address: str) -> None:
    assert CHATS.match(address) and not fault_of(address)


@pytest.mark.parametrize(
    ("address", "chat"),
    [("https://example.org/hooks.slack.com/services/T1", False), ("https://example.org/workflows/x", False)],
)
def test_other_web_addresses_are_no_chats(address: str, chat: bool) -> None:
    assert bool(CHATS.match(address)) is chat


@pytest.mark.parametrize(
    ("address", "shown"),
    [("slack://canary/canary/canary", "slack:"), ("canary", "no address"), ("https://a:canary@h:8443/canary", "https://h:8443")],
)  # fmt: skip
def test_a_host_that_may_be_a_key_is_not_shown(address: str, shown: str) -> None:
    """Apprise puts tokens where an address has its host."""
    assert host_of(address) == shown
