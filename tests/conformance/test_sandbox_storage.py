"""Storage accounts as the resource manager and the blob SDK see them."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
)
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient, ContentSettings
from support.arm import GROUP, ME, SUBSCRIPTION, Arm
from support.sandbox import Sandbox

ACCOUNT = "Microsoft.Storage/storageAccounts/bikesdata"
BODY = {
    "location": "West Europe",
    "sku": {"name": "Standard_LRS"},
    "kind": "StorageV2",
    "properties": {"isHnsEnabled": True, "supportsHttpsTrafficOnly": True},
}


@pytest.fixture
def arm(sandbox: Sandbox) -> Arm:
    return Arm(sandbox, "2023-05-01")


def body(**properties: Any) -> dict[str, Any]:
    return {**BODY, "properties": {**BODY["properties"], **properties}}  # type: ignore[dict-item]


def test_a_creation_is_a_long_operation_at_a_location(arm: Arm, sandbox: Sandbox) -> None:
    """202 without a body and a Location, as recorded; until it is done the account shows Creating and has no
    keys."""
    sandbox.fault("slow-operation", seconds=60, times=1)
    answer = arm.call("PUT", ACCOUNT, BODY)
    assert (answer.status_code, answer.content) == (202, b"")
    poll = answer.headers["Location"].removeprefix("https://management.azure.com")
    assert arm.call("GET", poll.split("?")[0]).status_code == 202
    assert arm.get(ACCOUNT)["properties"]["provisioningState"] == "Creating"
    assert arm.refused("POST", f"{ACCOUNT}/listKeys") == (409, "StorageAccountIsNotProvisioned")
    sandbox.advance("PT2M")
    done = arm.call("GET", poll.split("?")[0])
    assert (done.status_code, done.json()["properties"]["provisioningState"]) == (200, "Succeeded")


def test_defaults_and_rewritten_forms_are_those_recorded(arm: Arm) -> None:
    """A diff that does not expect them reports drift that is none."""
    made = arm.put(ACCOUNT, {**BODY, "kind": "storagev2"})
    assert (made["location"], made["kind"]) == ("westeurope", "StorageV2")
    assert made["sku"] == {"name": "Standard_LRS", "tier": "Standard"}
    properties = made["properties"]
    assert properties["primaryEndpoints"]["dfs"] == "https://bikesdata.dfs.core.windows.net/"
    assert properties["encryption"]["services"]["blob"]["enabled"] is True
    assert (properties["accessTier"], properties["isHnsEnabled"]) == ("Hot", True)
    assert "secondaryEndpoints" not in properties
    geo = arm.put("Microsoft.Storage/storageAccounts/bikesgeo", {**BODY, "sku": {"name": "Standard_RAGRS"}})
    assert geo["properties"]["secondaryLocation"] == "northeurope"


def test_a_put_replaces_and_a_patch_merges(arm: Arm) -> None:
    """What a PUT omits falls back to its default; a PATCH leaves it."""
    arm.put(ACCOUNT, {**body(minimumTlsVersion="TLS1_2"), "tags": {"team": "data"}})
    arm.call("PATCH", ACCOUNT, {"tags": {"owner": "ops"}})
    patched = arm.get(ACCOUNT)
    assert (patched["tags"], patched["properties"]["minimumTlsVersion"]) == ({"owner": "ops"}, "TLS1_2")
    answer = arm.call("PUT", ACCOUNT, BODY)
    assert answer.status_code == 200, "an update is not a long operation"
    assert (answer.json()["tags"], answer.json()["properties"]["minimumTlsVersion"]) == ({}, "TLS1_0")
    assert answer.json()["properties"]["creationTime"] == patched["properties"]["creationTime"]


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("Bikes-Data", {}, (400, "AccountNameInvalid")),
        ("bd", {}, (400, "AccountNameInvalid")),
        ("bikesnew", {"sku": {"name": "Standard_XXX"}}, (400, "InvalidValuesForRequestParameters")),
        ("bikesnew", {"kind": None}, (400, "InvalidValuesForRequestParameters")),
        ("bikesnew", {"kind": "FileStorage"}, (400, "InvalidAccountType")),
        ("bikesnew", {"kind": "BlobStorage"}, (400, "InvalidAccessTier")),
        (
            "bikesnew",
            {"properties": {"minimumTlsVersion": "1.2"}},
            (400, "InvalidValuesForRequestParameters"),
        ),
        ("bikesnew", {"properties": {"isHnsEnabled": "yes"}}, (400, "InvalidValuesForRequestParameters")),
        ("bikesnew", {"location": None}, (400, "LocationRequired")),
        ("bikesdata", {"properties": {"isHnsEnabled": False}}, (400, "AccountPropertyCannotBeUpdated")),
        ("bikesdata", {"sku": {"name": "Premium_LRS"}}, (400, "StorageAccountTypeConversionNotAllowed")),
        ("bikesdata", {"location": "northeurope"}, (409, "InvalidResourceLocation")),
    ],
)
def test_what_the_service_refuses(
    arm: Arm, name: str, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Each refusal has the code that Azure gives, so that a plan can say the same before."""
    arm.put(ACCOUNT, BODY)
    sent = {key: value for key, value in {**BODY, **change}.items() if value is not None}
    assert arm.refused("PUT", f"Microsoft.Storage/storageAccounts/{name}", sent) == expected


