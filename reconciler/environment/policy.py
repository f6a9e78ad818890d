"""How far the reconciler may go in one environment. The defaults are the careful ones."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reconciler.environment import names as n
from reconciler.environment import values as v
from reconciler.environment.section import Section


class Limits(Section):
    """A plan over this is refused. Creates never count; a share counts only above ten recorded resources."""

    deletes: v.LimitValue = Field(default=v.Limit(5), description="Deletes and replaces in one plan.")
    changes: v.LimitValue = Field(
        default=v.Limit(50, percent=True), description="Updates, replaces and deletes in one plan."
    )


class Ignore(Section):
    """A field that is left as it is."""

    key: n.KeyPattern = Field(description="The resources, as KIND/SCOPE/NAME with `*` as wildcard.")
    path: str = Field(min_length=1, description="The field's path.", examples=["tags.costcentre"])
    why: str = Field(min_length=1, description="The reason, for those who come later.")


class Acknowledge(Section):
    """Lets a blocked delete or replace through until a day: one of the two."""

    delete: n.KeyPattern | None = Field(default=None, description="What may be deleted.")
    replace: n.KeyPattern | None = Field(default=None, description="What may be deleted and made anew.")
    until: v.Day = Field(description="The last day on which this holds, in UTC.")


class Policy(Section):
    """How far the reconciler may go. Every default is the careful one."""

    sync: Literal["auto", "manual"] = Field(
        default="auto", description="manual = plan and alert; applied after an approval."
    )
    heal: v.Flag = Field(default=True, description="false = drift is reported, not put back.")
    prune: v.Flag = Field(default=True, description="Remove what was ours and has left Git.")
    adopt: Literal["same", "marked", "never"] = Field(
        default="same",
        description="What exists already: same = taken over if it equals what is wanted; "
        "marked = if it also bears our tag.",
    )
    resets: Literal["allow", "block"] = Field(
        default="block", description="A write that would reset settings of somebody else."
    )
    secrets: Literal["delete", "disable"] = Field(
        default="delete",
        description="What a Key Vault secret becomes that leaves Git; a deleted one can be recovered.",
    )
    limits: Limits = Field(default=Limits(), description="How much one plan may change.")
    protect: tuple[n.ResourceType, ...] = Field(
        default=("Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"),
        description="Types that are never deleted or replaced.",
    )
    ignore: tuple[Ignore, ...] = Field(default=(), description="Fields that are left as they are.")
    observe: tuple[n.KeyPattern, ...] = Field(
        default=(), description="Watched and alerted on, never written.", examples=[["adf.trigger/*"]]
    )
    acknowledge: tuple[Acknowledge, ...] = Field(
        default=(), description="Blocked deletes and replaces that may pass."
    )
