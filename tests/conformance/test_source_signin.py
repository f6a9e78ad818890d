"""Signing in to a Git host without a stored token: a GitHub App, and the app's own identity in Azure."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from azure.identity import DefaultAzureCredential
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from support import vaults
from support.arm import Arm
from support.sandbox import Sandbox
from support.vaults import EVERYTHING, URL, VAULT, policy, vault

from reconciler.errors import SettingsError, SourceError
from reconciler.redaction import redact
from reconciler.source import githubapp
from reconciler.source.signin import Means, SignIn, credentials

REPOSITORY = "https://github.com/acme/bikes.git"


@pytest.fixture(scope="module")
def keys() -> tuple[RSAPrivateKey, RSAPrivateKey]:
    return generate_private_key(65537, 2048), generate_private_key(65537, 2048)


def pem(key: RSAPrivateKey) -> str:
    """As GitHub hands it out."""
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


Register = Callable[..., Means]


@pytest.fixture
def register(sandbox: Sandbox, keys: tuple[RSAPrivateKey, RSAPrivateKey]) -> Register:
    """Makes an app that is installed on a repository; what our settings then say."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = keys[0].public_key().public_bytes(serialization.Encoding.PEM, form).decode()

    def make(repository: str = "Acme/Bikes", **more: Any) -> Means:
        body = {"publicKey": public, "repositories": [repository], **more}
        made = sandbox.control("POST", "github/apps", body)
        return Means(app=made["clientId"], key=pem(keys[0]))

    return make


def signed_in(means: Means, url: str = REPOSITORY) -> SignIn:
    found = credentials(url, means)
    assert found is not None
    return found


def refusal(sign_in: SignIn) -> SourceError:
    with pytest.raises(SourceError) as caught:
        sign_in()
    assert caught.value.where == REPOSITORY
    return caught.value


def asked(sandbox: Sandbox) -> list[str]:
    return [entry["path"] for entry in sandbox.journal() if entry["host"] == "api.github.com"]


def test_an_app_gets_a_token_for_its_repository_and_keeps_it(sandbox: Sandbox, register: Register) -> None:
    sign_in = signed_in(register())
    assert asked(sandbox) == [], "nothing is asked before it is needed"
    with ThreadPoolExecutor(4) as pool:
        logins = set(pool.map(lambda _: sign_in(), range(8)))
    ((user, token),) = logins
    assert user == "x-access-token"
    assert token.startswith("ghs_")
    assert token not in redact(f"refused: {token}"), "no log or message shows it"
    paths = asked(sandbox)
    assert paths[0] == "/repos/acme/bikes/installation"
    assert paths[1].endswith("/access_tokens")
    assert len(paths) == 2


