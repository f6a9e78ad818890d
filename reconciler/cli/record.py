"""The verbs that tell and keep what was recorded: status, history, suspend, resume. They make no call."""

from __future__ import annotations

from typing import Annotated

import typer

from reconciler.cli.verb import (
    Env,
    Json,
    NoColor,
    Repo,
    StateAt,
    Verbose,
    console_of,
    engine_of,
    print_json,
    verb,
)
from reconciler.errors import Fault, InputError


@verb
def status(
    env: Annotated[str, typer.Argument(metavar="[ENV]")] = "",
    json_: Json = False,
    repo: Repo = "",
    state: StateAt = "",
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> int:
    """Tell the last commit, health, drift with its age and the last outcomes. Makes no call."""
    from reconciler import render

    engine = engine_of(repo, state)
    if env and engine.status(env) is None:
        engine.checkout.expect(env)
    told = [render.state_json(name, engine.status(name)) for name in ([env] if env else engine.known())]
    if json_:
        print_json({"version": 1, "environments": told})
        return 0
    console = console_of(no_color)
    escape = render.escape
    for one in told:
        at = f" at {one['commit'][:12]}" if one["commit"] else ""
        name = f"[bold]{escape(one['environment'])}[/bold]{at}"
        console.print(f"{name}: {one['health']}, {one['resources']} resources")
        if one["nextTick"]:
            console.print(f"  next tick: {one['nextTick']}")
        if one["suspended"]:
            console.print(f"  suspended: {escape(one['suspended'])}")
        for drift in one["drift"]:
            fields = escape(", ".join(drift["fields"]))
            console.print(f"  drift since {drift['since']}: {escape(render.plain(drift['key']))} {fields}")
        for letter in one["undelivered"]:
            tried = f"{letter['shown']}, tried {letter['attempts']} times: {letter['error']}"
            console.print(f"  alert {letter['fact']} did not reach {escape(tried)}")
        for check in one["checks"]:
            error = escape(str(check.get("error") or "").partition("\n")[0])
            result = f"{check['result']}, {check['seconds']:.0f} s {escape(check['url'])} {error}"
            console.print(f"  check {escape(check['name'])}: {result}".rstrip())
        for outcome in one["last"].get("outcomes", []):
            if outcome["result"] != "done":
                error = escape(outcome["error"])
                console.print(f"  {outcome['result']}: {escape(render.plain(outcome['key']))} {error}")
    return 0


@verb
def history(
    env: Env,
    json_: Json = False,
    repo: Repo = "",
    state: StateAt = "",
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> int:
    """List past ticks, the newest first: time, commit, counts, duration, result. Makes no call."""
    engine = engine_of(repo, state)
    if engine.status(env) is None:
        engine.checkout.expect(env)
    ticks = engine.store.history(env)
    if json_:
        print_json({"version": 1, "environment": env, "ticks": ticks})
        return 0
    console = console_of(no_color)
    for one in ticks:
        done = sum(outcome["result"] == "done" for outcome in one.get("outcomes", []))
        rest = len(one.get("outcomes", [])) - done
        counts = f"{done} done" + (f", {rest} not" if rest else "")
        console.print(
            f"{one['time']}  {one['commit'][:12]}  {one['result']:9} {counts}, {one['seconds']:.1f} s"
        )
    if not ticks:
        console.print(f"No tick of {env} is recorded yet. `reconciler tick {env}` makes the first.")
    return 0


@verb
def suspend(
    env: Env,
    why: Annotated[str, typer.Option("--why", help="The reason, for those who come later.")],
    json_: Json = False,
    repo: Repo = "",
    state: StateAt = "",
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> int:
    """Stop reconciling one environment until `resume`."""
    if not why.strip():
        raise InputError([Fault("", "The reason is empty.", "Say it: `--why TEXT`.")])
    engine_of(repo, state).suspend(env, why)
    if json_:
        print_json({"version": 1, "environment": env, "suspended": why})
    else:
        console_of(no_color).print(f"{env} is suspended. `reconciler resume {env}` starts it again.")
    return 0


@verb
def resume(
    env: Env,
    json_: Json = False,
    repo: Repo = "",
    state: StateAt = "",
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> int:
    """Start reconciling a suspended environment again."""
    engine_of(repo, state).resume(env)
    if json_:
        print_json({"version": 1, "environment": env, "suspended": ""})
    else:
        console_of(no_color).print(
            f"{env} is reconciled again. `reconciler plan {env}` tells what has moved meanwhile."
        )
    return 0