def test_names_are_unique_in_all_azure(arm: Arm) -> None:
    """Two subscriptions, two groups: one namespace."""
    arm.put(ACCOUNT, BODY)
    other = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/other"
    second = other.replace(SUBSCRIPTION, SUBSCRIPTION[:-1] + "2")
    for group in (other, second):
        assert arm.call("PUT", group, {"location": "westeurope"}, "2024-07-01").status_code == 201
    place = f"providers/{ACCOUNT}"
    assert arm.refused("PUT", f"{other}/{place}", BODY) == (409, "StorageAccountInAnotherResourceGroup")
    assert arm.refused("PUT", f"{second}/{place}", BODY) == (409, "StorageAccountAlreadyTaken")
    check = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Storage/checkNameAvailability"
    asked = {"name": "bikesdata", "type": "Microsoft.Storage/storageAccounts"}
    assert arm.call("POST", check, asked).json()["reason"] == "AlreadyExists"
    assert arm.call("POST", check, {**asked, "name": "free4all"}).json() == {"nameAvailable": True}
    assert not [entry for entry in arm.sandbox.writes() if "checkName" in entry["path"]]


def test_children_have_their_recorded_forms(arm: Arm) -> None:
    """A service exists without having been written; a policy changes its name and its numbers."""
    arm.put(ACCOUNT, BODY)
    blob = arm.get(f"{ACCOUNT}/blobServices/default")
    assert blob["properties"]["deleteRetentionPolicy"]["enabled"] is False
    made = arm.call("PUT", f"{ACCOUNT}/blobServices/default/containers/raw", {"properties": {}})
    assert made.status_code == 201
    assert arm.get(f"{ACCOUNT}/blobServices/default/containers/raw")["properties"]["publicAccess"] == "None"
    assert arm.refused("GET", f"{ACCOUNT}/blobServices/default/containers/none") == (404, "ContainerNotFound")
    assert arm.refused("GET", f"{ACCOUNT}/managementPolicies/default") == (404, "ManagementPolicyNotFound")
    actions = {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 30}}}
    rule = {"name": "old", "type": "Lifecycle", "definition": {"actions": actions}}
    policy = {"properties": {"policy": {"rules": [rule]}}}
    arm.call("PUT", f"{ACCOUNT}/managementPolicies/default", policy)
    kept = arm.get(f"{ACCOUNT}/managementPolicies/default")
    assert kept["name"] == "DefaultManagementPolicy"
    assert kept["properties"]["policy"]["rules"][0]["enabled"] is True


def keys(arm: Arm) -> list[str]:
    return [key["value"] for key in arm.call("POST", f"{ACCOUNT}/listKeys").json()["keys"]]


def blobs(key: Any) -> BlobServiceClient:
    return BlobServiceClient("https://bikesdata.blob.core.windows.net", credential=key, retry_total=0)


def test_a_blob_travels_and_an_old_key_is_refused(arm: Arm) -> None:
    """The real signature is checked, and regenerating one key ends it and leaves the other."""
    arm.put(ACCOUNT, BODY)
    first, second = keys(arm)
    client = blobs(first)
    container = client.create_container("raw")
    container.upload_blob("day/one.csv", b"a,b\n1,2\n")
    container.upload_blob("two.csv", b"x")
    assert container.download_blob("day/one.csv").readall() == b"a,b\n1,2\n"
    assert [one.name for one in container.list_blobs()] == ["day", "day/one.csv", "two.csv"], (
        "a flat list of an account with a hierarchical namespace names directories too"
    )
    assert [one.name for one in container.walk_blobs()] == ["day/", "two.csv"]
    assert [one.name for one in client.list_containers()] == ["raw"]
    assert arm.get(f"{ACCOUNT}/blobServices/default/containers/raw")["name"] == "raw", (
        "one truth for both sides"
    )
    arm.call("POST", f"{ACCOUNT}/regenerateKey", {"keyName": "key1"})
    with pytest.raises(ClientAuthenticationError) as refused:
        client.get_container_client("raw").get_container_properties()
    assert refused.value.error_code == "AuthenticationFailed"
    assert keys(arm)[1] == second
    blobs(second).get_container_client("raw").delete_blob("two.csv")
    with pytest.raises(ResourceNotFoundError):
        blobs(second).get_blob_client("raw", "two.csv").download_blob()


