"""The verb that looks at the reconciler itself: its settings, its sign-in and its rights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli.verb import Json, NoColor, Repo, StateAt, console_of, environments, print_json, verb
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.doctor import Examined, Finding


@verb
def doctor(
    env: Annotated[
        str,
        typer.Argument(metavar="[ENV]", help="One environment; all without it.", autocompletion=environments),
    ] = "",
    json_: Json = False,
    repo: Repo = "",
    state: StateAt = "",
    no_color: NoColor = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Also what is there.")] = False,
) -> int:
    """Look at settings, sign-in and rights; say what is missing and how to grant it. Writes nothing."""
    examined = _examined(env, repo, state)
    healthy = all(each.healthy for each in examined)
    if json_:
        settings, *environments = (each.to_json() for each in examined)
        told = {"healthy": healthy, "settings": settings["findings"], "environments": environments}
        print_json({"version": 1, **told})
        return 0 if healthy else 1
    console = console_of(no_color)
    for each in examined:
        for line in _lines(each, verbose):
            console.print(line)
    return 0 if healthy else 1


def _examined(env: str, repo: str, state: str) -> list[Examined]:
    """The installation first, then the environments. Raises InputError where one is asked for that is not
    there."""
    from reconciler import doctor as doctor_
    from reconciler import settings

    try:
        said = settings.read()
        said = replace(said, repository=repo or said.repository, state=state or said.state)
        engine = settings.engine(said)
    except ReconcilerError as error:
        finding = doctor_.Finding(error.where or "settings", doctor_.Verdict.MISSING, reason=error.message)
        return [doctor_.Examined("", (finding,))]
    installation = doctor_.installation(engine, settings.state_of(said))
    if not installation.healthy:
        return [installation]
    if env:
        engine.checkout.expect(env)
    return [
        installation,
        *(doctor_.examine(engine, name) for name in ([env] if env else engine.checkout.names())),
    ]


def _lines(examined: Examined, verbose: bool) -> Iterator[str]:
    from reconciler.doctor import Verdict, of
    from reconciler.render import escape

    fine = of(examined.findings, Verdict.OK)
    rest = of(examined.findings, Verdict.MISSING, Verdict.UNKNOWN)
    name = examined.environment or "settings"
    count = f"{len(fine)} of {len(examined.findings)} in order"
    yield f"[bold]{escape(name)}[/bold]: {count}"
    for finding in (*(fine if verbose else ()), *rest):
        yield from _told(finding)


def _told(finding: Finding) -> Iterator[str]:
    from reconciler.render import escape

    colour = {"ok": "green", "missing": "red", "unknown": "yellow"}[finding.verdict.value]
    why = f" [dim]{escape(finding.why)}[/dim]" if finding.why else ""
    yield f"  [{colour}]{finding.verdict.value}[/{colour}] {escape(finding.what)}{why}"
    for text in (finding.at, finding.reason):
        if text:
            yield f"      {escape(text)}"
    if finding.way_out:
        yield f"      → {escape(finding.way_out)}"
