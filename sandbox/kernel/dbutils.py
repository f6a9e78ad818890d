"""`dbutils`, one for each notebook that runs."""

# The names are Databricks' own.
# ruff: noqa: N802, N803

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from sandbox.kernel.channel import Channel, Refused
from sandbox.kernel.errors import NotebookExit, NotPlayed, Py4JJavaError
from sandbox.kernel.filesystem import FileSystem
from sandbox.kernel.output import Redactor
from sandbox.kernel.widgets import Widgets

_VALUE_LIMIT = 48 * 1024  # of a task value's JSON
_HELP = "fs, jobs, library, notebook, secrets, widgets: https://docs.databricks.com/dev-tools/databricks-utils.html"


class SecretScope(NamedTuple):
    name: str


class SecretMetadata(NamedTuple):
    key: str


class Secrets:
    """Every value that is fetched is blotted out in whatever the run says from then on."""

    def __init__(self, channel: Channel, redact: Redactor) -> None:
        self._channel, self._redact = channel, redact

    def get(self, scope: str, key: str) -> str:
        return self.getBytes(scope, key).decode()

    def getBytes(self, scope: str, key: str) -> bytes:
        value = bytes.fromhex(self._ask("get", "secret", scope=scope, key=key))
        self._redact.add([value.decode("utf-8", "replace"), str(value)])
        return value

    def list(self, scope: str) -> Sequence[SecretMetadata]:
        return [SecretMetadata(key) for key in self._ask("list", "secret-keys", scope=scope)]

    def listScopes(self) -> Sequence[SecretScope]:
        return [SecretScope(name) for name in self._ask("listScopes", "secret-scopes")]

    def _ask(self, method: str, what: str, **about: str) -> Any:
        try:
            return self._channel.ask(what, **about)
        except Refused as no:
            raise Py4JJavaError(method, no.kind, str(no)) from None


class TaskValues:
    """Values from one task of a run to those after it; outside a job `get` answers `debugValue`."""

    def __init__(self, known: Mapping[str, Mapping[str, Any]], made: dict[str, Any]) -> None:
        self._known, self._made = known, made

    def set(self, key: str, value: Any) -> None:
        """Raises TypeError for what is no JSON, ValueError for more than 48 KiB."""
        if len(json.dumps(value).encode()) > _VALUE_LIMIT:
            raise ValueError("The JSON representation of a task value must not be larger than 48 KiB.")
        self._made[key] = value

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:
        if key in self._known.get(taskKey, {}):
            return self._known[taskKey][key]
        if default is None:
            raise ValueError(f"Task key does not exist in run, or has no value for the key: {taskKey}, {key}")
        return default


class Jobs:
    def __init__(self, values: TaskValues) -> None:
        self.taskValues = values


class Library:
    """A library comes with the task; nothing is installed while a notebook runs."""

    def restartPython(self) -> None:
        """Nothing to do: `%pip` installs nothing."""


class _Given:
    """`….notebookPath().get()`, as Scala's options are used from Python."""

    def __init__(self, value: str) -> None:
        self._value = value

    def get(self) -> str:
        return self._value

    def getOrElse(self, other: Any) -> str:
        return self._value


class Context:
    """What `dbutils.notebook.entry_point.getDbutils().notebook().getContext()` tells, without tokens."""

    def __init__(self, facts: Mapping[str, str]) -> None:
        self._facts = facts

    def getDbutils(self) -> Context:
        return self

    def notebook(self) -> Context:
        return self

    def getContext(self) -> Context:
        return self

    def toJson(self) -> str:
        return json.dumps({"extraContext": {"notebook_path": self._facts["notebookPath"]}, "tags": {}})

    def __getattr__(self, name: str) -> Callable[[], _Given]:
        if name not in self._facts:
            raise NotPlayed(f"The sandbox does not play {name}() of a notebook's context.")
        return lambda: _Given(self._facts[name])


class Notebook:
    """``runner(path, arguments, timeout in s)`` answers what that notebook exits with."""

    def __init__(self, runner: Callable[[str, dict[str, str], int], str], facts: Mapping[str, str]) -> None:
        self._runner = runner
        self.entry_point = Context(facts)

    def run(self, path: str, timeout_seconds: int = 0, arguments: Mapping[str, Any] | None = None) -> str:
        return self._runner(path, {str(k): str(v) for k, v in (arguments or {}).items()}, timeout_seconds)

    def exit(self, value: Any = "") -> NoReturn:
        raise NotebookExit(str(value))

    def getContext(self) -> Context:
        return self.entry_point


class DBUtils:
    """The parts, by the names that notebooks use."""

    def __init__(
        self,
        widgets: Widgets,
        fs: FileSystem,
        secrets: Secrets,
        notebook: Notebook,
        jobs: Jobs,
        show: Callable[[str], object],
    ) -> None:
        self.widgets, self.fs, self.secrets, self.notebook, self.jobs = widgets, fs, secrets, notebook, jobs
        self.library = Library()
        self._show = show

    def help(self, *_: Any) -> None:
        self._show(_HELP + "\n")
