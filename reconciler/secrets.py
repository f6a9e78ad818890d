"""The secrets that an environment wants in its key vault and in Databricks secret scopes. Pure.

No value is read here: a resource says where its value comes from, as a text that `source` describes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from reconciler.armid import group_id, key_of
from reconciler.armtemplate import Unknown
from reconciler.environment import Environment, Reference, pieces
from reconciler.environment.values import duration_text, parse_duration
from reconciler.environment.workloads import SecretScope, VaultSecret
from reconciler.errors import Fault
from reconciler.resource import Key, Resource, Secret

VAULT_TYPE, SECRET_TYPE = "dataplane:KeyVault/secrets", "databricks/secrets"
SCOPE_TYPE, VAULT_SCOPE_TYPE = "databricks/secretScopes", "databricks/secretScopes/keyVault"
"""A scope that shows a key vault is a type of its own: it is never deleted."""
GENERATE, TOKEN = "generate:", "databricksToken:"
MADE = (GENERATE, TOKEN)
"""How the sources begin whose values we make ourselves and keep; all others are texts with references."""
ROTATION, ROTATION_TYPE = "arm.storageKey", "dataplane:Storage/keys"
ACCOUNTS = "Microsoft.Storage/storageAccounts"
DUE, NOTHING = "due", "nothing"
"""A field of what changes by time alone, and what it says where nothing is due yet."""
DATABRICKS, KEY_VAULT = "DATABRICKS", "AZURE_KEYVAULT"
OPENS = ("microsoft.authorization/roleassignments", "microsoft.keyvault/vaults/accesspolicies")
"""Types that give access to a vault."""

Put = Callable[[str, str], Any]
"""Puts the references in a text of the environment file, at a path in it: gives a text or an Unknown."""


@dataclass(frozen=True)
class Wanted:
    """blocked: resources whose value is not set, with the reason."""

    resources: tuple[Resource, ...] = ()
    blocked: Mapping[Key, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def is_made(source: str) -> bool:
    """Whether a source names a value that we make ourselves, once."""
    return source.startswith(MADE)


def is_token(source: str) -> bool:
    """Whether a source names a Databricks token."""
    return source.startswith(TOKEN)


def token_times(source: str) -> tuple[timedelta, timedelta]:
    """How long a token of this source lives, and how long before its end it is renewed."""
    lifetime, _, before = source.removeprefix(TOKEN).partition("/")
    return parse_duration(lifetime), parse_duration(before)


def rotations(environment: Environment, resources: Mapping[Key, Resource]) -> Iterator[Resource]:
    """The rotations of storage keys. resources: those of the templates; an account that is not among them is
    looked for in the environment's group."""
    azure = environment.azure
    for account, said in azure.storage_keys.items() if azure is not None else ():
        assert azure is not None
        ours = _named(ACCOUNTS, account, resources)
        group = ours.key.scope if ours is not None else azure.resource_group
        id_ = f"{group_id(azure.subscription, group)}/providers/{ACCOUNTS}/{account}"
        times = {
            "every": duration_text(said.rotate.every),
            "overlap": duration_text(said.rotate.overlap),
        }
        yield Resource(
            Key(ROTATION, group, account),
            ROTATION_TYPE,
            {**times, DUE: NOTHING},
            {"id": str(ours.at["id"]) if ours is not None else id_},
            (ours.key,) if ours is not None else (),
            origin=environment.where(f"azure.storageKeys.{account}"),
        )