def test_headers_come_back_once_and_change_one_by_one(arm: Arm) -> None:
    """A content type sent twice over is none; metadata and headers are set without each other."""
    arm.put(ACCOUNT, BODY)
    container = blobs(keys(arm)[0]).create_container("raw")
    typed = ContentSettings(content_type="text/csv", cache_control="no-cache")
    blob = container.upload_blob("x", b"1", content_settings=typed, metadata={"team": "data"})
    shown = blob.get_blob_properties()
    assert (shown.content_settings.content_type, shown.metadata) == ("text/csv", {"team": "data"})
    blob.set_blob_metadata({"seen": "yes"})
    blob.set_http_headers(ContentSettings(content_type="text/plain"))
    shown = blob.get_blob_properties()
    assert (shown.content_settings.content_type, shown.metadata) == ("text/plain", {"seen": "yes"})
    assert shown.content_settings.cache_control is None
    assert blob.download_blob().readall() == b"1"


def dfs(key: str) -> BlobServiceClient:
    """The blob client speaks to the dfs endpoint well enough to learn whether its key is good."""
    named = AzureNamedKeyCredential("bikesdata", key)
    return BlobServiceClient("https://bikesdata.dfs.core.windows.net", credential=named, retry_total=0)


def test_a_regenerated_key_is_told_by_its_time_and_refused_at_once(arm: Arm) -> None:
    """`keyCreationTime` tells without listing keys which one is new; both endpoints refuse the old one."""
    arm.put(ACCOUNT, BODY)
    before, (old, other) = arm.get(ACCOUNT)["properties"]["keyCreationTime"], keys(arm)
    arm.sandbox.advance("PT5S")
    again = arm.call("POST", f"{ACCOUNT}/regenerateKey", {"keyName": "key1"}).json()["keys"]
    after = arm.get(ACCOUNT)["properties"]["keyCreationTime"]
    assert (after["key1"] > before["key1"], after["key2"]) == (True, before["key2"])
    assert [one["value"] for one in again] == keys(arm)
    assert (keys(arm)[0] != old, keys(arm)[1]) == (True, other)
    for client in (blobs, dfs):
        with pytest.raises(ClientAuthenticationError) as refused:
            client(old).get_container_client("raw").get_container_properties()
        assert refused.value.error_code == "AuthenticationFailed"
    arm.put(ACCOUNT, {**BODY, "tags": {"team": "data"}})
    assert arm.get(ACCOUNT)["properties"]["keyCreationTime"] == after, "an update leaves the keys alone"
    assert arm.refused("POST", f"{ACCOUNT}/regenerateKey", {"keyName": "key3"})[0] == 400


def test_shared_keys_that_are_switched_off_are_still_listed(arm: Arm) -> None:
    """They open nothing then: both endpoints name the switch, and a token works on."""
    arm.put(ACCOUNT, body(allowSharedKeyAccess=False))
    for client in (blobs, dfs):
        with pytest.raises(HttpResponseError) as refused:
            client(keys(arm)[0]).get_container_client("raw").get_container_properties()
        assert refused.value.status_code == 403
        assert refused.value.error_code == "KeyBasedAuthenticationNotPermitted"
    blobs(DefaultAzureCredential()).create_container("raw")


def test_keys_ask_for_rights_of_their_own(arm: Arm) -> None:
    """Who may read an account may not read its keys; the key operator may do nothing else."""
    arm.put(ACCOUNT, BODY)
    other, call = arm.other()
    arm.assign(other, "acdd72a7-3385-48ef-bd42-f606fba81ae7", GROUP)
    assert call("GET", ACCOUNT) == (200, "")
    assert call("POST", f"{ACCOUNT}/listKeys") == (403, "AuthorizationFailed")
    assert call("POST", f"{ACCOUNT}/regenerateKey", {"keyName": "key1"}) == (403, "AuthorizationFailed")
    arm.assign(other, "81a9662b-bebf-436f-a333-f67b29880f12", GROUP)
    assert call("POST", f"{ACCOUNT}/listKeys") == (200, "")
    assert call("POST", f"{ACCOUNT}/regenerateKey", {"keyName": "key1"}) == (200, "")


