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
    planned = engine_of(repo, state).plan(env, commit=commit or None, offline=offline)
    _show_plan(planned, json_, no_color, verbose)
    return 2 if planned.plan.writes or _blocks(planned) else 0


def _blocks(planned: Planned) -> bool:
    return bool(planned.plan.blocked)


def _show_plan(planned: Planned, json_: bool, no_color: bool, verbose: bool) -> None:
    from reconciler import render

    if json_:
        print_json(render.plan_json(planned.plan, planned.calls, planned.warnings))
        return
    console = console_of(no_color)
    for line in render.plan_lines(planned.plan, planned.warnings, verbose=verbose):
        console.print(line)


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
    confirm = _ask(env, yes, json_, no_color, verbose)
    tick = engine_of(repo, state).apply(
        env, confirm=confirm, allow_destructive=allow_destructive, progress=_progress(json_, no_color)
    )
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
    done = engine_of(repo, state).tick(env, progress=_progress(json_, no_color))
    return _show_tick(done, json_, no_color, with_plan=True)


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
    confirm = _ask(env, yes, json_, no_color, verbose)
    done = engine_of(repo, state).destroy(env, confirm=confirm, progress=_progress(json_, no_color))
    if done.planned is None and not json_:
        console_of(no_color).print(done.reason)
        return RESULTS[done.result]
    return _show_tick(done, json_, no_color, with_plan=False)


def _ask(env: str, yes: bool, json_: bool, no_color: bool, verbose: bool) -> Callable[[Planned], bool]:
    """Show the plan and ask, unless told not to. Raises InputError without a terminal and without --yes."""
    if not yes and not sys.stdin.isatty():
        raise InputError([Fault("", "There is no terminal to ask on.", "Add --yes to go on without asking.")])

    def confirm(planned: Planned) -> bool:
        if not json_:
            _show_plan(planned, False, no_color, verbose)
        if yes or not planned.plan.writes:
            return True
        return typer.confirm(f"Write this to {env}?", err=json_)

    return confirm


def _progress(json_: bool, no_color: bool) -> Callable[..., None]:
    console = console_of(no_color, stderr=json_)
    if json_ and not console.is_terminal:
        return lambda *_: None
    from reconciler.render import SIGNS, escape

    marks = {"done": "[green]done[/green]", "failed": "[red]failed[/red]", "pending": "[blue]pending[/blue]"}

    def show(event: str, changes: tuple[Any, ...], outcomes: tuple[Any, ...]) -> None:
        if event == "wave":
            told = ", ".join(f"{SIGNS[c.action.value][0]} {c.key.plain}" for c in changes[:3])
            more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
            console.print(f"[dim]wave of {len(changes)}: {escape(told)}{more} …[/dim]")
        if event == "check":
            for name, record in outcomes:
                error = f": {escape(record.error.splitlines()[0])}" if record.error else ""
                console.print(
                    f"  check {escape(name)}: {record.result}{error} [dim]{escape(record.url)}[/dim]"
                )
            return
        for outcome in outcomes:
            mark = marks.get(outcome.result.value, outcome.result.value)
            error = f": {escape(outcome.error)}" if outcome.error else ""
            what = f"{outcome.action.value} {escape(outcome.key.plain)}"
            console.print(f"  {mark} {what} ({outcome.seconds:.1f} s){error}")

    return show


def _show_tick(done: Tick, json_: bool, no_color: bool, *, with_plan: bool) -> int:
    from reconciler import render

    if json_:
        print_json(tick_json(done))
        return RESULTS[done.result]
    console = console_of(no_color)
    if with_plan and done.planned is not None:
        for line in render.plan_lines(done.planned.plan, done.planned.warnings):
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