def vault_secrets(
    environment: Environment,
    resources: Mapping[Key, Resource],
    unset: Mapping[str, str],
    put: Put,
    workspace: tuple[Mapping[str, Any], Iterable[Key]] = ({}, ()),
) -> Wanted:
    """The secrets of the section `keyVault`.

    resources: those of the templates. unset: what is missing of references such as `env:NAME`, by their text
    without its `${`. put: `References.value`. workspace: `at` of the one that tokens are for, and what must
    be there first."""
    section = environment.key_vault
    if section is None:
        return Wanted()
    vault = _named("microsoft.keyvault/vaults", section.vault, resources)
    opened = (vault.key, *_openers(str(vault.at["id"]), resources)) if vault is not None else ()
    at = {"vault": section.vault, "vaultId": str(vault.at["id"]) if vault is not None else ""}
    templates = dict(by_templates(resources.values()))
    build = _Build(environment, resources, unset, put)
    for name, wanted in section.secrets.items():
        key, path = Key("keyvault.secret", section.vault, name), f'keyVault.secrets["{name}"]'
        if key in templates:
            told = f"{key.plain} is also made by a template, at {templates[key]}."
            build.faults.append(Fault(environment.where(path), told, "Remove one of them."))
            continue
        source = _made_source(wanted)
        needs: tuple[Key, ...] = ()
        more: Mapping[str, Any] = {}
        if is_token(source):
            more, needs = workspace[0], tuple(workspace[1])
        elif not source:
            source, needs = build.source(key, wanted.value or "", f"{path}.value")
        spec = _spec(wanted, source)
        build.add(Resource(key, VAULT_TYPE, spec, {**at, **more}, (*opened, *needs)), path)
    return build.wanted()


def scope_resources(
    environment: Environment,
    host: str,
    at: Mapping[str, Any],
    needs: Iterable[Key],
    resources: Mapping[Key, Resource],
    unset: Mapping[str, str],
    put: Put,
) -> Wanted:
    """The secret scopes of the section `databricks`, and what is in them.

    host, at, needs: the workspace's, as its other resources have them. The others as for `vault_secrets`."""
    section = environment.databricks
    if section is None:
        return Wanted()
    build = _Build(environment, resources, unset, put)
    for name, scope in section.secret_scopes.items():
        path = f'databricks.secretScopes["{name}"]'
        own = Key("databricks.secretScope", host, name)
        spec, behind = _scope_spec(environment, scope, resources)
        type_ = VAULT_SCOPE_TYPE if scope.key_vault else SCOPE_TYPE
        build.add(Resource(own, type_, spec, at, (*needs, *behind)), path)
        for secret, value in scope.secrets.items():
            key, place = Key("databricks.secret", host, f"{name}/{secret}"), f'{path}.secrets["{secret}"]'
            source, more = build.source(key, value, place)
            build.add(Resource(key, SECRET_TYPE, {"value": Secret("", "", source)}, at, (own, *more)), place)
    return build.wanted()


def by_templates(resources: Iterable[Resource]) -> Iterator[tuple[Key, str]]:
    """Secrets that templates make (`Microsoft.KeyVault/vaults/secrets`), and where that is said."""
    for resource in resources:
        if resource.type.lower() == "microsoft.keyvault/vaults/secrets":
            vault, _, name = str(resource.at.get("name", "")).partition("/")
            yield Key("keyvault.secret", vault, name), resource.origin


class _Build:
    """The resources of one section under way, with what is wrong with them."""

    def __init__(
        self,
        environment: Environment,
        resources: Mapping[Key, Resource],
        unset: Mapping[str, str],
        put: Put,
    ) -> None:
        self.environment, self.resources, self.unset, self.put = environment, resources, unset, put
        self.found: list[Resource] = []
        self.blocked: dict[Key, str] = {}
        self.faults: list[Fault] = []

    def wanted(self) -> Wanted:
        return Wanted(tuple(self.found), self.blocked, tuple(self.faults))

    def add(self, resource: Resource, path: str) -> None:
        needs = tuple(sorted(set(resource.needs)))
        self.found.append(replace(resource, needs=needs, origin=self.environment.where(path)))

    def source(self, key: Key, value: str, path: str) -> tuple[str, tuple[Key, ...]]:
        """Where a value comes from, with what is known of it put in; and what must be there to read it.

        What only Azure tells later stays a reference, as do secrets."""
        text, needs, missing = "", set[Key](), []
        for part in pieces(value):
            if isinstance(part, str):
                text += _escaped(part)
            elif part.is_secret:
                text += part.text
                needs |= self._needs(part)
                if why := self.unset.get(part.text[2:-1]):
                    missing.append(f"{part.text}: {why}")
            else:
                found = self.put(part.text, path)
                known = not isinstance(found, Unknown)
                text += _escaped(str(found)) if known else part.text
                needs |= set() if known else _keys(found.references, self.resources)
        if missing:
            self.blocked[key] = f"{'; '.join(missing)}."
        return text, tuple(needs)

    def _needs(self, reference: Reference) -> set[Key]:
        """What of ours gives a secret: an account its key, another secret its value."""
        if reference.kind == "storageKey":
            account = _named(ACCOUNTS, reference.parts[0], self.resources)
            rotation = {k for k in self.resources if k.kind == ROTATION and k.name == reference.parts[0]}
            return rotation | ({account.key} if account is not None else set())
        section = self.environment.key_vault
        if reference.kind != "secret" or section is None:
            return set()
        vault, name = (part.lower() for part in reference.parts)
        ours = vault == section.vault.lower() and name in {each.lower() for each in section.secrets}
        return {Key("keyvault.secret", section.vault, name)} if ours else set()


