"""Conditions of role assignments: what Azure publishes as "constrain roles" is played, and nothing is guessed."""

from __future__ import annotations

import pytest

from sandbox.services.arm.conditions import holds, parse

READER, OWNER = "acdd72a7-3385-48ef-bd42-f606fba81ae7", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
WRITE = "Microsoft.Authorization/roleAssignments/write"
DELETE = "Microsoft.Authorization/roleAssignments/delete"
ROLE = "Microsoft.Authorization/roleAssignments:RoleDefinitionId"
CONSTRAINED = f"""
(
 (
  !(ActionMatches{{'{WRITE}'}})
 )
 OR
 (
  @Request[{ROLE}] ForAnyOfAnyValues:GuidEquals {{{READER}, b24988ac-6180-42a0-ab88-20f7382dd24c}}
 )
)
AND
(
 (
  !(ActionMatches{{'{DELETE}'}})
 )
 OR
 (
  @Resource[{ROLE}] ForAnyOfAnyValues:GuidEquals {{{READER}}}
 )
)
"""


@pytest.mark.parametrize(
    ("action", "attributes", "granted"),
    [
        (WRITE, {"Request": READER}, True),
        (WRITE, {"Request": READER.upper()}, True),
        (WRITE, {"Request": OWNER}, False),
        (WRITE, {"Request": OWNER, "Resource": READER}, False),
        (WRITE, {}, False),
        (DELETE, {"Resource": READER}, True),
        (DELETE, {"Resource": OWNER}, False),
        ("Microsoft.Storage/storageAccounts/write", {}, True),
    ],
)
def test_only_the_named_roles_are_written_and_removed(
    action: str, attributes: dict[str, str], granted: bool
) -> None:
    """Another action is not limited, and one without a role to look at is refused."""
    assert holds(CONSTRAINED, action, attributes) is granted


def test_and_binds_more_than_or() -> None:
    """As the format's documentation says of its operators."""
    reader = f"@Request[{ROLE}] GuidEquals {READER}"
    text = f"ActionMatches{{'{WRITE}'}} || {reader} && ActionMatches{{'{DELETE}'}}"
    assert holds(text, WRITE, {}) is True
    assert holds(text, DELETE, {"Request": READER}) is True
    assert holds(text, DELETE, {"Request": OWNER}) is False


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(ActionMatches{'a'}",
        "ActionMatches{'a'} ActionMatches{'b'}",
        "AND ActionMatches{'a'}",
        "@Request[Microsoft.Authorization/roleAssignments:PrincipalType] StringEquals 'User'",
        f"@Request[{ROLE}] ForAnyOfAllValues:GuidNotEquals {{{OWNER}}}",
    ],
)
def test_what_is_not_played_is_told(text: str) -> None:
    """A condition taken for true, or for false, would lie about what an identity may do."""
    with pytest.raises(ValueError, match=r"."):
        parse(text)
