"""Ids of Azure Resource Manager and the keys that stand for them."""

from __future__ import annotations

import pytest

from reconciler.armid import ArmId, key_of, parse

S, G = "/subscriptions/s1", "/subscriptions/s1/resourceGroups/g1"
ACC = f"{G}/providers/Microsoft.Storage/storageAccounts/acc"
ROLE = "providers/Microsoft.Authorization/roleAssignments/r1"


@pytest.mark.parametrize(
    ("id_", "parts", "key"),
    [
        (G, ArmId("s1", "g1", "Microsoft.Resources/resourceGroups", "g1"), "arm.group/s1/g1"),
        (
            ACC,
            ArmId("s1", "g1", "Microsoft.Storage/storageAccounts", "acc"),
            "arm.resource/g1/Microsoft.Storage%2FstorageAccounts:acc",
        ),
        (
            f"{ACC}/blobServices/default/containers/raw",
            ArmId("s1", "g1", "Microsoft.Storage/storageAccounts/blobServices/containers", "acc/default/raw"),
            "arm.resource/g1/Microsoft.Storage%2FstorageAccounts%2FblobServices%2Fcontainers:acc%2Fdefault%2Fraw",
        ),
        (
            f"{ACC}/{ROLE}",
            ArmId("s1", "g1", "Microsoft.Authorization/roleAssignments", "r1", ACC),
            "arm.resource/g1/Microsoft.Authorization%2FroleAssignments:r1@Microsoft.Storage%2FstorageAccounts:acc",
        ),
        (
            f"{G}/{ROLE}",
            ArmId("s1", "g1", "Microsoft.Authorization/roleAssignments", "r1"),
            "arm.resource/g1/Microsoft.Authorization%2FroleAssignments:r1",
        ),
        (
            f"{S}/{ROLE}",
            ArmId("s1", "", "Microsoft.Authorization/roleAssignments", "r1"),
            "arm.resource/s1/Microsoft.Authorization%2FroleAssignments:r1",
        ),
    ],
)
def test_an_id_gives_its_parts_and_one_key(id_: str, parts: ArmId, key: str) -> None:
    assert parse(id_) == parts
    assert str(key_of(id_)) == key


def test_ids_that_azure_holds_for_the_same_have_equal_keys() -> None:
    """Azure answers ids in other case than they were asked for."""
    assert key_of(ACC.upper()) == key_of(ACC)
    assert key_of(f"{ACC}/{ROLE}".replace("providers", "Providers")) == key_of(f"{ACC}/{ROLE}")


def test_the_same_assignment_on_two_resources_has_two_keys() -> None:
    assert key_of(f"{ACC}/{ROLE}") != key_of(f"{ACC}2/{ROLE}")


@pytest.mark.parametrize(
    "id_", ["", "acc", "storageAccounts/acc", f"{G}/providers/Microsoft.Storage", f"{ACC}/blobServices"]
)
def test_what_is_no_id_is_refused(id_: str) -> None:
    with pytest.raises(ValueError, match="is no resource id"):
        parse(id_)
