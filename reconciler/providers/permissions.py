"""Permissions of jobs and directories (https://docs.databricks.com/api/azure/workspace/permissions).

In a spec they are a map from principal to level: `{"groups/users": "CAN_VIEW"}`. What is inherited is not
among them, nor is a job's owner where nobody declares one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.databricks import PERMISSIONS, PRINCIPALS
from reconciler.providers.workspace import Place, Workspaces
from reconciler.resource import Key

OWNER = "IS_OWNER"
NAME = PERMISSIONS
ADMINS = "groups/admins"
"""The workspace's admins may do everything; the API shows them with every object."""


def read(
    workspaces: Workspaces, place: Place, type_: str, id_: str, wanted: Mapping[str, str], key: Key
) -> dict[str, str]:
    """What is granted directly; with the owner where `wanted` names one."""
    answer = workspaces.call(place, "GET", f"/api/2.0/permissions/{type_}/{id_}", where=str(key))
    owner = _owner(answer)
    granted = {who: level for who, level in _direct(answer) if who not in (ADMINS, owner)}
    return {**granted, owner: OWNER} if OWNER in wanted.values() else granted


def write(
    workspaces: Workspaces, place: Place, type_: str, id_: str, wanted: Mapping[str, str], key: Key
) -> None:
    """Grant just this; the owner stays where `wanted` names none, since a job has just one."""
    path = f"/api/2.0/permissions/{type_}/{id_}"
    owner = _owner(workspaces.call(place, "GET", path, where=str(key)))
    stays = owner and OWNER not in wanted.values()
    said = {**wanted, **({owner: OWNER} if stays else {})}
    body = {"access_control_list": [_item(principal, level) for principal, level in sorted(said.items())]}
    workspaces.call(place, "PUT", path, body=body, where=str(key))


def _direct(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (f"{name}/{each[field]}", str(one["permission_level"]))
        for each in answer.get("access_control_list") or ()
        for name, field in PRINCIPALS.items()
        if each.get(field)
        for one in each.get("all_permissions") or ()
        if not one.get("inherited")
    ]


def _owner(answer: Mapping[str, Any]) -> str:
    return next((principal for principal, level in _direct(answer) if level == OWNER), "")


def _item(principal: str, level: str) -> dict[str, str]:
    name, _, who = principal.partition("/")
    return {PRINCIPALS[name]: who, "permission_level": level}