def _escaped(text: str) -> str:
    """As `pieces` reads it back to the same text."""
    return text.replace("${", "$${")


def _keys(ids: Iterable[str], resources: Mapping[Key, Resource]) -> set[Key]:
    found = set()
    for id_ in ids:
        try:
            found.add(key_of(id_))
        except ValueError:
            continue
    return found & resources.keys()


def _named(type_: str, name: str, resources: Mapping[Key, Resource]) -> Resource | None:
    """The resource of a type whose names are unique in all of Azure."""
    wanted = f"{type_}:{name}".lower()
    return next((each for key, each in resources.items() if key.name.lower() == wanted), None)


def _openers(vault: str, resources: Mapping[Key, Resource]) -> Iterator[Key]:
    """What gives access to a vault: roles on it or on its group, and access policies."""
    for key, resource in resources.items():
        id_ = str(resource.at.get("id", "")).lower()
        scope, _, rest = id_.rpartition("/providers/microsoft.authorization/")
        on = scope if rest else id_.partition("/accesspolicies/")[0]
        if resource.type.lower() in OPENS and f"{vault.lower()}/".startswith(f"{on}/"):
            yield key


def _made_source(wanted: VaultSecret) -> str:
    """The source of a value that we make; "" where it comes from elsewhere."""
    if wanted.generate is not None:
        return f"{GENERATE}{wanted.generate.length}"
    token = wanted.databricks_token
    if token is not None:
        return f"{TOKEN}{duration_text(token.lifetime)}/{duration_text(token.renew_before)}"
    return ""


def _spec(wanted: VaultSecret, source: str) -> dict[str, Any]:
    said = {
        "contentType": wanted.content_type,
        "expires": _midnight(wanted.expires),
        "notBefore": _midnight(wanted.not_before),
        "tags": dict(wanted.tags) or None,
    }
    told = {name: value for name, value in said.items() if value is not None}
    due = {DUE: NOTHING} if is_token(source) else {}
    return {"value": Secret("", "", source), "enabled": wanted.enabled, **due, **told}


def _midnight(day: date | None) -> str | None:
    """The beginning of a day in UTC, as observations give times."""
    return f"{day.isoformat()}T00:00:00Z" if day is not None else None


def _scope_spec(
    environment: Environment, scope: SecretScope, resources: Mapping[Key, Resource]
) -> tuple[dict[str, Any], tuple[Key, ...]]:
    """What a scope is, and what must be there first."""
    spec: dict[str, Any] = {"backend": DATABRICKS}
    if scope.permissions:
        spec["permissions"] = dict(scope.permissions)
    if scope.key_vault is None:
        return spec, ()
    vault = _named("microsoft.keyvault/vaults", scope.key_vault, resources)
    azure = environment.azure
    if vault is not None:
        id_ = str(vault.at["id"])
    else:
        group = group_id(azure.subscription, azure.resource_group) if azure is not None else ""
        id_ = f"{group}/providers/Microsoft.KeyVault/vaults/{scope.key_vault}"
    behind = {"resourceId": id_, "dnsName": f"https://{scope.key_vault.lower()}.vault.azure.net/"}
    needs = (vault.key,) if vault is not None else ()
    return {**spec, "backend": KEY_VAULT, "keyVault": behind}, needs
