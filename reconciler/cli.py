"""The command line: reads arguments, calls the engine, prints. Exit codes are those of each verb's help."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.errors import Fault, InputError, ReconcilerError

if TYPE_CHECKING:
    from rich.console import Console

    from reconciler.engine import Planned, Reconciler, Tick

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Keeps Azure environments as Git says they are.",
)

Env = Annotated[str, typer.Argument(metavar="ENV", help="An environment: a file of environments/.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Repo = Annotated[
    str, typer.Option("--repo", metavar="PATH_OR_URL", help="The Git repository; default: the current checkout.")
]
StateAt = Annotated[
    str, typer.Option("--state", metavar="PATH", help="Where the state is kept; default: .reconciler/.")
]
NoColor = Annotated[bool, typer.Option("--no-color", help="Plain text.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Also what was judged equal, and by which rule.")]
Commit = Annotated[str, typer.Option("--commit", metavar="REF", help="Read the repository at this commit.")]

RESULTS = {"done": 0, "held": 0, "suspended": 0, "declined": 1, "failed": 1, "pending": 3}
"""Exit codes of apply, tick and destroy by their result."""


def main() -> None:
    app()


def verb(function: Callable[..., int]) -> Callable[..., None]:
    """Make a function that gives an exit code a verb: our own errors become one message, or one document."""

    @functools.wraps(function)
    def run(**arguments: Any) -> None:
        try:
            code = function(**arguments)
        except ReconcilerError as error:
            from reconciler import render

            if arguments.get("json_"):
                print(json.dumps(render.error_json(error), indent=2))
            else:
                print(_told(error), file=sys.stderr)
            code = 1
        except KeyboardInterrupt:
            print("Stopped. What was under way is recorded; run it again to go on.", file=sys.stderr)
            code = 130
        raise typer.Exit(code)

    app.command(function.__name__.rstrip("_"))(run)
    return run


def _told(error: ReconcilerError) -> str:
    if isinstance(error, InputError):
        count = len(error.faults)
        return f"{error}\n{count} fault{'s' if count != 1 else ''}; nothing was called."
    return f"error ({error.code}): {error}"


def _engine(repo: str, state: str) -> Reconciler:
    from reconciler import settings

    said = settings.read()
    return settings.engine(
        replace(said, repository=repo or said.repository, state=state or said.state)
    )


def _console(no_color: bool, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(no_color=no_color, stderr=stderr, highlight=False, soft_wrap=True)


def _print(document: Any) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=False, default=str))


@verb
def validate(
    environments: Annotated[list[str] | None, typer.Argument(metavar="[ENV]…")] = None,
    commit: Commit = "",
    json_: Json = False,
    repo: Repo = "",
    state: StateAt = "",
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> int:
    """Tell every fault of the input with its place, offline. Exit 0: none, 1: some."""
    engine = _engine(repo, state)
    warnings = engine.validate(tuple(environments or ()), commit or None)
    if json_:
        _print({"version": 1, "faults": [], "warnings": list(warnings)})
        return 0
    console = _console(no_color)
    from reconciler.render import escape

    for warning in warnings:
        console.print(f"[yellow]warning:[/yellow] {escape(warning)}")
    checked = ", ".join(environments or engine.names())
    console.print(f"[green]No fault in {checked}.[/green]")
    return 0


@verb
def plan(
    env: Env,
    commit: Commit = "",
    offline: Annotated[bool, typer.Option("--offline", help="Compare with what was recorded; no call.")] = False,
    json_: Json = False,
    repo: Repo = "",
    state: StateAt = "",
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> int:
    """Tell what would change and why; write nothing. Exit 0: nothing, 2: changes or blocked, 1: a fault."""
    planned = _engine(repo, state).plan(env, commit=commit or None, offline=offline)
    _show_plan(planned, json_, no_color, verbose)
    return 2 if planned.plan.writes or _blocks(planned) else 0


def _blocks(planned: Planned) -> bool:
    return bool(planned.plan.blocked)


def _show_plan(planned: Planned, json_: bool, no_color: bool, verbose: bool) -> None:
    from reconciler import render

    if json_:
        _print(render.plan_json(planned.plan, planned.calls, planned.warnings))
        return
    console = _console(no_color)
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
    """Plan, show, ask, apply, record. Exit 0: done, 1: a failure, 3: pending, run it again."""
    confirm = _ask(env, yes, json_, no_color, verbose)
    tick = _engine(repo, state).apply(
        env, confirm=confirm, allow_destructive=allow_destructive, progress=_progress(json_, no_color)
    )
    return _show_tick(tick, json_, no_color, with_plan=False)


@verb
def tick(
    env: Env,
    json_: Json = False,
    repo: Repo = "",
    state: StateAt = "",
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> int:
    """Run one whole loop, as the Function app does. Exit 0: done, held or suspended, 1: a failure, 3: pending."""
    done = _engine(repo, state).tick(env, progress=_progress(json_, no_color))
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
    done = _engine(repo, state).destroy(env, confirm=confirm, progress=_progress(json_, no_color))
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
    console = _console(no_color, stderr=json_)
    if json_ and not console.is_terminal:
        return lambda *_: None
    from reconciler.render import SIGNS, escape

    marks = {"done": "[green]done[/green]", "failed": "[red]failed[/red]", "pending": "[blue]pending[/blue]"}

    def show(event: str, changes: tuple[Any, ...], outcomes: tuple[Any, ...]) -> None:
        if event == "wave":
            told = ", ".join(f"{SIGNS[c.action.value][0]} {c.key}" for c in changes[:3])
            more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
            console.print(f"[dim]wave of {len(changes)}: {escape(told)}{more} …[/dim]")
        for outcome in outcomes:
            mark = marks.get(outcome.result.value, outcome.result.value)
            error = f": {escape(outcome.error)}" if outcome.error else ""
            console.print(f"  {mark} {outcome.action.value} {escape(outcome.key)} ({outcome.seconds:.1f} s){error}")

    return show


def _show_tick(done: Tick, json_: bool, no_color: bool, *, with_plan: bool) -> int:
    from reconciler import render

    if json_:
        _print(tick_json(done))
        return RESULTS[done.result]
    console = _console(no_color)
    if with_plan and done.planned is not None:
        for line in render.plan_lines(done.planned.plan, done.planned.warnings):
            console.print(line)
    failed = sum(outcome.result.value == "failed" for outcome in done.outcomes)
    colour = {"done": "green", "pending": "blue", "failed": "red"}.get(done.result, "yellow")
    calls = f"{done.calls.get('read', 0)} reads, {done.calls.get('write', 0)} writes"
    console.print(f"[{colour}]{done.environment}: {done.result}[/{colour}] in {done.seconds:.1f} s, {calls}.")
    if done.reason:
        console.print(f"  {render.escape(done.reason)}")
    if done.result == "pending":
        console.print("  Something is still going on in Azure. Run it again to go on.")
    if failed:
        console.print(f"  {failed} failed. Mend the cause named above; a new commit tries it again at once.")
    return RESULTS[done.result]


def tick_json(done: Tick) -> dict[str, Any]:
    """What `apply --json` and `tick --json` print: the plan, and what became of it."""
    from reconciler import render

    document: dict[str, Any] = {"version": 1, "environment": done.environment, "commit": done.commit}
    if done.planned is not None:
        document = render.plan_json(done.planned.plan, done.calls, done.planned.warnings)
    return {
        **document,
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
        "checks": [],
    }


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

    engine = _engine(repo, state)
    told = [render.state_json(name, engine.status(name)) for name in ([env] if env else engine.known())]
    if json_:
        _print({"version": 1, "environments": told})
        return 0
    console = _console(no_color)
    for one in told:
        at = f" at {one['commit'][:12]}" if one["commit"] else ""
        console.print(f"[bold]{render.escape(one['environment'])}[/bold]{at}: {one['health']}, {one['resources']} resources")
        if one["suspended"]:
            console.print(f"  suspended: {render.escape(one['suspended'])}")
        for drift in one["drift"]:
            console.print(f"  drift since {drift['since']}: {render.escape(drift['key'])} {render.escape(', '.join(drift['fields']))}")
        for outcome in one["last"].get("outcomes", []):
            if outcome["result"] != "done":
                console.print(f"  {outcome['result']}: {render.escape(outcome['key'])} {render.escape(outcome['error'])}")
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
    ticks = _engine(repo, state).store.history(env)
    if json_:
        _print({"version": 1, "environment": env, "ticks": ticks})
        return 0
    console = _console(no_color)
    for one in ticks:
        done = sum(outcome["result"] == "done" for outcome in one.get("outcomes", []))
        rest = len(one.get("outcomes", [])) - done
        counts = f"{done} done" + (f", {rest} not" if rest else "")
        console.print(f"{one['time']}  {one['commit'][:12]}  {one['result']:9} {counts}, {one['seconds']:.1f} s")
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
    _engine(repo, state).suspend(env, why)
    if json_:
        _print({"version": 1, "environment": env, "suspended": why})
    else:
        _console(no_color).print(f"{env} is suspended. `reconciler resume {env}` starts it again.")
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
    _engine(repo, state).resume(env)
    if json_:
        _print({"version": 1, "environment": env, "suspended": ""})
    else:
        _console(no_color).print(f"{env} is reconciled again. `reconciler plan {env}` tells what has moved meanwhile.")
    return 0


@verb
def schema() -> int:
    """Print the JSON Schema of an environment file."""
    from reconciler.environment import json_schema

    _print(json_schema())
    return 0


def _read(path: Path) -> str:
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError([Fault(str(path), f"It cannot be read: {reason}.")]) from None


def _read_json(path: Path) -> Any:
    try:
        return json.loads(_read(path))
    except ValueError as error:
        raise InputError([Fault(str(path), f"It is not JSON: {error}.")]) from None


@verb
def template(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An ARM template.")],
    parameters: Annotated[Path | None, typer.Option(help="A parameter file, or a plain map of values.")] = None,
    context: Annotated[Path | None, typer.Option(help="What the template is deployed to, and live resources.")] = None,
    json_: Json = False,
) -> int:
    """Evaluate an ARM template offline: its resources and outputs, as JSON."""
    from reconciler import armtemplate, render

    try:
        given = armtemplate.parse_parameters(_read(parameters), str(parameters)) if parameters else {}
        told = _read_json(context) if context else {}
        where = armtemplate.context_from_json(told)
        where = replace(where, root=where.root or file.parent.resolve())
        evaluation = armtemplate.evaluate(armtemplate.parse(_read(file), str(file)), given, where)
    except armtemplate.TemplateError as error:
        raise InputError(Fault(str(f.position or file), f.message) for f in error.faults) from None
    _print(render.evaluation_json(evaluation))
    return 0


@verb
def explain(
    type_: Annotated[str, typer.Option("--type", help="The resource's type, e.g. Microsoft.KeyVault/vaults.")] = "",
    desired: Annotated[Path | None, typer.Option(help="What was sent, as JSON.")] = None,
    live: Annotated[Path | None, typer.Option(help="What GET gives, as JSON.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="What GET gave after the last write, as JSON.")] = None,
    batch: Annotated[bool, typer.Option("--batch", help="Read JSON lines from stdin, answer a line each.")] = False,
    json_: Json = False,
) -> int:
    """Tell which fields of one resource differ and why, and which were judged equal and by which rule."""
    from reconciler.diff import explain as explained

    if batch:
        for number, line in enumerate(sys.stdin, 1):
            if line.strip():
                print(json.dumps(_explain_line(line, number, explained)), flush=True)
        return 0
    if not (type_ and desired and live):
        raise InputError([Fault("", "--type, --desired and --live are needed.", "Or --batch with JSON lines on stdin.")])
    seen = _read_json(baseline) if baseline else None
    answer = explained(type_, _read_json(desired), _read_json(live), seen)
    if json_:
        _print(answer)
        return 0
    console = _console(False)
    from reconciler.render import escape, short

    for change in answer["changes"]:
        sides = f"{short(change.get('live'))} → {short(change.get('desired'))}"
        console.print(f"[yellow]{escape(change['path'])}[/yellow]: {sides} [dim]{change['reason']}[/dim]")
    for equal in answer["equal"]:
        console.print(f"[dim]{escape(equal['path'])}: judged equal, {equal['rule']}[/dim]")
    if not answer["changes"]:
        console.print("[green]No difference.[/green]")
    return 0


def _explain_line(line: str, number: int, explained: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    try:
        asked = json.loads(line)
        return explained(asked["type"], asked["desired"], asked["live"], asked.get("baseline"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"line {number} is not {{type, desired, live, baseline?}}: {error}"
        return {"error": {"code": "invalid-input", "message": message, "where": f"<stdin>:{number}"}}


@verb
def graph(
    env: Annotated[str, typer.Argument(metavar="[ENV]")] = "",
    commit: Commit = "",
    json_: Json = False,
    repo: Repo = "",
    state: StateAt = "",
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> int:
    """Tell what needs what in one environment, offline."""
    if not env:
        raise InputError([Fault("", "Which environment?", "Name one: `reconciler graph ENV`.")])
    found = _engine(repo, state).graph(env, commit or None)
    objects = [str(resource.key) for resource in found]
    edges = sorted([str(key), str(need)] for key, need in found.edges())
    if json_:
        _print({"version": 1, "objects": objects, "edges": edges, "missing": []})
        return 0
    from reconciler.render import escape

    console = _console(no_color)
    for resource in found:
        console.print(f"[bold]{escape(resource.key)}[/bold]")
        for need in resource.needs:
            console.print(f"  needs {escape(need)}")
    return 0


if __name__ == "__main__":
    main()
