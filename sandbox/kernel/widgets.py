"""`dbutils.widgets`: parameters of one notebook. A value that was passed wins over a widget's default."""

# The names are Databricks' own.
# ruff: noqa: N802, N803

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox.kernel.errors import Py4JJavaError, widget_missing


class Widgets:
    """``passed`` are the parameters of the run, or of `dbutils.notebook.run`."""

    def __init__(self, passed: Mapping[str, str]) -> None:
        self._passed = dict(passed)
        self._defaults: dict[str, str] = {}

    def text(self, name: str, defaultValue: str, label: str | None = None) -> None:
        self._defaults[name] = str(defaultValue)

    def dropdown(
        self,
        name: str,
        defaultValue: str,
        choices: Sequence[str],
        label: str | None = None,
    ) -> None:
        self._choose(name, [defaultValue], choices)

    def combobox(
        self,
        name: str,
        defaultValue: str,
        choices: Sequence[str],
        label: str | None = None,
    ) -> None:
        self._defaults[name] = str(defaultValue)

    def multiselect(
        self,
        name: str,
        defaultValue: str,
        choices: Sequence[str],
        label: str | None = None,
    ) -> None:
        self._choose(name, [defaultValue], choices)

    def get(self, name: str) -> str:
        """Raises InputWidgetNotDefined."""
        if name in self._passed:
            return self._passed[name]
        if name not in self._defaults:
            raise widget_missing(name)
        return self._defaults[name]

    def getArgument(self, name: str, defaultValue: str | None = None) -> str:
        try:
            return self.get(name)
        except Py4JJavaError:
            if defaultValue is None:
                raise
            return str(defaultValue)

    def getAll(self) -> dict[str, str]:
        return {**self._defaults, **self._passed}

    def remove(self, name: str) -> None:
        if name not in self._defaults:
            raise widget_missing(name)
        del self._defaults[name]

    def removeAll(self) -> None:
        self._defaults.clear()

    def pass_on(self, values: Mapping[str, str]) -> None:
        """Parameters of a `%run`."""
        self._passed |= values

    def _choose(self, name: str, defaults: Sequence[str], choices: Sequence[str]) -> None:
        known = [str(choice) for choice in choices]
        if any(str(value) not in known for value in defaults):
            raise Py4JJavaError(
                "dropdown",
                "com.databricks.dbutils_v1.InvalidInputWidgetDefaultValue",
                f"The default value of the widget {name} is none of its choices",
            )
        self._defaults[name] = str(defaults[0])
