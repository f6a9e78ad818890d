"""Parameter files, and the forms in which values are handed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import Fault, Position, TemplateError
from .reader import parse, path_text
from .values import KeyVaultReference, find_key, get


def parse_parameters(text: str, file: str = "") -> dict[str, Any]:
    """The values of a parameter file, or of a plain object of values.

    A reference to a secret in a vault becomes a KeyVaultReference. Raises TemplateError with all faults.
    """
    source = parse(text, file)
    if not isinstance(source.root, dict):
        raise TemplateError((Fault("a parameter file must be an object", source.position(())),))
    held = find_key(source.root, "parameters")
    is_file = isinstance(source.root.get(held or ""), dict) and (
        find_key(source.root, "$schema") is not None or find_key(source.root, "contentVersion") is not None
    )
    if not is_file and held is not None and len(source.root) == 1 and isinstance(source.root[held], dict):
        is_file = True
    entries = source.root[held] if is_file and held is not None else source.root
    path: tuple[str | int, ...] = (held,) if is_file and held is not None else ()
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for name, entry in entries.items():
        if name == "$schema":
            continue
        if is_file and (not isinstance(entry, dict) or not _is_entry(entry)):
            place: Position = source.position((*path, name))
            faults.append(
                Fault(
                    f"the parameter '{name}' must have a 'value' or a 'reference'",
                    place,
                    path_text((*path, name)),
                )
            )
            continue
        values[name] = one_value(entry)
    if faults:
        raise TemplateError(tuple(faults))
    return values


def plain_parameters(source: Mapping[str, Any]) -> dict[str, Any]:
    """Values out of `{"name": {"value": …}}`, of a whole parameter file, or of a plain object of values."""
    inner = get(source, "parameters")
    if isinstance(inner, Mapping) and (find_key(source, "$schema") or find_key(source, "contentVersion")):
        source = inner
    return {name: one_value(entry) for name, entry in source.items() if name != "$schema"}


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, Mapping) and (
        find_key(entry, "value") is not None or find_key(entry, "reference") is not None
    )


def one_value(entry: Any) -> Any:
    """The value in one entry: `{"value": …}`, `{"reference": {"keyVault": …}}`, or the value itself."""
    if not isinstance(entry, Mapping):
        return entry
    reference = get(entry, "reference")
    if isinstance(reference, str) and len(entry) == 1:
        return KeyVaultReference(reference, "")
    if isinstance(reference, Mapping) and (vault := get(reference, "keyVault")) is not None:
        identity = get(vault, "id") if isinstance(vault, Mapping) else None
        version = get(reference, "secretVersion")
        return KeyVaultReference(
            str(identity or ""),
            str(get(reference, "secretName") or ""),
            None if version is None else str(version),
        )
    held = find_key(entry, "value")
    if held is not None and all(
        key.lower() in ("value", "type", "metadata", "defaultvalue") for key in entry
    ):
        return entry[held]
    return dict(entry)
