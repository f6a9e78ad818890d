"""Types of parameters, outputs and user functions: the simple ones, and the schemas of user-defined types.

Source: ARM documentation, "Parameters in ARM templates" and "Definitions in ARM templates".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .functions.signature import kind, same
from .values import KeyVaultReference, Unknown, find_key, get

SECURE: Final = frozenset({"securestring", "secureobject"})
_CHECKS: Final[Mapping[str, tuple[str, Any]]] = {
    "string": ("a string", lambda value: isinstance(value, str)),
    "securestring": ("a string", lambda value: isinstance(value, str)),
    "int": ("an integer", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "bool": ("a boolean", lambda value: isinstance(value, bool)),
    "object": ("an object", lambda value: isinstance(value, dict)),
    "secureobject": ("an object", lambda value: isinstance(value, dict)),
    "array": ("an array", lambda value: isinstance(value, list)),
}
TYPES: Final = ("array", "bool", "int", "object", "secureObject", "secureString", "string")
_MAX_REFERENCES: Final = 32

Schema = Mapping[str, Any]
Finding = tuple[tuple[str | int, ...], str]


def resolve(schema: Schema, definitions: Schema) -> Schema:
    """The schema with its `$ref` replaced by what it names; constraints beside the `$ref` stay.

    Raises ValueError where the definition does not exist or leads back to itself.
    """
    seen = 0
    while (target := get(schema, "$ref")) is not None:
        seen += 1
        name = str(target).removeprefix("#/definitions/")
        found = get(definitions, name)
        if not isinstance(found, Mapping):
            raise ValueError(f"there is no definition '{name}'")
        if seen > _MAX_REFERENCES:
            raise ValueError(f"the definition '{name}' leads back to itself")
        schema = {**found, **{key: value for key, value in schema.items() if key.lower() != "$ref"}}
    return schema


def type_name(schema: Schema, definitions: Schema) -> str:
    """The simple type in lower case; empty where none is given. Raises ValueError as `resolve`."""
    name = get(resolve(schema, definitions), "type")
    return name.lower() if isinstance(name, str) else ""


def check(
    value: Any, schema: Any, definitions: Schema, path: tuple[str | int, ...] = ()
) -> Iterator[Finding]:
    """What is wrong with a value: pairs of a path below it and a message without the value itself."""
    if isinstance(value, Unknown | KeyVaultReference) or len(path) > 64:
        return
    if not isinstance(schema, Mapping):
        yield path, "has a type that is not an object"
        return
    try:
        schema = resolve(schema, definitions)
    except ValueError as error:
        yield path, str(error)
        return
    if value is None and get(schema, "nullable") is True:
        return
    name = get(schema, "type")
    if isinstance(name, str):
        known = _CHECKS.get(name.lower())
        if known is None:
            yield path, f"'{name}' is not a type; types are {', '.join(TYPES)}"
            return
        wanted, test = known
        if not test(value):
            yield path, f"must be {wanted}, but is {kind(value)}"
            return
    yield from _constraints(value, schema, path)
    if isinstance(value, dict):
        yield from _properties(value, schema, definitions, path)
    elif isinstance(value, list):
        yield from _elements(value, schema, definitions, path)


def _constraints(value: Any, schema: Schema, path: tuple[str | int, ...]) -> Iterator[Finding]:
    allowed = get(schema, "allowedValues")
    if isinstance(allowed, list) and not _allowed(value, allowed):
        names = ", ".join(repr(item) if isinstance(item, str) else str(item) for item in allowed[:30])
        yield path, f"is not one of the allowed values: {names}"
    if isinstance(value, int) and not isinstance(value, bool):
        least, most = get(schema, "minValue"), get(schema, "maxValue")
        if isinstance(least, int) and value < least:
            yield path, f"must be at least {least}, but is {value}"
        if isinstance(most, int) and value > most:
            yield path, f"must be at most {most}, but is {value}"
    if isinstance(value, str | list):
        least, most = get(schema, "minLength"), get(schema, "maxLength")
        what = "characters" if isinstance(value, str) else "items"
        if isinstance(least, int) and len(value) < least:
            yield path, f"must have at least {least} {what}, but has {len(value)}"
        if isinstance(most, int) and len(value) > most:
            yield path, f"must have at most {most} {what}, but has {len(value)}"


def _allowed(value: Any, allowed: list[Any]) -> bool:
    """A string must match without regard to case; an array may be any choice out of the allowed values."""
    if any(_alike(value, item) for item in allowed):
        return True
    return isinstance(value, list) and all(any(_alike(part, item) for item in allowed) for part in value)


def _alike(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    return same(left, right)


def _properties(
    value: dict[str, Any], schema: Schema, definitions: Schema, path: tuple[str | int, ...]
) -> Iterator[Finding]:
    choice = get(schema, "discriminator")
    if isinstance(choice, Mapping):
        name = str(get(choice, "propertyName"))
        tag, mapping = get(value, name), get(choice, "mapping")
        mapping = mapping if isinstance(mapping, Mapping) else {}
        chosen = get(mapping, tag) if isinstance(tag, str) else None
        if not isinstance(chosen, Mapping):
            yield (*path, name), f"must be one of {', '.join(mapping)}"
        else:
            yield from check(value, {**chosen, "type": "object"}, definitions, path)
        return
    properties = get(schema, "properties")
    properties = properties if isinstance(properties, Mapping) else {}
    for name, inner in properties.items():
        held = find_key(value, name)
        if held is not None:
            yield from check(value[held], inner, definitions, (*path, held))
        elif not _optional(inner, definitions):
            yield (*path, name), "is required"
    extra = get(schema, "additionalProperties")
    if extra is False or isinstance(extra, Mapping):
        for key, item in value.items():
            if find_key(properties, key) is None:
                if extra is False:
                    yield (*path, key), "is not a property of this type"
                elif isinstance(extra, Mapping):
                    yield from check(item, extra, definitions, (*path, key))


def _optional(schema: Schema, definitions: Schema) -> bool:
    try:
        return get(resolve(schema, definitions), "nullable") is True
    except ValueError:
        return False


def _elements(
    value: list[Any], schema: Schema, definitions: Schema, path: tuple[str | int, ...]
) -> Iterator[Finding]:
    first = get(schema, "prefixItems")
    first = first if isinstance(first, list) else []
    rest = get(schema, "items")
    for index, item in enumerate(value):
        if index < len(first):
            yield from check(item, first[index], definitions, (*path, index))
        elif rest is False:
            yield (*path, index), "is one item too many"
        elif isinstance(rest, Mapping):
            yield from check(item, rest, definitions, (*path, index))
    if len(value) < len(first):
        yield path, f"must have {len(first)} items, but has {len(value)}"


def is_secure(schema: Schema, definitions: Schema) -> bool:
    """Whether a value of this type is a secret."""
    try:
        return type_name(schema, definitions) in SECURE
    except ValueError:
        return False
