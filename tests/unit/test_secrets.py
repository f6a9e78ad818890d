"""What an environment wants of secrets, without a call: resources, needs, sources, faults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler import environment as environment_
from reconciler.armtemplate import Unknown
from reconciler.environment import Environment, Reference, references
from reconciler.environment.permission import settings_reader
from reconciler.fingerprints import remembered, secrets_in
from reconciler.record import Entry
from reconciler.resource import Key, Resource, Secret
from reconciler.secret_values import generated
from reconciler.secrets import VAULT_SCOPE_TYPE, Wanted, is_made, scope_resources, vault_secrets

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/bikes"
HEAD = f"""
apiVersion: reconciler/v1
name: one
azure:
  subscription: {SUBSCRIPTION}
  resourceGroup: bikes
  location: westeurope
  deployments: [{{name: main, template: arm/main.json}}]
"""
HOST = "adb-1.1.azuredatabricks.net"
AT = {"host": HOST, "resourceId": "/x"}
WORKSPACE = Key("arm.resource", "bikes", "Microsoft.Databricks/workspaces:w")


def load(folder: Path, text: str) -> Environment:
    (folder / "environments").mkdir()
    (folder / "arm").mkdir()
    (folder / "arm/main.json").write_text("{}")
    (folder / "environments/one.yaml").write_text(HEAD + text)
    return environment_.load(folder, "one")


def arm(type_: str, name: str, id_: str = "") -> Resource:
    place = id_ or f"{GROUP}/providers/{type_}/{name}"
    return Resource(Key("arm.resource", "bikes", f"{type_}:{name}"), type_, {}, {"id": place, "name": name})


VAULT = arm("Microsoft.KeyVault/vaults", "bikes-kv")
ACCOUNT = arm("Microsoft.Storage/storageAccounts", "bikesdata")
ROLES = "Microsoft.Authorization/roleAssignments"


def resources(*more: Resource) -> dict[Key, Resource]:
    return {each.key: each for each in (VAULT, ACCOUNT, *more)}


def put(text: str, path: str) -> Any:
    """As the outputs of a deployment would: one known, one that only Azure tells."""
    (reference,) = references(text)
    known: Mapping[str, Any] = {"name": "bikesdata", "odd": "a ${b} c", "later": Unknown("reference('/x').y")}
    return known[_output(reference)]


def _output(reference: Reference) -> str:
    return reference.parts[1]


def vaulted(
    folder: Path, *lines: str, unset: Mapping[str, str] | None = None, more: tuple[Resource, ...] = ()
) -> Wanted:
    text = "databricks: {workspace: https://adb-1.1.azuredatabricks.net}\n"
    text += "keyVault:\n  vault: bikes-kv\n  secrets:\n" + "".join(f"    {line}\n" for line in lines)
    return vault_secrets(load(folder, text), resources(*more), unset or {}, put)


def test_a_secret_of_the_vault_is_a_resource_with_all_that_is_said(tmp_path: Path) -> None:
    """Times are the beginning of their day in UTC; the value is a source alone."""
    found = vaulted(
        tmp_path,
        "api-key: {value: '${env:API_KEY}', contentType: text/plain, expires: 2031-01-02, tags: {team: data}}",
    )
    (resource,) = found.resources
    assert resource.key == Key("keyvault.secret", "bikes-kv", "api-key")
    assert resource.spec == {
        "value": Secret("", "", "${env:API_KEY}"),
        "enabled": True,
        "contentType": "text/plain",
        "expires": "2031-01-02T00:00:00Z",
        "tags": {"team": "data"},
    }
    assert resource.at == {"vault": "bikes-kv", "vaultId": VAULT.at["id"]}
    assert resource.needs == (VAULT.key,)
    assert resource.origin.startswith("environments/one.yaml:")


def test_a_secret_waits_for_the_rights_on_its_vault(tmp_path: Path) -> None:
    """Roles on the vault and on its group, and access policies; not those on something else."""
    on_vault = arm(ROLES, "1", f"{VAULT.at['id']}/providers/{ROLES}/1")
    on_group = arm(ROLES, "2", f"{GROUP}/providers/{ROLES}/2")
    on_account = arm(ROLES, "3", f"{ACCOUNT.at['id']}/providers/{ROLES}/3")
    on_namesake = arm(ROLES, "4", f"{VAULT.at['id']}2/providers/{ROLES}/4")
    policies = arm("Microsoft.KeyVault/vaults/accessPolicies", "p", f"{VAULT.at['id']}/accessPolicies/add")
    more = (on_vault, on_group, on_account, on_namesake, policies)
    (resource,) = vaulted(tmp_path, "a: '${env:A}'", more=more).resources
    assert set(resource.needs) == {VAULT.key, on_vault.key, on_group.key, policies.key}


def test_a_secret_waits_for_the_account_and_the_secret_that_it_reads(tmp_path: Path) -> None:
    """Of ours; another vault's secret is nothing that we make."""
    found = vaulted(
        tmp_path,
        "a: 'AccountKey=${storageKey:bikesdata};x'",
        "b: '${secret:bikes-kv/a}'",
        "c: '${secret:other-kv/a}'",
        "d: '${storageKey:theirs}'",
    )
    needs = {resource.key.name: set(resource.needs) - {VAULT.key} for resource in found.resources}
    assert needs == {
        "a": {ACCOUNT.key},
        "b": {Key("keyvault.secret", "bikes-kv", "a")},
        "c": set(),
        "d": set(),
    }


