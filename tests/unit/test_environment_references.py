"""`${…}`: how it is read, and where which may stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.environment import (
    BadReference,
    Reference,
    databricks_host,
    permitted,
    pieces,
    references,
    whole,
)
from reconciler.environment.references import FORMS, Allowed, allowed_at, misplaced


@pytest.mark.parametrize(
    ("text", "kind", "parts"),
    [
        ("${azure.platform.keyVaultUri}", "azure", ("platform", "keyVaultUri")),
        ("${azure.platform.endpoints.blob}", "azure", ("platform", "endpoints", "blob")),
        ("${identity.objectId}", "identity", ("objectId",)),
        ("${env:API_KEY}", "env", ("API_KEY",)),
        ("${secret:my-vault/api-key}", "secret", ("my-vault", "api-key")),
        ("${storageKey:bikesharetest}", "storageKey", ("bikesharetest",)),
    ],
)
def test_every_form_is_read(text: str, kind: str, parts: tuple[str, ...]) -> None:
    assert whole(text) == Reference(kind, parts, text)
    assert references(f"a{text}b{text}") == [Reference(kind, parts, text)] * 2
    assert whole(f" {text}") is None


def test_a_doubled_dollar_is_a_plain_one() -> None:
    assert pieces("a $${env:A} b ${env:B} $ { $$ }") == (
        "a ${env:A} b ",
        references("${env:B}")[0],
        " $ { $$ }",
    )
    assert pieces("") == ()


@pytest.mark.parametrize(
    "text",
    ["${", "${}", "${env}", "${env:}", "${env:A B}", "${azure.x}", "${identity.secret}", "${secret:v}",
     "${secret:v/}", "${storageKey:UPPER}", "${ env:A}", "${${env:A}}", "${environ:A}"],
)  # fmt: skip
def test_what_is_not_quite_a_reference_is_refused_and_its_content_not_quoted(text: str) -> None:
    with pytest.raises(BadReference) as caught:
        pieces(text)
    assert caught.value.hint
    assert "A B" not in str(caught.value) and "UPPER" not in str(caught.value)


ENV, AZURE, KEY = "${env:A}", "${azure.a.b}", "${storageKey:abc}"


@pytest.mark.parametrize(
    ("allowed", "fine", "refused"),
    [
        (Allowed.NONE, ["x", "$${env:A}"], [AZURE, ENV, KEY]),
        (Allowed.KNOWN, ["x", f"a{AZURE}b{AZURE}", "${identity.objectId}"], [ENV, KEY, f"{AZURE}{ENV}"]),
        (Allowed.AZURE_WHOLE, ["x", AZURE], [f"{AZURE}/", ENV, "${identity.objectId}", AZURE * 2]),
        (Allowed.PARAMETER, ["x", f"a{AZURE}", ENV, KEY], [f"a{ENV}", f"{KEY}b", ENV + AZURE]),
        (Allowed.SECRET, [ENV, f"Key={KEY};", AZURE], [f"a{ENV}", "a${secret:vault/b}"]),
        (Allowed.ADDRESS, ["mailto:a@b.c", ENV, "${secret:vault/b}"], [f"https://{ENV}", AZURE, KEY]),
    ],
)
def test_where_which_reference_may_stand(allowed: Allowed, fine: list[str], refused: list[str]) -> None:
    assert [text for text in fine if misplaced(text, allowed)] == []
    assert [text for text in refused if not misplaced(text, allowed)] == []


def test_places_that_are_not_listed_take_no_reference() -> None:
    """A new section is closed to references until somebody opens it."""
    assert allowed_at(("azure", "resourceGroup")) is Allowed.NONE
    assert allowed_at(("azure", "deployments", 0, "name")) is Allowed.NONE
    assert allowed_at(("azure", "deployments", 0, "parameters", "a", 3, "b")) is Allowed.PARAMETER
    assert allowed_at(("azure", "deployments", 0, "parameters")) is Allowed.NONE
    assert allowed_at(("something", "new")) is Allowed.NONE


def test_only_allowed_names_of_settings_and_secrets_are_permitted() -> None:
    allowed = frozenset({"API_KEY", "team-vault/*"})
    texts = (
        "${env:API_KEY}",
        "${env:OTHER}",
        "${secret:team-vault/x}",
        "${secret:other/x}",
        "${azure.a.b}",
        KEY,
    )
    answers = [permitted(references(text)[0], allowed) for text in texts]
    assert answers == [True, False, True, False, True, True]


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://adb-123.4.azuredatabricks.net", "adb-123.4.azuredatabricks.net"),
        ("ADB-123.4.AzureDatabricks.net/", "adb-123.4.azuredatabricks.net"),
        ("adb-1.2.databricks.azure.cn", "adb-1.2.databricks.azure.cn"),
        ("https://adb-1.2.databricks.azure.us/", "adb-1.2.databricks.azure.us"),
    ],
)
def test_hosts_of_databricks(text: str, host: str) -> None:
    assert databricks_host(text) == host


@pytest.mark.parametrize(
    "text",
    ["", "azuredatabricks.net", ".azuredatabricks.net", "a..azuredatabricks.net",
     "x.azuredatabricks.net.evil.org", "xazuredatabricks.net", "https://evil.org/x.azuredatabricks.net", "https://evil.org?x.azuredatabricks.net",
     "https://u@x.azuredatabricks.net", "x.azuredatabricks.net:444", "http://x.azuredatabricks.net",
     "https://x.azuredatabricks.net/path", "x.azuredatabricks.net\n", "evil.org\\.azuredatabricks.net"],
)  # fmt: skip
def test_other_hosts_are_refused(text: str) -> None:
    """Tokens are sent to the host."""
    with pytest.raises(ValueError, match="not the address"):
        databricks_host(text)


@given(st.text(alphabet="${}azure.envscrtidyKy:/b A"))
def test_pieces_put_together_again_are_the_text(text: str) -> None:
    try:
        found = pieces(text)
    except BadReference:
        return
    back = "".join(piece.replace("${", "$${") if isinstance(piece, str) else piece.text for piece in found)
    assert pieces(back) == found
    assert all(piece.kind in FORMS for piece in found if isinstance(piece, Reference))
