"""Settings: what they say, and that each one that is read is told to those who have to set it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reconciler import settings
from reconciler.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]
PLATFORM = {"WEBSITE_AUTH_ENABLED"}
"""What the platform says itself; nobody sets it."""


def read_by_code() -> set[str]:
    """Every setting that the app's code names: read from the environment, or by the host as %NAME%."""
    code = (ROOT / "reconciler/settings.py").read_text("utf-8")
    app = (ROOT / "function_app.py").read_text("utf-8")
    return set(re.findall(r'said\.get\("(\w+)"', code)) | set(re.findall(r"%(\w+)%", app))


def test_every_setting_that_is_read_is_in_the_sample_and_the_documentation() -> None:
    """Whoever installs the app finds each of them in both; and none there that nothing reads."""
    sample = json.loads((ROOT / "local.settings.sample.json").read_text("utf-8"))["Values"]
    table = re.findall(
        r"^\| `(\w+)` \|", (ROOT / "docs/reference/settings.md").read_text("utf-8"), re.MULTILINE
    )
    wanted = read_by_code() - PLATFORM
    assert len(wanted) >= 13
    assert set(sample) - {"FUNCTIONS_WORKER_RUNTIME"} == wanted
    assert {name for name in table if name.startswith(("RECONCILE", "AzureWebJobs"))} == wanted
    assert set(settings.NAMES) | {"RECONCILE_SCHEDULE"} == wanted
    assert all(isinstance(value, str) for value in sample.values()), "Functions takes texts alone"


def test_nothing_else_of_the_product_reads_the_environment() -> None:
    """A setting that is read elsewhere would be told nowhere."""
    for path in [*ROOT.glob("reconciler/**/*.py"), ROOT / "function_app.py"]:
        if path.name != "settings.py":
            found = re.findall(
                r"os\.(?:environ\.get|getenv)\(\s*\"(RECONCIL\w+|AzureWeb\w+)", path.read_text("utf-8")
            )
            assert found == [], path


def test_what_is_not_said_has_a_default() -> None:
    said = settings.read({})
    assert (said.repository, said.branch, said.state, said.seconds) == (".", "main", "", None)
    assert (said.webhook_secrets, said.easy_auth, bool(said.storage)) == ((), False, False)


def test_secrets_of_webhooks_are_told_apart_by_commas() -> None:
    said = settings.read({"RECONCILER_WEBHOOK_SECRETS": " the first one , the second ,"})
    assert said.webhook_secrets == ("the first one", "the second")
    assert "first" not in repr(said)


def test_the_queues_account_is_named_as_functions_names_it() -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity"""
    prefix = "AzureWebJobsStorage"
    named = settings.read({f"{prefix}__accountName": "acct", f"{prefix}__clientId": "c"}).storage
    assert (named.queues, named.client_id) == ("https://acct.queue.core.windows.net", "c")
    address = settings.read({f"{prefix}__queueServiceUri": "https://a.queue.core.windows.net"}).storage
    assert (address.queues, address.client_id) == ("https://a.queue.core.windows.net", None)
    assert settings.read({prefix: "UseDevelopmentStorage=true"}).storage.connection


def test_the_header_of_easy_auth_counts_only_where_the_platform_writes_it() -> None:
    """Elsewhere anybody could send it: the app then asks for keys."""
    assert not settings.read({"RECONCILER_AUTH": "easyauth"}).easy_auth
    assert settings.read({"RECONCILER_AUTH": "easyauth", "WEBSITE_AUTH_ENABLED": "True"}).easy_auth
    assert not settings.read({"WEBSITE_AUTH_ENABLED": "True"}).easy_auth


@pytest.mark.parametrize(
    ("name", "value"), [("RECONCILER_TICK_SECONDS", "soon"), ("RECONCILER_AUTH", "none")]
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.read({name: value})
    assert (caught.value.where, value in caught.value.message) == (name, True)


def test_a_reference_that_the_host_could_not_resolve_is_no_setting(caplog: pytest.LogCaptureFixture) -> None:
    """App Service then hands on the reference itself, which anybody can guess: it must let nobody in."""
    reference = "@Microsoft.KeyVault(VaultName=v;SecretName=webhook-secrets)"
    said = {"RECONCILER_WEBHOOK_SECRETS": reference, "RECONCILER_GIT_TOKEN": reference, "OTHER": reference}
    found = settings.read(said)
    assert (found.webhook_secrets, found.token) == ((), "")
    assert "RECONCILER_GIT_TOKEN, RECONCILER_WEBHOOK_SECRETS" in caplog.text
    assert found.environ["OTHER"] == reference, "what ${env:…} reads tells its own fault"
