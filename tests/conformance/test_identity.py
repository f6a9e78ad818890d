"""Signing in: the clients' own sign-in code against the identity endpoint and Entra ID."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential, DefaultAzureCredential, ManagedIdentityCredential
from support.sandbox import Sandbox

ARM = "https://management.azure.com/.default"
LOGIN = "https://login.microsoftonline.com"
TENANT = "00000000-0000-0000-0000-00000000000a"
RECONCILER = {
    "oid": "00000000-0000-0000-0000-0000000000f1",
    "appid": "00000000-0000-0000-0000-0000000000c1",
}


def claims(token: str) -> dict[str, Any]:
    """The claims, verified by the published key."""
    keys = requests.get(f"{LOGIN}/{TENANT}/discovery/v2.0/keys", timeout=10).json()["keys"]
    assert jwt.get_unverified_header(token)["kid"] == keys[0]["kid"]
    verified: dict[str, Any] = jwt.decode(
        token, jwt.PyJWK(keys[0]).key, algorithms=["RS256"], options={"verify_aud": False}
    )
    return verified


@pytest.mark.parametrize("credential", [ManagedIdentityCredential, DefaultAzureCredential])
def test_managed_identity_gets_a_signed_token_for_a_day(sandbox: Sandbox, credential: type[Any]) -> None:
    """An app in App Service signs in with nothing but IDENTITY_ENDPOINT and IDENTITY_HEADER."""
    token = credential().get_token(ARM)

    held = claims(token.token)
    assert {name: held[name] for name in ("oid", "appid", "tid", "aud")} == {
        **RECONCILER,
        "tid": TENANT,
        "aud": "https://management.azure.com",
    }
    assert held["exp"] - held["iat"] == 24 * 3600
    assert abs(token.expires_on - held["exp"]) <= 2
    assert abs(time.time() - held["nbf"]) < 60


def test_user_assigned_identity_is_chosen_by_client_id(sandbox: Sandbox) -> None:
    """Each environment may name an identity of its own."""
    made = sandbox.control("POST", "identities", {"name": "for-test"})

    token = ManagedIdentityCredential(client_id=made["clientId"]).get_token(ARM)

    assert claims(token.token)["oid"] == made["objectId"]


def test_unknown_user_assigned_identity_is_refused(sandbox: Sandbox) -> None:
    """A client id that the app does not have must not fall back to the app's own identity."""
    with pytest.raises(ClientAuthenticationError, match="No Managed Identity found"):
        ManagedIdentityCredential(client_id="11111111-2222-3333-4444-555555555555").get_token(ARM)


@pytest.mark.parametrize("choose", ["client_id", "principal_id", "mi_res_id"])
@pytest.mark.parametrize(
    ("name", "secret", "status"),
    [
        ("application", "secret", 400),
        ("/subscriptions/s/resourceGroups/g/providers/Microsoft.DataFactory/factories/f", None, 400),
        (
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u",
            None,
            200,
        ),
    ],
)
def test_an_app_cannot_sign_in_as_what_it_is_not(
    sandbox: Sandbox, choose: str, name: str, secret: str | None, status: int
) -> None:
    """Applications have secrets; another resource's own identity belongs to that resource alone."""
    made = sandbox.control("POST", "identities", {"name": name, **({"secret": secret} if secret else {})})
    value = {"client_id": made["clientId"], "principal_id": made["objectId"], "mi_res_id": made["name"]}[
        choose
    ]

    answer = requests.get(
        f"{sandbox.url}/msi/token",
        params={"api-version": "2019-08-01", "resource": "https://vault.azure.net", choose: value},
        headers={"X-IDENTITY-HEADER": sandbox.variables["IDENTITY_HEADER"]},
        timeout=10,
    )

    assert answer.status_code == status


