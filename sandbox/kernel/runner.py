"""Runs notebooks: cell by cell in one namespace; `%run` in the same one, `notebook.run` in a new one."""

from __future__ import annotations

import ast
import linecache
import posixpath
import re
import shlex
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.kernel.cells import Cell, cells
from sandbox.kernel.channel import Channel, Refused
from sandbox.kernel.dbutils import DBUtils, Jobs, Notebook, Secrets, TaskValues
from sandbox.kernel.errors import NotebookExit, NotPlayed, run_failed
from sandbox.kernel.filesystem import FileSystem
from sandbox.kernel.output import Redactor
from sandbox.kernel.paths import Paths
from sandbox.kernel.spark import Spark
from sandbox.kernel.widgets import Widgets

_DEPTH = 20  # notebooks within notebooks
_NOTE = "Note: the sandbox installs nothing; what a notebook needs comes as a library of its task.\n"
_SQL_WIDGET = re.compile(r"\$\{(\w+)\}|(?<![\w:]):(\w+)\b")


class Namespace(dict[str, Any]):
    """A notebook's globals; `spark` and its friends come into being when they are first used."""

    def __init__(self, late: Mapping[str, Callable[[], Any]], **names: Any) -> None:
        super().__init__(names)
        self._late = late

    def __missing__(self, name: str) -> Any:
        if name not in self._late:
            raise KeyError(name)
        self[name] = self._late[name]()
        return self[name]


@dataclass(frozen=True)
class Machine:
    """What all notebooks of a kernel share. ``values`` are task values: of the tasks before, and made now."""

    channel: Channel
    spark: Spark
    paths: Paths
    redact: Redactor
    facts: Mapping[str, str]
    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Frame:
    """One notebook's namespace and where it stands."""

    machine: Machine
    widgets: Widgets
    names: Namespace
    depth: int


def run(machine: Machine, path: str, parameters: Mapping[str, str], depth: int = 0) -> str | None:
    """Run a notebook by itself; answers what it exits with. Raises what it raises."""
    if depth > _DEPTH:
        raise NotPlayed(f"Notebooks run each other more than {_DEPTH} deep.")
    frame = _frame(machine, path, parameters, depth)
    with _importing_from(machine, posixpath.dirname(path)):
        try:
            _cells(frame, path)
        except NotebookExit as done:
            return done.value
    return None


def names(machine: Machine, path: str = "", parameters: Mapping[str, str] | None = None) -> Namespace:
    """The globals of a notebook or a script: `spark`, `dbutils`, `display` …."""
    return _frame(machine, path, parameters or {}, 0).names


def _frame(machine: Machine, path: str, parameters: Mapping[str, str], depth: int) -> _Frame:
    widgets = Widgets(parameters)
    dbutils = DBUtils(
        widgets,
        FileSystem(machine.paths, _print),
        Secrets(machine.channel, machine.redact),
        Notebook(_child(machine, path, depth), {**machine.facts, "notebookPath": path}),
        Jobs(TaskValues(machine.known, machine.made)),
        _print,
    )
    late: dict[str, Callable[[], Any]] = {
        "spark": machine.spark.session,
        "sc": lambda: machine.spark.session().sparkContext,
        "sqlContext": lambda: _sql_context(machine),
    }
    names = Namespace(
        late,
        __name__="__main__",
        __builtins__=__builtins__,
        dbutils=dbutils,
        display=display,
        displayHTML=lambda html="": _print(f"{html}\n"),
        getArgument=widgets.getArgument,
    )
    return _Frame(machine, widgets, names, depth)


def display(thing: Any = None, *_: Any, **__: Any) -> None:
    """A data frame as a table of its first rows, anything else as it prints."""
    show = getattr(thing, "show", None)
    if hasattr(thing, "toPandas") and callable(show):
        show(20, truncate=False)
    elif thing is not None:
        print(thing)


def _child(machine: Machine, caller: str, depth: int) -> Callable[[str, dict[str, str], int], str]:
    def start(path: str, arguments: dict[str, str], seconds: int) -> str:
        target = _resolved(caller, path)
        try:
            with _at_most(seconds):
                return run(machine, target, arguments, depth + 1) or ""
        except TimeoutError:
            raise run_failed("TIMEDOUT") from None
        except Refused as no:
            raise run_failed(f"FAILED: {no}") from None
        except Exception as fault:
            _print(trace(fault))
            raise run_failed("FAILED: Workload failed, see run output for details") from fault

    return start