def test_the_name_of_no_account_does_not_resolve(arm: Arm) -> None:
    """A client sees a connection that fails, no answer of a service."""
    with pytest.raises(ServiceRequestError):
        blobs(b64encode(b"key").decode()).create_container("raw")


def signed(
    arm: Arm, method: str, url: str, content: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, str]:
    """Status and code of a raw request as the storage SDK would sign it."""
    date = "Mon, 06 May 2024 07:08:09 GMT"
    sent = {"x-ms-date": date, "x-ms-version": "2023-11-03", **(headers or {})}
    own = "".join(f"{key}:{sent[key]}\n" for key in sorted(sent))
    size = str(len(content)) if content else ""
    text = f"{method}\n\n\n{size}\n" + "\n" * 8 + own + f"/bikesdata{urlsplit(url).path}"
    digest = hmac.digest(b64decode(keys(arm)[0]), text.encode(), "sha256")
    sent["Authorization"] = f"SharedKey bikesdata:{b64encode(digest).decode()}"
    answer = requests.request(method, url, data=content or None, headers=sent, timeout=10)
    return answer.status_code, answer.headers.get("x-ms-error-code", "")


def test_a_token_needs_a_data_role(arm: Arm) -> None:
    """Owner may manage the account, and read no blob: Azure's most common surprise."""
    arm.put(ACCOUNT, BODY)
    client = blobs(DefaultAzureCredential())
    client.create_container("raw")
    with pytest.raises(HttpResponseError) as refused:
        client.get_container_client("raw").upload_blob("x", b"1")
    assert refused.value.error_code == "AuthorizationPermissionMismatch"
    role = "/providers/Microsoft.Authorization/roleDefinitions/ba92f5b4-2d11-453d-a403-e96b0029c9fe"
    assignment = {"roleDefinitionId": role, "principalId": ME, "principalType": "ServicePrincipal"}
    place = (
        f"{ACCOUNT}/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-0000000000aa"
    )
    assert arm.call("PUT", place, {"properties": assignment}, "2022-04-01").status_code == 201
    client.get_container_client("raw").upload_blob("x", b"1")


def test_a_deleted_account_takes_its_data_with_it(arm: Arm) -> None:
    """A new account of the same name is empty and has other keys."""
    arm.put(ACCOUNT, BODY)
    old = keys(arm)
    blobs(old[0]).create_container("raw").upload_blob("x", b"1")
    assert arm.call("DELETE", ACCOUNT).status_code == 200
    assert arm.call("DELETE", ACCOUNT).status_code == 204
    arm.put(ACCOUNT, BODY)
    assert not set(old) & set(keys(arm))
    assert not [entry for entry in arm.sandbox.writes() if entry["path"].endswith("listKeys")], (
        "reading is no write"
    )
    assert list(blobs(keys(arm)[0]).list_containers()) == []


def test_a_system_assigned_identity_is_a_principal_that_roles_can_name(arm: Arm) -> None:
    """Roles for a factory's identity are given by its principal id, without telling its kind."""
    made = arm.put(ACCOUNT, {**BODY, "identity": {"type": "systemassigned"}})
    assert made["identity"]["type"] == "SystemAssigned"
    principal = made["identity"]["principalId"]
    assert (
        arm.put(ACCOUNT, {**BODY, "identity": {"type": "SystemAssigned"}})["identity"]["principalId"]
        == principal
    )
    reader = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
    body = {"properties": {"roleDefinitionId": reader, "principalId": principal}}
    place = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-0000000000ab"
    assert arm.call("PUT", place, body, "2022-04-01").status_code == 201


FLAT = {**BODY, "properties": {"supportsHttpsTrafficOnly": True}}


def on_disk(arm: Arm, container: str = "raw") -> Path:
    return arm.sandbox.state / "storage" / "bikesdata" / container


@pytest.mark.parametrize("account", [BODY, FLAT])
def test_blobs_are_plain_files(arm: Arm, account: dict[str, Any]) -> None:
    """Spark reads what was put over HTTP by its path, and a new account finds no old files."""
    arm.put(ACCOUNT, account)
    arm.put(f"{ACCOUNT}/blobServices/default/containers/raw", {"properties": {}})
    assert on_disk(arm).is_dir(), "a container is a folder from its creation"
    container = blobs(keys(arm)[0]).get_container_client("raw")
    container.upload_blob("day/one.csv", b"a,b\n", metadata={"team": "data"})
    assert (on_disk(arm) / "day" / "one.csv").read_bytes() == b"a,b\n"
    container.upload_blob("day/one.csv", b"c", overwrite=True)
    assert (on_disk(arm) / "day" / "one.csv").read_bytes() == b"c"
    container.delete_blob("day/one.csv")
    assert (on_disk(arm) / "day").exists() == (account is BODY), "a flat account has no directories"
    container.upload_blob("x", b"1")
    arm.call("DELETE", ACCOUNT)
    assert not on_disk(arm).exists()
    assert not list((arm.sandbox.state / "storage" / ".new").iterdir()), "nothing half is left"


