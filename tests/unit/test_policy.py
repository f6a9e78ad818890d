"""Patterns, acknowledgements and protection as an environment file says them."""

from __future__ import annotations

from datetime import date

import pytest
from support.graphs import key

from reconciler.change import Action
from reconciler.policy import Acknowledgement, Policy, matches
from reconciler.resource import Key

ACCOUNT = Key("arm.resource", "My Group", "Microsoft.Storage/storageAccounts:acc")


@pytest.mark.parametrize(
    ("pattern", "hit"),
    [
        ("arm.resource/My%20Group/Microsoft.Storage%2FstorageAccounts:acc", True),
        ("arm.resource/My Group/Microsoft.Storage/storageAccounts:acc", True),
        ("arm.resource/*/Microsoft.Storage*", True),
        ("ARM.resource/my?group/*:ACC", True),
        ("arm.resource/*/Microsoft.Storage", False),
        ("*:ac", False),
        ("adf.*", False),
    ],
)
def test_a_pattern_names_a_key_encoded_or_plain_in_any_case(pattern: str, hit: bool) -> None:
    assert matches(pattern, ACCOUNT) is hit


@pytest.mark.parametrize(
    ("until", "today", "hit"),
    [
        (None, date(2999, 1, 1), True),
        (date(2026, 3, 1), date(2026, 3, 1), True),
        (date(2026, 3, 1), date(2026, 3, 2), False),
    ],
)
def test_an_acknowledgement_holds_through_its_last_day_for_its_own_action(
    until: date | None, today: date, hit: bool
) -> None:
    policy = Policy(acknowledge=(Acknowledgement(Action.DELETE, "arm.*", until),))
    assert policy.acknowledged(Action.DELETE, key("a"), today) is hit
    assert not policy.acknowledged(Action.REPLACE, key("a"), today)


@pytest.mark.parametrize(
    ("type_", "protected"),
    [
        ("Microsoft.KeyVault/vaults", True),
        ("microsoft.keyvault/VAULTS/secrets", True),
        ("Microsoft.KeyVault/vaultsOfOthers", False),
        ("Microsoft.KeyVault", False),
    ],
)
def test_a_protected_type_protects_its_children(type_: str, protected: bool) -> None:
    assert Policy(protect=("Microsoft.KeyVault/vaults",)).protects(type_) is protected