def test_a_token_that_is_about_to_end_is_replaced(
    sandbox: Sandbox, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in = signed_in(register())
    first = sign_in()
    assert sign_in() == first
    monkeypatch.setattr(githubapp, "SPARE_SECONDS", 3601.0)
    late = signed_in(register())
    assert late() != late()


def test_github_s_clock_decides(sandbox: Sandbox, register: Register) -> None:
    """A machine whose clock is wrong would sign for a time that is over, or not yet there."""
    sandbox.advance("PT3H")
    sign_in = signed_in(register())
    first = sign_in()
    assert sign_in() == first, "it lasts an hour, also by our clock"
    assert len(asked(sandbox)) == 3, "one was refused"


def test_what_is_signed_lasts_minutes_and_names_the_app(
    register: Register, keys: tuple[RSAPrivateKey, RSAPrivateKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Any]] = []
    encode = jwt.encode
    monkeypatch.setattr(
        githubapp.jwt, "encode", lambda claims, *a, **o: seen.append(claims) or encode(claims, *a, **o)
    )
    means = register()
    signed_in(means)()
    assert {(claims["iss"], claims["exp"] - claims["iat"]) for claims in seen} == {(means.app, 360)}


def test_refusals_of_github_have_their_causes(
    sandbox: Sandbox, register: Register, keys: tuple[RSAPrivateKey, RSAPrivateKey]
) -> None:
    elsewhere = register("acme/other")
    error = refusal(signed_in(elsewhere))
    assert (error.code, "not installed on this repository" in str(error)) == ("source-not-found", True)
    wrong = Means(app=register().app, key=pem(keys[1]))
    error = refusal(signed_in(wrong))
    assert (error.code, "by this id and key" in str(error)) == ("source-sign-in", True)
    blind = register(permissions={"metadata": "read"})
    error = refusal(signed_in(blind))
    assert (error.code, "read the contents" in str(error)) == ("source-sign-in", True)
    sandbox.control("POST", "faults", {"match": {"host": "api.github.com"}, "do": "status", "status": 503})
    assert refusal(signed_in(register())).code == "source-unreachable"
    sandbox.control("POST", "faults", {"match": {"host": "api.github.com"}, "do": "drop-before"})
    assert refusal(signed_in(register())).code == "source-unreachable"


@pytest.mark.parametrize("form", ["file", "one line", "vault"])
def test_a_private_key_comes_as_a_setting_or_from_a_vault(
    sandbox: Sandbox, register: Register, form: str
) -> None:
    means = register()
    key = means.key
    if form == "one line":
        key = key.replace("\n", "\\n")
    if form == "vault":
        Arm(sandbox, "2023-07-01").put(VAULT, vault(policy(*EVERYTHING)))
        vaults.secrets().set_secret("app-key", means.key)
        key = f"{URL}/secrets/app-key"
    assert signed_in(Means(app=means.app, key=key, credential=DefaultAzureCredential))()[1].startswith("ghs_")


@pytest.mark.parametrize(
    "key",
    [
        "hunter2",
        "@Microsoft.KeyVault(SecretUri=https://bikes-kv.vault.azure.net/secrets/hunter2)",
        "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----",
        f"{URL}/secrets/hunter2",
    ],
)
def test_what_is_no_private_key_is_told_and_not_repeated(
    sandbox: Sandbox, register: Register, key: str
) -> None:
    """The second is what App Service leaves where it cannot read the vault; the last does not exist."""
    Arm(sandbox, "2023-07-01").put(VAULT, vault(policy(*EVERYTHING)))
    means = Means(app=register().app, key=key, credential=DefaultAzureCredential)
    with pytest.raises(SettingsError) as caught:
        signed_in(means)()
    assert caught.value.where == "RECONCILER_GITHUB_KEY"
    assert "hunter2" not in str(caught.value) + repr(means)


@pytest.mark.parametrize(
    "url", ["https://dev.azure.com/acme/bikes/_git/bikes", "https://acme.visualstudio.com/bikes/_git/bikes"]
)
def test_azure_repos_is_entered_with_the_app_s_own_identity(sandbox: Sandbox, url: str) -> None:
    user, token = signed_in(Means(credential=DefaultAzureCredential), url)()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert user
    assert claims["aud"] == "499b84ac-1321-427f-aa17-267ca6975798"


def test_no_identity_at_all_is_told(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    url = "https://dev.azure.com/acme/bikes/_git/bikes"
    with pytest.raises(SourceError, match="no identity to sign in to Azure Repos") as caught:
        signed_in(Means(credential=DefaultAzureCredential), url)()
    assert caught.value.code == "source-sign-in"


def test_which_way_is_taken() -> None:
    app = {"app": "Iv1", "key": "-----BEGIN RSA PRIVATE KEY-----"}
    token = credentials("https://dev.azure.com/acme/x/_git/x", Means(token="t", **app))
    assert token is not None
    assert token() == ("x-access-token", "t"), "what is said in so many words comes first"
    assert credentials(REPOSITORY, Means()) is None, "anybody may read it"
    assert credentials("/srv/bikes", Means(**app)) is None, "a folder needs none"
    for half in (Means(app="Iv1"), Means(key="x")):
        with pytest.raises(SettingsError, match="Set both"):
            credentials(REPOSITORY, half)


@pytest.mark.parametrize(
    ("host", "api"),
    [
        ("github.com", "https://api.github.com"),
        ("acme.ghe.com", "https://api.acme.ghe.com"),
        ("git.acme.example", "https://git.acme.example/api/v3"),
    ],
)
def test_where_a_host_answers(host: str, api: str) -> None:
    assert githubapp._api(host) == api