def _cells(frame: _Frame, path: str) -> None:
    found = frame.machine.channel.ask("source", path=path)
    language, source = found["language"], found["source"]
    if language not in ("PYTHON", "SQL"):
        raise NotPlayed(f"The sandbox does not play notebooks in {language}: {path}.")
    for number, cell in enumerate(cells(language, source), 1):
        kind = _KINDS.get(cell.kind)
        if kind is None:
            raise NotPlayed(f"The sandbox does not play %{cell.kind}: {path}, line {cell.line}.")
        kind(frame, cell, f"{path}#{number}")
        sys.stdout.flush()


def _python(frame: _Frame, cell: Cell, place: str) -> None:
    """Run it; the value of a last expression is printed, as notebooks do."""
    file = f"<{place}>"
    linecache.cache[file] = (len(cell.text), None, cell.text.splitlines(keepends=True), file)
    tree = ast.parse(cell.text, file)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, file, "exec"), frame.names)  # noqa: S102
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), file, "eval"), frame.names)  # noqa: S307
        if value is not None:
            print(repr(value))


def _sql(frame: _Frame, cell: Cell, place: str) -> None:
    known = frame.widgets.getAll()

    def put_in(found: re.Match[str]) -> str:
        if found[1] is not None:
            return known.get(found[1], found[0])
        return "'" + known[found[2]].replace("'", "\\'") + "'" if found[2] in known else found[0]

    spark = frame.machine.spark.session()
    for statement in _statements(cell.text):
        result = spark.sql(_SQL_WIDGET.sub(put_in, statement))
        frame.names["_sqldf"] = result
        if result.columns:
            display(result)


def _statements(text: str) -> Iterator[str]:
    """The statements of a SQL cell; a semicolon within quotes or a comment ends none."""
    parts = re.findall(
        r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|--[^\n]*|/\*.*?\*/|;|[^;]", text, re.DOTALL
    )
    statement = ""
    for part in (*parts, ";"):
        if part != ";":
            statement += "" if part.startswith(("--", "/*")) and len(part) > 1 else part
        elif statement.strip():
            yield statement.strip()
            statement = ""


def _run(frame: _Frame, cell: Cell, place: str) -> None:
    """`%run ./other $name="value"`: the other's cells in this namespace."""
    words = shlex.split(cell.text)
    if not words:
        raise NotPlayed(f"%run names no notebook: {place}.")
    passed = dict(word.removeprefix("$").split("=", 1) for word in words[1:] if "=" in word)
    target = _resolved(place.rpartition("#")[0], words[0])
    if frame.depth > _DEPTH:
        raise NotPlayed(f"Notebooks run each other more than {_DEPTH} deep.")
    inner = _Frame(frame.machine, frame.widgets, frame.names, frame.depth + 1)
    frame.widgets.pass_on(passed)
    _cells(inner, target)


def _fs(frame: _Frame, cell: Cell, place: str) -> None:
    method, *arguments = shlex.split(cell.text)
    result = getattr(frame.names["dbutils"].fs, method)(*arguments)
    if isinstance(result, list):
        for one in result:
            print(*one, sep="\t")


def _nothing(frame: _Frame, cell: Cell, place: str) -> None:
    """Text."""


def _pip(frame: _Frame, cell: Cell, place: str) -> None:
    _print(f"%pip {cell.text}\n{_NOTE}")


_KINDS: Mapping[str, Callable[[_Frame, Cell, str], None]] = {
    "python": _python,
    "sql": _sql,
    "run": _run,
    "fs": _fs,
    "pip": _pip,
    "md": _nothing,
    "md-sandbox": _nothing,
}


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    """Raise TimeoutError after some seconds; 0 is no limit. Python's alarms are for the main thread only."""
    if seconds <= 0 or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _importing_from(machine: Machine, folder: str) -> Iterator[None]:
    """Workspace files beside a notebook can be imported: its folder is on the path."""
    place = f"/Workspace{folder}"
    sys.path.append(place)
    try:
        yield
    finally:
        if place in sys.path:
            sys.path.remove(place)


def _resolved(caller: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(caller), path.removeprefix("/Workspace")))


def _sql_context(machine: Machine) -> Any:
    from pyspark.sql import SQLContext

    session = machine.spark.session()
    return SQLContext(session.sparkContext, session)


def _print(text: str) -> None:
    sys.stdout.write(text)


def trace(fault: BaseException) -> str:
    """The traceback, without the frames of the kernel."""
    whole = traceback.TracebackException.from_exception(fault)
    own = [frame for frame in whole.stack if "/sandbox/kernel/" not in frame.filename]
    whole.stack = traceback.StackSummary.from_list(own)
    return "".join(whole.format(chain=True))