def test_what_another_process_wrote_is_seen(arm: Arm) -> None:
    """A Spark job's output, also over a blob that was put before; without Hadoop's checksum files."""
    arm.put(ACCOUNT, BODY)
    container = blobs(keys(arm)[0]).create_container("raw")
    container.upload_blob("out/part-0", b"old", metadata={"team": "data"})
    before = container.get_blob_client("out/part-0").get_blob_properties()
    for name in ("part-0", "part-1", ".part-1.crc", "_SUCCESS"):
        (on_disk(arm) / "out" / name).write_bytes(b"" if name == "_SUCCESS" else b"by spark")
    assert [one.name for one in container.list_blobs("out/")] == ["out/_SUCCESS", "out/part-0", "out/part-1"]
    after = container.get_blob_client("out/part-0").get_blob_properties()
    assert (before.metadata, after.metadata, after.size) == ({"team": "data"}, {}, 8)
    assert after.etag != before.etag
    assert container.download_blob("out/part-1").readall() == b"by spark"
    container.upload_blob("out/part-1", b"ours", overwrite=True)
    assert not (on_disk(arm) / "out" / ".part-1.crc").exists(), "a stale checksum would break Spark's reading"


@pytest.mark.parametrize("name", ["../other/x", "a/../../x", "a//b", "./a", "a\x00b", "x" * 256])
def test_no_name_leads_out_of_its_container(arm: Arm, name: str) -> None:
    """What cannot be a file's name is refused, on the way in and out."""
    arm.put(ACCOUNT, BODY)
    arm.put(f"{ACCOUNT}/blobServices/default/containers/raw", {"properties": {}})
    blobs(keys(arm)[0]).create_container("other").upload_blob("x", b"1")
    url = f"https://bikesdata.blob.core.windows.net/raw/{quote(name, safe='')}"
    assert signed(arm, "PUT", url, b"2", {"x-ms-blob-type": "BlockBlob"}) == (400, "InvalidResourceName")
    assert signed(arm, "GET", url) == (400, "InvalidResourceName")
    assert sorted(file.name for file in on_disk(arm, "other").iterdir()) == ["x"]
    listed = blobs(keys(arm)[0]).get_container_client("raw").list_blobs(name_starts_with="../other/")
    assert list(listed) == []


def test_symbolic_links_are_not_followed(arm: Arm, tmp_path: Path) -> None:
    """A notebook may make one; the sandbox hands out no file of the machine for it."""
    arm.put(ACCOUNT, BODY)
    container = blobs(keys(arm)[0]).create_container("raw")
    (tmp_path / "secret").write_text("s")
    (on_disk(arm) / "link").symlink_to(tmp_path)
    (on_disk(arm) / "file").symlink_to(tmp_path / "secret")
    assert list(container.list_blobs()) == []
    for name in ("link/secret", "file"):
        with pytest.raises(HttpResponseError) as refused:
            container.download_blob(name)
        assert refused.value.error_code == "PathConflict"
        with pytest.raises(HttpResponseError):
            container.upload_blob(name, b"x", overwrite=True)
    assert (tmp_path / "secret").read_text() == "s"


def test_a_reset_empties_the_folders(arm: Arm) -> None:
    """What one test wrote must not be found by the next."""
    arm.put(ACCOUNT, BODY)
    blobs(keys(arm)[0]).create_container("raw").upload_blob("x", b"1")
    arm.sandbox.reset()
    assert not on_disk(arm).exists()


def test_a_blob_survives_a_power_cut(arm: Arm) -> None:
    """What was answered is kept, with its headers."""
    arm.put(ACCOUNT, BODY)
    blobs(keys(arm)[0]).create_container("raw").upload_blob("x", b"1", metadata={"team": "data"})
    arm.sandbox.kill()
    arm.sandbox.restart()
    found = blobs(keys(arm)[0]).get_blob_client("raw", "x")
    assert (found.download_blob().readall(), found.get_blob_properties().metadata) == (b"1", {"team": "data"})