def test_what_is_known_of_a_text_is_put_in_and_the_rest_stays(tmp_path: Path) -> None:
    """So the source of a connection string is readable, and a change of the account's name is a commit."""
    found = vaulted(
        tmp_path,
        "a: 'AccountName=${azure.main.name};AccountKey=${storageKey:bikesdata}'",
        "b: '${azure.main.later}'",
        "c: '${azure.main.odd}'",
    )
    sources = [resource.spec["value"].source for resource in found.resources]
    assert sources == [
        "AccountName=bikesdata;AccountKey=${storageKey:bikesdata}",
        "${azure.main.later}",
        "a $${b} c",
    ]


def test_what_we_make_ourselves_is_known_by_its_source(tmp_path: Path) -> None:
    """Another length, or lifetime, is another source."""
    found = vaulted(
        tmp_path,
        "a: {generate: {length: 24}}",
        "b: {databricksToken: {lifetime: 30d, renewBefore: 7d}}",
        "c: '${env:C}'",
    )
    sources = [resource.spec["value"].source for resource in found.resources]
    assert sources == ["generate:24", "databricksToken:30d/7d", "${env:C}"]
    assert [is_made(source) for source in sources] == [True, True, False]


def test_a_secret_that_a_template_makes_too_is_a_fault(tmp_path: Path) -> None:
    """Two owners undo each other."""
    twice = arm("Microsoft.KeyVault/vaults/secrets", "Bikes-KV/A")
    (fault,) = vaulted(tmp_path, "a: '${env:A}'", more=(twice,)).faults
    assert "keyvault.secret/bikes-kv/a is also made by a template" in fault.message


def test_a_setting_that_is_not_set_blocks_its_secret_alone(tmp_path: Path) -> None:
    """With what is missing."""
    found = vaulted(tmp_path, "a: '${env:A}'", "b: '${env:B}'", unset={"env:B": "the app setting is not set"})
    assert found.blocked == {Key("keyvault.secret", "bikes-kv", "b"): "${env:B}: the app setting is not set."}
    assert len(found.resources) == 2


def scoped(folder: Path, *lines: str) -> Wanted:
    text = "databricks:\n  workspace: https://adb-1.1.azuredatabricks.net\n  secretScopes:\n"
    env = load(folder, text + "".join(f"    {line}\n" for line in lines))
    return scope_resources(env, HOST, AT, (WORKSPACE,), resources(), {}, put)


