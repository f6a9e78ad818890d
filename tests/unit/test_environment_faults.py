"""What is wrong with an environment file is told all at once, each fault with its place and a way out."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.environments import BASE, DEV, dev, faults, snapshot

from reconciler.environment import load
from reconciler.errors import InputError

SIX_FAULTS = """\
apiVersion: reconciler/v1
name: production
extends: base.yaml
intervall: 5m
policy:
  heal: no
azure:
  resourceGroup: sample.
  deployments:
    - name: platform
      template: arm/mian.json
      parameters: {url: "https://${env:SITE}/"}
"""


def test_six_different_faults_are_six_messages_in_order_of_place(tmp_path: Path) -> None:
    snapshot(tmp_path, prod=SIX_FAULTS)
    assert [str(fault) for fault in faults(tmp_path, "prod")] == [
        "environments/prod.yaml:2:7: The name `production` is not that of the file. Write `name: prod`.",
        "environments/prod.yaml:4:1: `intervall` is not known here. Did you mean `interval`?",
        "environments/prod.yaml:6:9: `no` means different things to different YAML "
        'readers. Write false, or "no" for the text.',
        "environments/prod.yaml:8:18: `sample.` is not the name of a resource group: up to 90 letters, "
        "digits and `_-.()`, with no `.` at the end. For example `bikeshare-test`.",
        "environments/prod.yaml:11:17: `arm/mian.json` is not there. Did you mean `arm/main.json`?",
        "environments/prod.yaml:12:25: A reference of the form `${env:APP_SETTING}` may not stand here "
        "like this. ${env:…}, ${secret:…} and ${storageKey:…} must be the whole value of a parameter.",
    ]


def test_a_fault_in_the_base_is_told_at_its_own_file(tmp_path: Path) -> None:
    snapshot(tmp_path, base=BASE.replace("westeurope", "west_europe"))
    (fault,) = faults(tmp_path)
    assert fault.place == "environments/base.yaml:4:13"


VALUES = {
    "data_factory: {}": "`data_factory` is not known here. Did you mean `dataFactory`?",
    "interval: 5": "`5` is not a span of time",
    "interval: 5 minutes": "`5 minutes` is not a span of time",
    "interval: 0m": "is not a span of time",
    "after: test": "`after` must be a list, not text. Put `- ` before each item",
    "after: [dev2]": "There is no environment `dev2`.",
    "policy: {heal: 'true'}": "`heal` must be `true` or `false`, not text. Write it without quotes.",
    "policy: {heal: 1}": "`heal` must be `true` or `false`, not a number.",
    "policy: {sync: automatic}": "`automatic` cannot be the value of `sync`. Did you mean `auto`?",
    "policy: {adopt: everything}": "It must be same or marked or never.",
    "policy: {limits: {changes: 150%}}": "`150%` is not a limit",
    "policy: {limits: {deletes: -1}}": "`-1` is not a limit",
    "policy: {limits: {deletes: true}}": "`True` is not a limit",
    "policy: {protect: [storageAccounts]}": "`storageAccounts` is not a type of Azure resource",
    "policy: {observe: ['azure.group/*']}": "`azure.group/*` is not a key KIND/SCOPE/NAME",
    "policy: {ignore: [{key: 'arm.*', path: tags}]}": "`why` is missing.",
    "policy: {acknowledge: [{delete: 'adf.*', until: 2026-02-30}]}": "`2026-02-30` is not a day",
    "policy: {acknowledge: [{delete: 'adf.*', until: 20261231}]}": "`20261231` is not a day",
    "policy: {acknowledge: [{until: 2026-12-31}]}": "One of `delete`, `replace` is missing.",
    "policy: {acknowledge: [{delete: 'adf.*', replace: 'adf.*', until: 2026-12-31}]}": "exclude each other",
    "policy: everything": "`policy` must be a map, not text.",
    "source: {branch: main, tag: v1}": "`branch` and `tag` exclude each other.",
    "source: {branch: '-x'}": "is not the name of a branch or tag",
    "source: {branch: a..b}": "is not the name of a branch or tag",
    "source: {}": "One of `branch`, `tag` is missing.",
    "dataFactory: {factory: adf}": "One of `definitions`, `template`, `git` is missing.",
    "dataFactory: {factory: ad_f, definitions: datafactory}": "`ad_f` is not the name of a data factory",
    "dataFactory: {factory: adf, definitions: arm/main.json}": "`arm/main.json` is not a folder.",
    "dataFactory: {factory: adf, template: arm}": "`arm` is not a file.",
    "dataFactory: {factory: adf, definitions: datafactory, set: {service/x: {a: 1}}}": "not an object",
    "databricks: {}": "`workspace` is missing. For example `${azure.platform.databricksUrl}`.",
    "databricks: {workspace: 'https://evil.example.org'}": "not the https address of an Azure",
    "databricks: {workspace: 'http://adb-1.2.azuredatabricks.net'}": "not the https address",
    "databricks: {workspace: 'https://adb-1.2.azuredatabricks.net.evil.org'}": "not the https address",
    "databricks: {workspace: 'https://evil.org/.azuredatabricks.net'}": "not the https address",
    "databricks: {workspace: 'https://evil.org#.azuredatabricks.net'}": "not the https address",
    "databricks: {workspace: 'https://u:p@adb-1.2.azuredatabricks.net'}": "not the https address",
    "databricks: {workspace: '${env:HOST}'}": "Only one ${azure.NAME.OUTPUT}",
    "databricks: {workspace: 'https://${azure.platform.x}.azuredatabricks.net'}": "Only one ${azure",
    "keyVault: {vault: 1kv}": "`1kv` is not the name of a key vault",
    "keyVault: {vault: kv1, secrets: {a_b: '${env:A}'}}": "`a_b` is not the name of a Key Vault secret",
    "keyVault: {vault: kv1, secrets: {a: {generate: {lenght: 9}}}}": "Did you mean `length`?",
    "keyVault: {vault: kv1, secrets: {a: {databricksToken: {lifetime: 2d, renewBefore: 1d}}}}": "`databricks`",
    "checks: [{name: a}]": "One of `databricksNotebook`, `dataFactoryPipeline`, `http` is missing.",
    "checks: [{name: a, http: 'http://x.org'}]": "not an address that begins with https://",
    "checks: [{name: a, http: 'https://x.org', libraries: all}]": "`libraries` means nothing without",
    "checks: [{name: a, http: 'https://x.org'}, {name: A, http: 'https://y.org'}]": "`A` is there already",
    "alerts: [{to: 'mailto:a@b.c', on: [drifft]}]": "Did you mean `drift`?",
    "alerts: [{to: 'mailto:a@b.c', on: []}]": "`on` must not be empty.",
}


@pytest.mark.parametrize("line", VALUES)
def test_a_wrong_value_is_one_fault_with_its_place(tmp_path: Path, line: str) -> None:
    snapshot(tmp_path, dev=DEV + line + "\n")
    (fault,) = faults(tmp_path)
    assert VALUES[line] in str(fault)
    assert fault.place.startswith("environments/dev.yaml:8:"), "the fault is on the line that was added"


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ("{databricksToken: {lifetime: 1d, renewBefore: 2d}}", "`renewBefore` must be shorter"),
        ("{databricksToken: {lifetime: 2d, renewBefore: 1d}, expires: 2031-01-01}", "end of the token's"),
    ],
)
def test_a_token_is_renewed_in_time_and_expires_by_itself(tmp_path: Path, secret: str, says: str) -> None:
    """Else there would be a time without a valid one."""
    workspace = "databricks: {workspace: adb-1.2.azuredatabricks.net}\n"
    snapshot(tmp_path, dev=f"{DEV}{workspace}keyVault: {{vault: kv1, secrets: {{a: {secret}}}}}\n")
    (fault,) = faults(tmp_path)
    assert says in str(fault)


@pytest.mark.parametrize(
    ("account", "says"),
    [
        ("Data: {rotate: {every: 90d}}", "`Data` is not the name of a storage account"),
        ("data: {rotate: {every: 90d, overlap: 90d}}", "`overlap` must be shorter than `every`"),
        ("data: {}", "`rotate` is missing"),
    ],
)
def test_a_rotation_says_when(tmp_path: Path, account: str, says: str) -> None:
    """What is old must end before the next is due."""
    snapshot(tmp_path, dev=DEV.rstrip() + f"\n  storageKeys: {{{account}}}\n")
    (fault,) = faults(tmp_path)
    assert says in str(fault)


@pytest.mark.parametrize(
    ("deployment", "says"),
    [
        ("{name: platform}", "`template` is missing. For example `arm/azuredeploy.json`."),
        ("{name: two words, template: arm/main.json}", "`two words` is not a name"),
        ("{name: a, template: arm/main.json, scope: group}", "`group` cannot be the value of `scope`"),
        ("{name: a, template: arm/main.json}, {name: A, template: arm/main.json}", "`A` is there already"),
        ("{name: a, template: arm/main.json, parameters: {x: '${azure.a.y}'}}", "a → a"),
        ("{name: a, template: arm/main.json, parameters: {x: '${azure.b.y}'}}", "names no deployment"),
        ("{name: a, template: arm/main.json, parameters: {x: '${azure.a}'}}", "Write ${azure.NAME.OUTPUT}."),
        (
            "{name: a, template: arm/main.json, parameters: {x: ['${vault:a/b}']}}",
            "reads nothing that is known",
        ),
        ("{name: a, template: arm/main.json, parameters: {x: {y: '${env:A'}}}", "`${` is not closed."),
        ("{name: '${env:A}', template: arm/main.json}", "No reference may stand here."),
        ("{name: a, template: '${azure.b.c}'}", "No reference may stand here."),
    ],
)
def test_faults_of_deployments(tmp_path: Path, deployment: str, says: str) -> None:
    head = DEV[: DEV.index("  deployments")]
    snapshot(tmp_path, dev=f"{head}  deployments: [{deployment}]\n")
    found = [str(fault) for fault in faults(tmp_path)]
    assert any(says in fault for fault in found), found
    assert all(fault.startswith("environments/dev.yaml:5:") for fault in found)


def test_deployments_that_wait_for_each_other_are_refused(tmp_path: Path) -> None:
    more = "".join(
        f"    - {{name: {name}, template: arm/main.json, parameters: {{x: '${{azure.{other}.o}}'}}}}\n"
        for name, other in (("one", "two"), ("two", "three"), ("three", "one"))
    )
    snapshot(tmp_path, dev=DEV + more)
    (fault,) = faults(tmp_path)
    assert fault.message.startswith("Deployments wait for each other: ")
    assert fault.message.count(" → ") == 3


def test_environments_that_wait_for_each_other_are_refused(tmp_path: Path) -> None:
    other = "apiVersion: reconciler/v1\nname: {}\nafter: [{}]\n"
    snapshot(
        tmp_path,
        one=other.format("one", "two"),
        two=other.format("two", "one"),
        self=other.format("self", "self"),
    )
    assert "one → two → one" in faults(tmp_path, "one")[0].message
    assert "self → self" in faults(tmp_path, "self")[0].message
    assert load(tmp_path, "dev").name == "dev", "an environment outside the circle is right"


@pytest.mark.parametrize(
    ("extends", "says"),
    [
        ("bse.yaml", "environments/bse.yaml is not there. Did you mean `base.yaml`?"),
        ("dev.yaml", "This extends itself: dev.yaml → dev.yaml."),
        ("loop.yaml", "This extends itself: dev.yaml → loop.yaml → dev.yaml."),
        ("../outside.yaml", "names a file in environments/, without a folder"),
        ("/etc/passwd", "names a file in environments/, without a folder"),
    ],
)
def test_extends_that_leads_nowhere_is_the_only_fault(tmp_path: Path, extends: str, says: str) -> None:
    """What the missing base might have said is not told as missing."""
    snapshot(tmp_path, dev=DEV.replace("base.yaml", extends), loop="extends: dev.yaml\n")
    (tmp_path / "outside.yaml").write_text(BASE)
    (fault,) = faults(tmp_path)
    assert says in str(fault)


@pytest.mark.parametrize(
    "path",
    [
        "../secret.json",
        "/etc/hostname",
        "arm/../../secret.json",
        ".git/config",
        "link.json",
        "out/secret.json",
        "C:/x",
        "arm\\main.json",
    ],
)
def test_a_path_never_leaves_the_repository(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.json").write_text("{}")
    (tmp_path / "repository").mkdir()
    root = snapshot(tmp_path / "repository", dev=DEV.replace("arm/main.json", path))
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("")
    (root / "link.json").symlink_to(tmp_path / "secret.json")
    (root / "out").symlink_to(tmp_path)
    (fault,) = faults(root)
    assert "leaves the repository" in fault.message or "is not a path in the repository" in fault.message


def test_an_environment_file_that_is_a_link_out_of_the_repository_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    (tmp_path / "outside.yaml").write_text("name: outside\nsecret: 1\n")
    root = snapshot(tmp_path / "repository")
    (root / "environments" / "outside.yaml").symlink_to(tmp_path / "outside.yaml")
    assert [str(fault) for fault in faults(root, "outside")] == [
        "environments/outside.yaml:1:1: This is a link that leaves the repository. Put the file itself there."
    ]


def test_after_a_syntax_error_the_rest_of_the_file_is_checked_too(tmp_path: Path) -> None:
    text = "name: dev\nazure: {subscription: x\npolicy:\n  sink: auto\ninterval: soon\n"
    snapshot(tmp_path, dev=text)
    found = [str(fault) for fault in faults(tmp_path)]
    assert [fault.split(" ", 1)[0] for fault in found] == [
        "environments/dev.yaml:3:7:",
        "environments/dev.yaml:4:3:",
        "environments/dev.yaml:5:11:",
    ]


SECRETS = """\
keyVault:
  vault: sample-kv
  secrets: {a: canary-one, b: "canary-two${env:A}", c: {value: canary-three}, d: "${env:canary four}"}
databricks:
  workspace: https://user:canary-five@adb-1.2.azuredatabricks.net
  secretScopes: {s: {secrets: {x: canary-six, y: "${canary-seven}", z: 424242, n: 0777888}}}
alerts: [{to: "slack://canary-eight"}, {to: "https://u:canary-nine@x.org"}]
checks: [{name: c, http: "https://u:canary-ten@x.org"}]
"""


def test_what_may_be_a_secret_is_never_quoted(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        dev(tmp_path, SECRETS)
    text = repr(caught.value) + str(caught.value)
    assert len(caught.value.faults) >= 11
    assert "canary" not in text and "777888" not in text and "424242" not in text
