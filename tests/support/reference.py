"""The reference pages, made from the program itself: verbs, an environment file's keys, app settings.

`make reference` writes them; `test_docs` fails where a page is not what would be written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from reconciler.cli.verb import app
from reconciler.environment.schema import model_schema
from reconciler.settings import NAMES

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
WRITTEN = "<!-- Written by `make reference`; do not edit it. -->"

EXITS: Mapping[str, str] = {
    "validate": "0 no fault, 1 faults",
    "plan": "0 nothing to write (also with only `adopt` or `notAccepted`), 2 changes or blocked, 1 a fault",
    "apply": "0 done, 1 a failure or suspended, 3 pending: run it again",
    "tick": "0 done, held back, suspended or waiting for an approval, 1 a failure or a failed check, "
    "3 pending: the next tick goes on",
    "status": "0",
    "history": "0",
    "suspend": "0",
    "resume": "0",
    "destroy": "0 done, 1 a failure, 3 pending: run it again",
    "doctor": "0 all is there, 1 something is missing",
    "graph": "0, 1 a fault",
    "template": "0, 1 a fault",
    "explain": "0, 1 a fault",
    "schema": "0",
    "serve": "runs until it is stopped",
}
"""What each verb exits with. Any of them exits with 1 on an error, 130 when it is stopped by hand."""


def pages() -> dict[Path, str]:
    """Every generated page with its text."""
    made: Mapping[str, Callable[[], Iterator[str]]] = {
        "verbs.md": verbs,
        "environment.md": environment,
        "settings.md": settings,
    }
    return {REFERENCE / name: "\n".join(lines()) + "\n" for name, lines in made.items()}


def commands() -> dict[str, Any]:
    """The verbs by name, as the command line has them."""
    group: Any = typer.main.get_command(app)
    return {name: group.commands[name] for name in sorted(group.commands, key=list(EXITS).index)}


def verbs() -> Iterator[str]:
    yield from ("# Verbs", "", WRITTEN, "")
    yield (
        "`reconciler VERB --help` tells the same on a terminal. Where a verb takes `--json`, standard output holds one "
        "JSON document and nothing else, also on a fault: "
        '`{"version": 1, "error": {"code", "message", "where"}}`; see [error codes](errors.md).'
    )
    yield ""
    yield (
        "`reconciler --install-completion` lets the shell complete verbs, options and the names of environments; "
        "`reconciler --show-completion` prints what it would install."
    )
    yield ""
    for name, command in commands().items():
        yield from ("", f"## {name}", "")
        arguments = [each for each in command.params if not hasattr(each, "is_flag")]
        metavars = [str(each.metavar or each.name.upper()) for each in arguments]
        yield from ("```text", " ".join(["reconciler", name, *metavars, "[OPTIONS]"]), "```", "")
        yield " ".join((command.help or "").split()).partition(" Exit ")[0]
        yield from ("", f"Exit: {EXITS[name]}.", "")
        options = [each for each in command.params if hasattr(each, "is_flag")]
        if options:
            yield from ("| option | means |", "|---|---|")
        for each in options:
            value = "" if each.is_flag else f" {each.metavar or each.name.upper()}"
            spelled = ", ".join(f"`{spelling}`" for spelling in (*each.secondary_opts, *each.opts))
            default = f" Default: `{each.default}`." if each.default and not each.is_flag else ""
            yield f"| {spelled}{f' `{value.strip()}`' if value else ''} | {cell(each.help or '')}{default} |"


def environment() -> Iterator[str]:
    schema = model_schema()
    yield from ("# An environment file", "", WRITTEN, "")
    yield (
        "`environments/NAME.yaml` says what the environment NAME should be. Keys that are written nowhere have the "
        "default. `${…}` is explained in [concepts](../concepts.md#references); `reconciler schema` prints the JSON "
        "Schema that an editor uses, and `reconciler validate` tells every fault at once."
    )
    yield from (
        "",
        "A dot leads into a map, `[]` into an item of a list, `*` into an entry whose key is yours.",
    )
    for path, part in sections(schema):
        title = f"## `{path}`" if path else "## The file"
        yield from ("", title, "")
        if path and part.get("description"):
            yield from (cell(part["description"]), "")
        yield from ("| key | type | default | means |", "|---|---|---|---|")
        required = set(part.get("required", ()))
        for name, value in part["properties"].items():
            default = "**required**" if name in required else shown(value.get("default"))
            kind = worded(value, schema, f"{path}.{name}".lstrip("."))
            yield f"| `{name}` | {kind} | {default} | {cell(value.get('description', ''))} |"


def sections(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every map with known keys, with its path, in the order in which the keys are declared."""
    yield from _sections("", schema, schema)


