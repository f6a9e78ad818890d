"""The verbs that need no cloud: validate, graph, schema, template, explain."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from reconciler.cli.verb import (
    Commit,
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
from reconciler.cli.verb import environments as known
from reconciler.errors import Fault, InputError


@verb
def validate(
    environments: Annotated[list[str] | None, typer.Argument(metavar="[ENV]…", autocompletion=known)] = None,
    commit: Commit = "",
    json_: Json = False,
    repo: Repo = "",
    state: StateAt = "",
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> int:
    """Tell every fault of the input with its place, offline. Exit 0: none, 1: some."""
    engine = engine_of(repo, state)
    warnings = engine.checkout.validate(tuple(environments or ()), commit or None)
    if json_:
        print_json({"version": 1, "faults": [], "warnings": list(warnings)})
        return 0
    console = console_of(no_color)
    from reconciler.render import escape

    for warning in warnings:
        console.print(f"[yellow]warning:[/yellow] {escape(warning)}")
    checked = ", ".join(environments or engine.checkout.names())
    console.print(f"[green]No fault in {checked}.[/green]")
    return 0


@verb
def schema(json_: Json = False) -> int:
    """Print the JSON Schema of an environment file."""
    from reconciler.environment import json_schema

    print_json(json_schema())
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
    parameters: Annotated[
        Path | None, typer.Option(help="A parameter file, or a plain map of values.")
    ] = None,
    context: Annotated[
        Path | None, typer.Option(help="What the template is deployed to, and live resources.")
    ] = None,
    json_: Json = False,
) -> int:
    """Evaluate an ARM template offline: its resources and outputs, as JSON."""
    from reconciler import armtemplate, render

    given: Mapping[str, Any] = {}
    try:
        given = armtemplate.parse_parameters(_read(parameters), str(parameters)) if parameters else {}
        told = _read_json(context) if context else {}
        where = armtemplate.context_from_json(told)
        where = replace(where, root=where.root or file.parent.resolve())
        evaluation = armtemplate.evaluate(armtemplate.parse(_read(file), str(file)), given, where)
    except armtemplate.TemplateError as error:
        raise InputError(
            Fault(str(f.position), _hushed(str(f).removeprefix(f"{f.position}: "), file, given))
            for f in error.faults
        ) from None
    print_json(render.evaluation_json(evaluation))
    return 0


def _hushed(text: str, file: Path, given: Mapping[str, Any]) -> str:
    """A message without the values of secure parameters that it may quote."""
    from reconciler import armtemplate

    try:
        declared = armtemplate.parse(_read(file), str(file)).root.get("parameters") or {}
    except (armtemplate.TemplateError, InputError, AttributeError):
        return text
    for name, parameter in declared.items():
        if isinstance(parameter, dict) and str(parameter.get("type", "")).lower().startswith("secure"):
            for value in (given.get(name), parameter.get("defaultValue")):
                if isinstance(value, str) and value:
                    text = text.replace(value, "(secret)")
    return text


@verb
def explain(
    type_: Annotated[
        str, typer.Option("--type", help="The resource's type, e.g. Microsoft.KeyVault/vaults.")
    ] = "",
    desired: Annotated[Path | None, typer.Option(help="What was sent, as JSON.")] = None,
    live: Annotated[Path | None, typer.Option(help="What GET gives, as JSON.")] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="What GET gave after the last write, as JSON.")
    ] = None,
    batch: Annotated[
        bool, typer.Option("--batch", help="Read JSON lines from stdin, answer a line each.")
    ] = False,
    json_: Json = False,
) -> int:
    """Tell which fields of one resource differ and why, and which were judged equal and by which rule."""
    from reconciler.diff import explain as explained

    if batch:
        wrong = 0
        for number, line in enumerate(sys.stdin, 1):
            if line.strip():
                answer = _explain_line(line, number, explained)
                wrong += "error" in answer
                print(json.dumps(answer), flush=True)
        return 1 if wrong else 0
    if not (type_ and desired and live):
        raise InputError(
            [Fault("", "--type, --desired and --live are needed.", "Or --batch with JSON lines on stdin.")]
        )
    seen = _read_json(baseline) if baseline else None
    answer = explained(type_, _read_json(desired), _read_json(live), seen)
    if json_:
        print_json(answer)
        return 0
    console = console_of(False)
    from reconciler.cli.plantext import one_line as short
    from reconciler.render import escape

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
        fault = {"code": "invalid-input", "message": message, "where": f"<stdin>:{number}"}
        return {"version": 1, "error": fault}


@verb
def graph(
    env: Annotated[str, typer.Argument(metavar="[ENV]", autocompletion=known)] = "",
    adf: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER_OR_TEMPLATE", help="A data factory's Git folder, or what Studio exports."
        ),
    ] = None,
    factory: Annotated[str, typer.Option(help="With --adf: the factory whose own file counts.")] = "",
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it into this file as well.")] = None,
    commit: Commit = "",
    json_: Json = False,
    repo: Repo = "",
    state: StateAt = "",
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> int:
    """Tell what needs what in one environment, or in one data factory, offline."""
    if adf is not None:
        return _factory_graph(adf, factory, svg, json_, no_color)
    if not env:
        raise InputError([Fault("", "Which environment?", "Name one: `reconciler graph ENV`.")])
    found = engine_of(repo, state).checkout.graph(env, commit or None)
    objects = [str(resource.key) for resource in found]
    edges = sorted([str(key), str(need)] for key, need in found.edges())
    _draw(svg, [each.key.plain for each in found], [(a.plain, b.plain) for a, b in found.edges()])
    if json_:
        print_json({"version": 1, "objects": objects, "edges": edges, "missing": []})
        return 0
    from reconciler.render import escape

    console = console_of(no_color)
    for resource in found:
        console.print(f"[bold]{escape(resource.key)}[/bold]")
        for need in resource.needs:
            console.print(f"  needs {escape(need)}")
    return 0


def _draw(file: Path | None, objects: list[str], edges: list[tuple[str, str]]) -> None:
    """Write the picture, where one is asked for. Raises InputError where it cannot be written."""
    from reconciler.picture import svg

    if file is None:
        return
    try:
        file.write_text(svg(objects, edges), "utf-8")
    except OSError as error:
        raise InputError([Fault(str(file), f"It cannot be written: {error.strerror}.")]) from None


def _factory_graph(path: Path, factory: str, svg: Path | None, json_: bool, no_color: bool) -> int:
    from reconciler.adf import graph_json

    found = graph_json(path, factory)
    _draw(svg, found["objects"], [(each, need) for each, need in found["edges"]])
    if json_:
        print_json({"version": 1, **found})
        return 0
    from reconciler.render import escape

    needs: dict[str, list[str]] = {each: [] for each in found["objects"]}
    for each, need in found["edges"]:
        needs[each].append(need)
    console = console_of(no_color)
    for each in needs:
        console.print(f"[bold]{escape(each)}[/bold]")
        for need in needs[each]:
            console.print(f"  needs {escape(need)}")
    for each in found["missing"]:
        console.print(f"[red]missing:[/red] {escape(each)}")
    for each in found["warnings"]:
        console.print(f"[yellow]warning:[/yellow] {escape(each)}")
    return 0
