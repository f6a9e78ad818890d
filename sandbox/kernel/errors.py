"""What ends a notebook early, and failures in the words of the real runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Py4JError = Exception
else:
    from py4j.protocol import Py4JError


class NotebookExit(BaseException):
    """`dbutils.notebook.exit(value)`. No Exception, so that no `except Exception` of a notebook keeps it."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class NotPlayed(Exception):
    """A notebook asks for something that the sandbox does not play."""


class LibraryFault(Exception):
    """A library that cannot be installed; the run fails before its task starts."""


class Py4JJavaError(Py4JError):
    """An error of the runtime's Java side: notebooks catch these by the name and read the text."""

    def __init__(self, method: str, kind: str, message: str) -> None:
        super().__init__(f"An error occurred while calling o1.{method}.\n: {kind}: {message}")
        self.kind, self.message = kind, message


Py4JJavaError.__module__ = "py4j.protocol"  # as tracebacks name it


class ExecutionError(Exception):
    """A failure of `dbutils.fs`."""


def widget_missing(name: str) -> Py4JJavaError:
    return Py4JJavaError(
        "getArgument",
        "com.databricks.dbutils_v1.InputWidgetNotDefined",
        f"No input widget named {name} is defined",
    )


def run_failed(what: str) -> Py4JJavaError:
    return Py4JJavaError(
        "run", "com.databricks.WorkflowException", f"com.databricks.NotebookExecutionException: {what}"
    )


def described(fault: BaseException) -> str:
    """`NameError: name 'x' is not defined`."""
    text = str(fault)
    return f"{type(fault).__name__}: {text}" if text else type(fault).__name__