def _sections(
    path: str, part: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield path, part
    for name, value in part["properties"].items():
        found = section_of(value, schema)
        if found is not None:
            step, below = found
            yield from _sections(f"{path}.{name}{step}".lstrip("."), below, schema)


def section_of(value: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """The section that a value is, or that its items or entries are, with the step to it."""
    if "$ref" in value:
        return "", schema["$defs"][value["$ref"].rpartition("/")[2]]
    for one in value.get("anyOf", ()):
        if (found := section_of(one, schema)) is not None:
            return found
    if "items" in value and (found := section_of(value["items"], schema)) is not None:
        return f"[]{found[0]}", found[1]
    for one in value.get("patternProperties", {}).values():
        if (found := section_of(one, schema)) is not None:
            return f".*{found[0]}", found[1]
    return None


def worded(value: Mapping[str, Any], schema: Mapping[str, Any], path: str) -> str:
    """A value's type in words, with an example where the schema has one."""
    if (found := section_of(value, schema)) is not None:
        step, _ = found
        text = any(each.get("type") == "string" for each in _entries(value))
        what = {"": "map", "[]": "list of maps", ".*": "map of texts or maps" if text else "map of maps"}[
            step
        ]
        return f"{what}: [`{path}{step}`](#{anchor(path + step)})"
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return " \\| ".join(f"`{each}`" for each in value["enum"])
    if "anyOf" in value:
        kinds = [worded(one, schema, path) for one in value["anyOf"] if one.get("type") != "null"]
        share = "%" in str(value.get("examples"))
        return "number, or share as in `50%`" if share else " or ".join(dict.fromkeys(kinds))
    if value.get("type") == "array":
        return f"list of {worded(value.get('items', {}), schema, path)}"
    if value.get("type") == "object":
        entries = next(iter(_entries(value)), True)
        inner = worded(entries, schema, path) if isinstance(entries, dict) and entries else "any value"
        return f"map of {'maps' if inner.startswith('map') else inner}"
    if value.get("format") == "date":
        return "day, as in `2026-12-31`"
    if "1h30m" in value.get("examples", ()):
        return "time, as in `5m`, `1h30m`, `30d`"
    words = {"string": "text", "integer": "number", "boolean": "true or false"}
    return words.get(str(value.get("type")), "any value")


def _entries(value: Mapping[str, Any]) -> list[Any]:
    """What describes the entries of a map whose keys are free."""
    patterns = list(value.get("patternProperties", {}).values())
    found = patterns or [value.get("additionalProperties", True)]
    return [each for one in found if isinstance(one, dict) for each in one.get("anyOf", [one])]


def shown(default: Any) -> str:
    if default is None or default in ([], {}, ""):
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, list):
        return ", ".join(f"`{each}`" for each in default)
    return "see there" if isinstance(default, dict) else f"`{default}`"


def settings() -> Iterator[str]:
    yield from ("# Settings", "", WRITTEN, "")
    yield (
        "What one installation is told, as app settings of the Function app or as environment variables of a shell. "
        "What an environment should be stands in [its file](environment.md), never here."
    )
    yield from ("", "| setting | says |", "|---|---|")
    for name, said in NAMES.items():
        yield f"| `{name}` | {cell(said)} |"
    yield f"| `RECONCILE_SCHEDULE` | {cell(SCHEDULE)} |"


SCHEDULE = (
    "When the hosted app looks at what is due, as Functions writes it: `0 * * * * *` is every minute. "
    "The Functions host reads it."
)


def anchor(path: str) -> str:
    """What a link to the heading of a path ends with: as sites of Markdown make it from the heading's text."""
    return re.sub(r"[^\w-]", "", path.lower())


def cell(text: str) -> str:
    """A text within a table."""
    return " ".join(text.replace("|", "\\|").split())