def test_scopes_and_their_secrets_are_resources_of_the_workspace(tmp_path: Path) -> None:
    """A secret needs its scope, the scope the workspace; a slash in a key's name reads back."""
    found = scoped(
        tmp_path, "bikes: {permissions: {users: MANAGE}, secrets: {key: '${storageKey:bikesdata}'}}"
    )
    scope, secret = found.resources
    assert scope.spec == {"backend": "DATABRICKS", "permissions": {"users": "MANAGE"}}
    assert (scope.at, scope.needs) == (AT, (WORKSPACE,))
    assert secret.key == Key("databricks.secret", HOST, "bikes/key") == Key.parse(str(secret.key))
    assert set(secret.needs) == {scope.key, ACCOUNT.key}
    assert secret.spec == {"value": Secret("", "", "${storageKey:bikesdata}")}


def test_a_scope_without_permissions_leaves_them_alone(tmp_path: Path) -> None:
    """As a folder of notebooks does."""
    assert scoped(tmp_path, "bikes: {secrets: {}}").resources[0].spec == {"backend": "DATABRICKS"}


@pytest.mark.parametrize(("name", "ours"), [("bikes-kv", True), ("other-kv", False)])
def test_a_scope_of_a_vault_names_it_as_azure_does(tmp_path: Path, name: str, ours: bool) -> None:
    """A vault of no template is taken to be in the environment's group."""
    (scope,) = scoped(tmp_path, f"vaulted: {{keyVault: {name}}}").resources
    assert scope.type == VAULT_SCOPE_TYPE
    assert scope.spec == {
        "backend": "AZURE_KEYVAULT",
        "keyVault": {
            "resourceId": f"{GROUP}/providers/Microsoft.KeyVault/vaults/{name}",
            "dnsName": f"https://{name}.vault.azure.net/",
        },
    }
    assert (VAULT.key in scope.needs) is ours


def test_only_what_is_allowed_is_read() -> None:
    """One rule for app settings and for secrets of vaults; a reference that was not resolved is no value."""
    read = settings_reader(
        {"A": "a", "B": "b", "EMPTY": "", "KV": "@Microsoft.KeyVault(SecretUri=https://x)"},
        frozenset({"A", "EMPTY", "KV", "GONE", "their-kv/*"}),
    )
    assert read("env:A") == ("a", "")
    assert read("env:B") == ("", "B is not in RECONCILER_SECRETS")
    assert read("env:EMPTY") == read("env:GONE") == ("", "the app setting is not set")
    assert read("env:KV") == ("", "the app setting holds a Key Vault reference that was not resolved")
    assert read("secret:their-kv/any") == ("", "")
    assert read("secret:other-kv/any") == ("", "other-kv/any is not in RECONCILER_SECRETS")
    assert read("storageKey:account") == ("", "")


def test_a_plan_without_calls_takes_the_recorded_fingerprint_of_the_same_source() -> None:
    """Another source has none yet."""
    key = Key("keyvault.secret", "v", "s")
    entry = Entry(
        key, "t", {}, applied={"value": Secret("f", "", "${env:A}"), "list": [Secret("g", "", "x")]}
    )
    same = Resource(key, "t", {"value": Secret("", "", "${env:A}"), "list": [Secret("", "", "y")]}, {})
    found = remembered(same, entry)
    assert [each.fingerprint for each in secrets_in(found.spec)] == ["f", ""]
    assert remembered(same, None) == same


def test_a_generated_value_has_its_length_and_all_kinds_of_characters() -> None:
    """The shortest too, every time, and no two are the same."""
    values = {generated(8) for _ in range(200)}
    assert len(values) == 200
    for value in values:
        assert len(value) == 8 and value.isalnum()
        assert any(c.islower() for c in value) and any(c.isupper() for c in value)
        assert any(c.isdigit() for c in value)