def test_client_secret_signs_in_through_discovery(sandbox: Sandbox) -> None:
    """MSAL's instance discovery, OpenID configuration and v2.0 token request all have to agree."""
    made = sandbox.control("POST", "identities", {"name": "pipeline", "secret": "correct horse"})

    token = ClientSecretCredential(TENANT, made["clientId"], "correct horse").get_token(
        "https://vault.azure.net/.default"
    )

    held = claims(token.token)
    assert (held["oid"], held["aud"]) == (made["objectId"], "https://vault.azure.net")
    assert held["exp"] - held["iat"] == 75 * 60


@pytest.mark.parametrize(
    ("tenant", "change", "number"),
    [
        (TENANT, {"client_secret": "wrong"}, "AADSTS7000215"),
        (TENANT, {"client_id": "11111111-2222-3333-4444-555555555555"}, "AADSTS700016"),
        ("11111111-2222-3333-4444-555555555555", {}, "AADSTS90002"),
        ("common", {}, "AADSTS50059"),
        (TENANT, {"scope": "https://unknown.example/.default"}, "AADSTS500011"),
        (TENANT, {"scope": "https://vault.azure.net/user_impersonation"}, "AADSTS1002012"),
        (TENANT, {"scope": ""}, "AADSTS900144"),
        (TENANT, {"grant_type": "password"}, "AADSTS70003"),
    ],
)
def test_wrong_token_requests_get_their_own_number(
    sandbox: Sandbox, tenant: str, change: Mapping[str, str], number: str
) -> None:
    """A client tells a wrong secret from a wrong tenant by the AADSTS number."""
    made = sandbox.control("POST", "identities", {"name": "pipeline", "secret": "right"})
    form = {"grant_type": "client_credentials", "client_id": made["clientId"], "client_secret": "right",
            "scope": ARM, **change}  # fmt: skip

    answer = requests.post(f"{LOGIN}/{tenant}/oauth2/v2.0/token", data=form, timeout=10)

    assert answer.status_code == (401 if number == "AADSTS7000215" else 400)
    body = answer.json()
    assert body["error_description"].startswith(f"{number}:")
    assert body["error_codes"] == [int(number.removeprefix("AADSTS"))]
    assert "right" not in answer.text.replace("right.", "")


def test_v1_grant_takes_resource(sandbox: Sandbox) -> None:
    """Older clients send `resource` to the v1.0 endpoint and expect numbers as text."""
    made = sandbox.control("POST", "identities", {"name": "old", "secret": "s"})
    form = {"grant_type": "client_credentials", "client_id": made["clientId"], "client_secret": "s",
            "resource": "https://management.core.windows.net/"}  # fmt: skip

    body = requests.post(f"{LOGIN}/{TENANT}/oauth2/token", data=form, timeout=10).json()

    assert body["expires_in"] == "4500"
    assert claims(body["access_token"])["aud"] == "https://management.core.windows.net/"


@pytest.mark.parametrize(
    ("query", "header", "status"),
    [
        ({}, None, 401),
        ({}, "wrong", 401),
        ({"api-version": "2017-09-01"}, "right", 400),
        ({"resource": "https://unknown.example"}, "right", 400),
        ({"resource": ""}, "right", 400),
        ({}, "right", 200),
    ],
)
def test_identity_endpoint_is_strict(
    sandbox: Sandbox, query: Mapping[str, str], header: str | None, status: int
) -> None:
    """Without its secret header, or for an unknown resource, no token is handed out."""
    asked = {"api-version": "2019-08-01", "resource": "https://vault.azure.net", **query}
    secret = sandbox.variables["IDENTITY_HEADER"] if header == "right" else header
    headers = {"X-IDENTITY-HEADER": secret} if secret else {}

    answer = requests.get(f"{sandbox.url}/msi/token?{urlencode(asked)}", headers=headers, timeout=10)

    assert answer.status_code == status
    body = answer.json()
    if status == 200:
        assert body["expires_on"].isdecimal()
        assert body["token_type"] == "Bearer"
    else:
        assert body["statusCode"] == status


ARM_LIST = "https://management.azure.com/subscriptions?api-version=2022-12-01"


