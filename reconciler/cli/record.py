"""The verbs that tell and keep what was recorded: status, history, suspend, resume. They make no call."""

from __future__ import annotations

from datetime import UTC, datetime
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
    environments,
    print_json,
    verb,
)
from reconciler.errors import Fault, InputError


@verb
def status(
    env: Annotated[str, typer.Argument(metavar="[ENV]", autocompletion=environments)] = "",
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
    from reconciler.cli.recordtext import status_lines

    console = console_of(no_color)
    now = datetime.now(UTC)
    for one in told:
        for line in status_lines(one, now, verbose=verbose):
            console.print(line)
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
    from reconciler.cli.recordtext import history_lines

    console = console_of(no_color)
    for line in history_lines(ticks, verbose=verbose):
        console.print(line)
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
