"""The verbs that look at Azure and write to it: plan, apply, tick, destroy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli.verb import (
    Commit,
    Env,
    Json,
    NoColor,
    Repo,
    StateAt,
    Verbose,
    Yes,
    console_of,
    engine_of,
    print_json,
    verb,
)
from reconciler.errors import Fault, InputError

if TYPE_CHECKING:
    from reconciler.cli.progress import Shown
    from reconciler.tick import Planned, Tick

RESULTS = {"done": 0, "held": 0, "suspended": 0, "declined": 1, "failed": 1, "pending": 3}
"""Exit codes of apply, tick and destroy by their result."""


@verb
def plan(
    env: Env,
    commit: Commit = "",
    offline: Annotated[
        bool, typer.Option("--offline", help="Compare with what was recorded; no call.")
    ] = False,
    json_: Json = False,
    repo: Repo = "",
    state: StateAt = "",
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> int:
    """Tell what would change and why; write nothing. Exit 0: nothing, 2: changes or blocked, 1: a fault."""
    progress = _progress(json_, no_color, verbose)
    if not offline:
        progress.working(f"reading what is live of {env}")
    try:
        planned = engine_of(repo, state).plan(env, commit=commit or None, offline=offline)
    finally:
        progress.pause()
    _show_plan(planned, json_, no_color, verbose, offline=offline, last=True)
    return 2 if planned.plan.writes or planned.plan.blocked else 0


def _show_plan(
    planned: Planned, json_: bool, no_color: bool, verbose: bool, *, offline: bool = False, last: bool = False
) -> None:
    """Print the plan; `last`: nothing follows, so it tells what to do next."""
    from reconciler import render
    from reconciler.cli import plantext

    if json_:
        print_json(render.plan_json(planned.plan, planned.calls, planned.warnings))
        return
    console = console_of(no_color)
    for line in plantext.plan_lines(planned.plan, planned.warnings, verbose=verbose):
        console.print(line)
    following = plantext.next_line(planned.plan, offline=offline) if last else ""
    if following:
        console.print(following)


@verb
def apply(
    env: Env,
    yes: Yes = False,
    allow_destructive: Annotated[
        bool, typer.Option("--allow-destructive", help="Let a plan pass that is over policy.limits.")
    ] = False,
    json_: Json = False,
    repo: Repo = "",
    state: StateAt = "",
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> int:
    """Plan, show, ask, apply, record. Exit 0: done, 1: a failure or suspended, 3: pending, run it again."""
    progress = _progress(json_, no_color, verbose)
    confirm = _ask(env, yes, json_, no_color, verbose, progress)
    progress.working(f"reading what is live of {env}")
    try:
        tick = engine_of(repo, state).apply(
            env, confirm=confirm, allow_destructive=allow_destructive, progress=progress
        )
    finally:
        progress.pause()
    code = _show_tick(tick, json_, no_color, with_plan=False)
    return 1 if tick.result == "suspended" else code


@verb
def tick(
    env: Env,
    json_: Json = False,
    repo: Repo = "",
    state: StateAt = "",
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> int:
    """Run one whole loop, as the Function app does. Exit 0: done, held, suspended, 1: failed, 3: pending."""
    progress = _progress(json_, no_color, verbose)
    progress.working(f"reading what is live of {env}")
    try:
        done = engine_of(repo, state).tick(env, progress=progress)
    finally:
        progress.pause()
    return _show_tick(done, json_, no_color, with_plan=True, verbose=verbose)


@verb
def destroy(
    env: Env,
    yes: Yes = False,
    json_: Json = False,
    repo: Repo = "",
    state: StateAt = "",
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> int:
    """Remove what is ours of one environment, in reverse order; protected types stay and are listed."""
    progress = _progress(json_, no_color, verbose)
    confirm = _ask(env, yes, json_, no_color, verbose, progress)
    progress.working(f"reading what is live of {env}")
    try:
        done = engine_of(repo, state).destroy(env, confirm=confirm, progress=progress)
    finally:
        progress.pause()
    if done.planned is None and not json_:
        console_of(no_color).print(done.reason)
        return RESULTS[done.result]
    return _show_tick(done, json_, no_color, with_plan=False)


def _ask(
    env: str, yes: bool, json_: bool, no_color: bool, verbose: bool, progress: Shown
) -> Callable[[Planned], bool]:
    """Show the plan and ask, unless told not to. Raises InputError without a terminal and without --yes."""
    if not yes and not sys.stdin.isatty():
        raise InputError([Fault("", "There is no terminal to ask on.", "Add --yes to go on without asking.")])

    def confirm(planned: Planned) -> bool:
        progress.pause()
        if not json_:
            _show_plan(planned, False, no_color, verbose)
        if yes or not planned.plan.writes:
            return True
        return typer.confirm(f"Write this to {env}?", err=json_)

    return confirm


def _progress(json_: bool, no_color: bool, verbose: bool) -> Shown:
    """With --json on standard error, and only where that is a terminal."""
    from reconciler.cli.progress import Shown

    console = console_of(no_color, stderr=json_)
    return Shown(None if json_ and not console.is_terminal else console, verbose)


def _show_tick(done: Tick, json_: bool, no_color: bool, *, with_plan: bool, verbose: bool = False) -> int:
    from reconciler import render
    from reconciler.cli import plantext

    if json_:
        print_json(tick_json(done))
        return RESULTS[done.result]
    console = console_of(no_color)
    if with_plan and done.planned is not None:
        for line in plantext.plan_lines(done.planned.plan, done.planned.warnings, verbose=verbose):
            console.print(line)
    failed = sum(outcome.result.value == "failed" for outcome in done.outcomes)
    colour = {"done": "green", "pending": "blue", "failed": "red"}.get(done.result, "yellow")
    blocked = len(done.planned.plan.blocked) if done.planned and done.result == "done" else 0
    if blocked:
        colour = "yellow"
    result = f"{done.result}, {blocked} blocked and left" if blocked else done.result
    calls = ", ".join(_count(done.calls.get(kind, 0), kind) for kind in ("read", "write"))
    console.print(f"[{colour}]{done.environment}: {result}[/{colour}] in {done.seconds:.1f} s, {calls}.")
    for check in done.checks:
        colour = {"passed": "green", "failed": "red"}.get(check["result"], "blue")
        told = f"check {render.escape(check['name'])}: [{colour}]{check['result']}[/{colour}]"
        console.print(f"  {told} in {check['seconds']:.0f} s {render.escape(check['url'])}".rstrip())
    if done.reason:
        console.print(f"  {render.escape(done.reason)}")
    if done.result == "pending":
        console.print("  Something is still going on in Azure. Run it again to go on.")
    if done.result == "suspended":
        console.print(f"  Nothing is written until `reconciler resume {done.environment}`.")
    if blocked and not with_plan:
        console.print(f"  `reconciler plan {done.environment}` tells what is blocked, and the way out.")
    if failed:
        console.print(f"  {failed} failed. Mend the cause named above; a new commit tries it again at once.")
    return RESULTS[done.result]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def tick_json(done: Tick) -> dict[str, Any]:
    """What `apply --json` and `tick --json` print: the plan, and what became of it."""
    from reconciler import render
    from reconciler.plan import Plan

    planned = done.planned
    plan = planned.plan if planned is not None else Plan(done.environment, done.commit)
    return {
        **render.plan_json(plan, done.calls, planned.warnings if planned is not None else ()),
        "result": done.result,
        "reason": done.reason,
        "seconds": done.seconds,
        "outcomes": [
            {
                "key": str(o.key),
                "action": o.action.value,
                "result": o.result.value,
                "seconds": o.seconds,
                **({"error": o.error} if o.error else {}),
            }
            for o in done.outcomes
        ],
        "checks": [dict(check) for check in done.checks],
    }