def refused(token: str | None) -> requests.Response:
    """ARM's answer to a request with this token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.get(ARM_LIST, headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith(
        f'Bearer authorization_uri="https://login.microsoftonline.com/{TENANT}", error="invalid_token"'
    )
    return answer


def mint(sandbox: Sandbox, audience: str, **fields: str) -> str:
    """A token of the reconciler's identity."""
    token: str = sandbox.control("POST", "token", {"audience": audience, **fields})["access_token"]
    return token


def test_arm_refuses_tokens_in_its_own_words(sandbox: Sandbox) -> None:
    """Missing, foreign, misdirected and expired tokens are told apart by the code."""
    good = mint(sandbox, "https://management.azure.com/")
    header, payload, _ = good.split(".")
    forged = f"{header}.{payload}.{mint(sandbox, 'https://vault.azure.net').split('.')[2]}"
    answers = {
        "AuthenticationFailed": refused(None),
        "InvalidAuthenticationToken": refused(forged),
        "InvalidAuthenticationTokenAudience": refused(mint(sandbox, "https://vault.azure.net")),
        "ExpiredAuthenticationToken": refused(
            mint(sandbox, "https://management.azure.com/", lifetime="PT0S")
        ),
    }

    assert {code: answer.json()["error"]["code"] for code, answer in answers.items()} == {
        code: code for code in answers
    }
    assert requests.get(ARM_LIST, headers={"Authorization": f"Bearer {good}"}, timeout=10).status_code != 401


def test_expiry_follows_the_worlds_clock(sandbox: Sandbox) -> None:
    """A token that is good by the wall clock has expired once the world's clock passed its end."""
    token = ManagedIdentityCredential().get_token(ARM).token
    sandbox.advance("P1DT1M")

    assert refused(token).json()["error"]["code"] == "ExpiredAuthenticationToken"
    assert (
        claims_unverified(ManagedIdentityCredential().get_token(ARM).token)["iat"] > time.time() + 23 * 3600
    )


def claims_unverified(token: str) -> dict[str, Any]:
    """The claims as they are: this process's clock differs from the world's."""
    held: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return held


def test_no_token_or_secret_gets_into_the_journal(sandbox: Sandbox) -> None:
    """The journal is shown to people and written to reports."""
    made = sandbox.control("POST", "identities", {"name": "pipeline", "secret": "correct horse"})
    token = ClientSecretCredential(TENANT, made["clientId"], "correct horse").get_token(ARM).token
    requests.get(ARM_LIST, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    requests.get("https://graph.microsoft.com/v1.0/me?sig=hidden&code=hidden", timeout=10)

    text = json.dumps(sandbox.journal())
    assert "POST" in text
    assert all(secret not in text for secret in ("correct horse", token, token.split(".")[2], "hidden"))
    assert "correct horse" not in json.dumps(sandbox.control("GET", "state"))


def test_graph_finds_service_principals(sandbox: Sandbox) -> None:
    """Role assignments by name or client id need the object id that Graph knows."""
    made = sandbox.control("POST", "identities", {"name": "o'brien", "secret": "s"})
    headers = {"Authorization": f"Bearer {mint(sandbox, 'https://graph.microsoft.com')}"}

    def graph(path: str, status: int = 200) -> Any:
        answer = requests.get(f"https://graph.microsoft.com/v1.0/{path}", headers=headers, timeout=10)
        assert answer.status_code == status
        return answer.json()

    by_filter = graph(f"servicePrincipals?$filter=appId eq '{made['clientId']}'")["value"]
    by_any = graph(f"servicePrincipals?$filter=servicePrincipalNames/any(c:c eq '{made['clientId']}')")[
        "value"
    ]
    by_name = graph("servicePrincipals?$filter=displayName eq 'o''brien'")["value"]
    by_key = graph(f"servicePrincipals(appId='{made['clientId']}')")
    assert [found["id"] for found in (*by_filter, *by_any, *by_name, by_key)] == [made["objectId"]] * 4
    missing = graph("servicePrincipals/11111111-2222-3333-4444-555555555555", 404)
    assert missing["error"]["code"] == "Request_ResourceNotFound"
    assert graph("servicePrincipals?$filter=startswith(appId,'0')", 501)["error"]["code"] == "NotImplemented"
