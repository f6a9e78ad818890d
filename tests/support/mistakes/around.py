"""Mistakes around the environment: Git, sign-in, the state, settings, and the command line itself."""

from __future__ import annotations

import json

import trustme
from support.mistakes.bench import Bench, Mistake
from support.repositories import serve

DEV = "environments/dev.yaml"


def bare(bench: Bench) -> str:
    """The repository as a Git host keeps it, which is what the hosted reconciler follows."""
    path = bench.folder / "bikes.git"
    bench.repository.git("clone", "--quiet", "--bare", ".", str(path))
    return str(path)


def no_repository(bench: Bench) -> None:
    (bench.repository.path / ".git").rename(bench.folder / "away")


def wrong_branch(bench: Bench) -> None:
    bench.edit(DEV, "interval: 5m", "interval: 5m\nsource: {branch: mian}")
    bench.set("RECONCILER_REPO", bare(bench))


def remote(bench: Bench, token: str, authorization: str, name: str = "bikes.git") -> None:
    """A Git host on loopback in the place of github.com."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(bench.folder / "ca.pem"))
    bare(bench)
    for variable in ("HTTPS_PROXY", "https_proxy"):
        bench.patch.delenv(variable)
    bench.set("SSL_CERT_FILE", str(bench.folder / "ca.pem"))
    bench.patch.delenv("GIT_SSL_CAINFO", raising=False)
    host = bench.ends.enter_context(serve(bench.folder, authority))
    host.authorization = authorization
    bench.shown[host.url] = "https://github.com/you"
    bench.set("RECONCILER_REPO", f"{host.url}/{name}")
    bench.set("RECONCILER_GIT_TOKEN", token)


def signed_out(bench: Bench) -> None:
    """As on a laptop after `az logout`: the only way to sign in that is left finds nobody."""
    bench.set("IDENTITY_ENDPOINT", "http://127.0.0.1:9/msi/token")
    bench.set("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")


def expired(bench: Bench) -> None:
    bench.applied()
    bench.sandbox.advance("P2D")


def locked(bench: Bench) -> None:
    from reconciler import settings

    engine = settings.engine(settings.read())
    bench.ends.enter_context(engine.store.lock("dev", "apply"))


def newer(bench: Bench) -> None:
    assert bench.run("suspend", "dev", "--why", "a test").code == 0
    (file,) = (bench.repository.path / ".reconciler").glob("dev/*state*.json")
    state = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**state, "version": 99}), "utf-8")
    for journal in file.parent.glob("*journal*"):
        journal.unlink()


def suspended(bench: Bench) -> None:
    assert bench.run("suspend", "dev", "--why", "moving the network").code == 0


def no_proxy(bench: Bench) -> None:
    for variable in ("HTTPS_PROXY", "https_proxy"):
        bench.set(variable, "http://127.0.0.1:9")


GIT = (
    Mistake(
        "The folder is no Git repository",
        "The command was run in a folder that was downloaded as a ZIP file.",
        ("~/bikes", "git init"),
        before=no_repository,
    ),
    Mistake(
        "The branch does not exist",
        "The environment says `source: {branch: mian}`, and the hosted reconciler looks for that branch.",
        ("mian", "Near: main", "environments/dev.yaml:4:"),
        before=wrong_branch,
    ),
    Mistake(
        "The commit does not exist",
        "",
        ("v9",),
        words=("plan", "dev", "--commit", "v9"),
    ),
    Mistake(
        "The token for Git has expired",
        "`RECONCILER_REPO` is an address, and the host answers the token with 401.",
        ("https://github.com/you/bikes.git", "token"),
        before=lambda bench: remote(bench, "ghp_expired0123456789", "Basic another"),
    ),
    Mistake(
        "The address of the repository is wrong",
        "`RECONCILER_REPO` names a repository that the host does not have.",
        ("https://github.com/you/bike.git", "Check the address"),
        before=lambda bench: remote(bench, "", "", "bike.git"),
    ),
)

SIGN_IN = (
    Mistake(
        "Nobody is signed in",
        "`az logout` was run, or the app has no managed identity.",
        ("sign-in", "az login"),
        before=signed_out,
    ),
    Mistake(
        "The sign-in has expired",
        "The token in use ran out while the process was running.",
        ("ExpiredAuthenticationToken", "Sign in again"),
        before=expired,
        calls=True,
    ),
    Mistake(
        "Azure cannot be reached",
        "`HTTPS_PROXY` names a proxy that does not run.",
        ("127.0.0.1", "HTTPS_PROXY"),
        before=no_proxy,
        calls=True,
    ),
)

STATE = (
    Mistake(
        "Another run is at the environment",
        "Somebody else, or the hosted reconciler, is applying `dev` at this moment.",
        ("dev is held by apply", "Wait for it"),
        before=locked,
        words=("apply", "dev", "--yes"),
    ),
    Mistake(
        "The state was written by a newer version",
        "A colleague has a newer version of the reconciler, and this one does not know its form.",
        (".reconciler/dev", "newer"),
        before=newer,
    ),
    Mistake(
        "The state cannot be written",
        "`RECONCILER_STATE` names something that is no folder.",
        ("arm/platform.json", "RECONCILER_STATE"),
        before=lambda bench: bench.set("RECONCILER_STATE", "arm/platform.json"),
        words=("apply", "dev", "--yes"),
    ),
    Mistake(
        "A setting has a wrong value",
        "`RECONCILER_TICK_SECONDS` is `8 minutes`.",
        ("RECONCILER_TICK_SECONDS", "8 minutes", "480"),
        before=lambda bench: bench.set("RECONCILER_TICK_SECONDS", "8 minutes"),
    ),
)

WORDS = (
    Mistake(
        "Another tool's word for a verb",
        "",
        ("deploy", "apply"),
        words=("deploy", "dev"),
    ),
    Mistake(
        "An option is misspelt",
        "",
        ("--offlin", "--offline"),
        words=("plan", "dev", "--offlin"),
    ),
    Mistake(
        "Applied by a script that nobody answers for",
        "A pipeline runs `apply`, and there is no terminal on which it could ask.",
        ("terminal", "--yes"),
        words=("apply", "dev"),
    ),
    Mistake(
        "Applied while the environment is suspended",
        "A colleague had run `reconciler suspend dev --why 'moving the network'`.",
        ("moving the network", "reconciler resume dev"),
        before=suspended,
        words=("apply", "dev", "--yes"),
    ),
)

AROUND = (*GIT, *SIGN_IN, *STATE, *WORDS)
