"""Whole JSON values with expressions in them: compiled once, evaluated for every turn of a loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from . import lazy as _lazy  # noqa: F401  registers its functions
from .compiler import Program, program
from .env import Env
from .errors import Problem
from .expression import is_expression, unescape
from .functions.signature import kind
from .values import BROKEN, LambdaValue, Unknown, find_key, get

MAX_TURNS: Final = 800
Path = tuple[str | int, ...]
Adder = Callable[[Env, dict[str, Any]], None]


def walk(value: Any, env: Env, copying: bool = True) -> Any:
    """A JSON value with its expressions evaluated.

    Faults are noted in the run and leave BROKEN. With `copying`, a `copy` array in an object makes
    properties. What has no expression in it is returned as it is, and shared.
    """
    if type(value) is str:
        return value if value[:1] != "[" else _text(value, ())(env)
    if type(value) is not dict and type(value) is not list:
        return value
    made = env.run.programs.get(id(value))
    if made is None:
        made = env.run.programs[id(value)] = (value, _compile(value, (), copying))
    compiled = made[1]
    return value if compiled is None else compiled(env)


def _compile(value: Any, path: Path, copying: bool) -> Program | None:
    """The program of a JSON value; None where it is constant."""
    if type(value) is str:
        return None if value[:1] != "[" else _text(value, path)
    if type(value) is list:
        items = [_compile(item, (*path, index), copying) for index, item in enumerate(value)]
        return _sequence(value, items)
    if type(value) is dict:
        return _mapping(value, path, copying)
    return None


def _sequence(value: list[Any], items: list[Program | None]) -> Program | None:
    if all(item is None for item in items):
        return None
    parts = list(zip(items, value, strict=True))
    return lambda env: [item if made is None else made(env) for made, item in parts]


def _mapping(value: dict[str, Any], path: Path, copying: bool) -> Program | None:
    parts: list[tuple[str, Program | None, Any]] = []
    special: list[Adder] = []
    for key, item in value.items():
        inner = (*path, key)
        if copying and key == "copy" and is_property_copy(item):
            special.append(_loops(item, inner))
        elif key[:1] == "[":
            special.append(_named_by_expression(key, item, inner, copying))
        else:
            parts.append((key, _compile(item, inner, copying), item))
    if not special:
        if all(made is None for _, made, _ in parts):
            return None
        return lambda env: {key: item if made is None else made(env) for key, made, item in parts}

    def run(env: Env) -> dict[str, Any]:
        result = {key: item if made is None else made(env) for key, made, item in parts}
        for add in special:
            add(env, result)
        return result

    return run


def _named_by_expression(key: str, item: Any, path: Path, copying: bool) -> Adder:
    name_of = _text(key, path)
    made = _compile(item, path, copying)

    def add(env: Env, result: dict[str, Any]) -> None:
        name = name_of(env)
        if isinstance(name, Unknown):
            name = f"[{name.expression}]"
        if isinstance(name, str):
            result[name] = item if made is None else made(env)
        elif name is not BROKEN:
            _fault(env, path, f"a property's name must be a string, but this is {kind(name)}")

    return add


def _fault(env: Env, path: Path, message: str, text: str | None = None, column: int | None = None) -> None:
    with env.run.inside(*path):
        env.run.fault(message, text, column)


def _text(text: str, path: Path) -> Program:
    """The program of a string. Its fault, too, comes out when it is run."""
    if not is_expression(text):
        literal = unescape(text)
        return lambda env: literal
    try:
        evaluate = program(text)
    except Problem as problem:
        message, column = problem.message, problem.column

        def refuse(env: Env) -> Any:
            _fault(env, path, message, text, column)
            return BROKEN

        return refuse

    def run(env: Env) -> Any:
        try:
            value = evaluate(env)
            if type(value) in (dict, list):
                env.run.grown(value)
            elif type(value) is LambdaValue:
                raise Problem("a lambda can only be an argument of a lambda function")
            return value
        except Problem as problem:
            if not problem.silent:
                _fault(env, path, problem.message, text, problem.column)
        except RecursionError:
            _fault(env, path, "the expression is nested too deep", text)
        return BROKEN

    return run


def is_property_copy(value: Any) -> bool:
    """Whether the value of `copy` is a list of loops, and not a property that only has that name."""
    return isinstance(value, list) and all(
        isinstance(item, dict)
        and find_key(item, "name") is not None
        and find_key(item, "count") is not None
        and find_key(item, "input") is not None
        for item in value
    )


def _loops(loops: list[dict[str, Any]], path: Path) -> Adder:
    made = [_loop(loop, (*path, place)) for place, loop in enumerate(loops)]

    def add(env: Env, result: dict[str, Any]) -> None:
        for loop in made:
            loop(env, result)

    return add


def _loop(loop: dict[str, Any], path: Path) -> Adder:
    name_of = _compile(get(loop, "name"), path, False)
    turns = _turns(loop, path)

    def add(env: Env, result: dict[str, Any]) -> None:
        name = get(loop, "name") if name_of is None else name_of(env)
        if isinstance(name, str):
            result[name] = turns(env, name)
        elif name is not BROKEN:
            _fault(env, path, "the name of a copy loop must be a string")

    return add


def _turns(loop: Mapping[str, Any], path: Path) -> Callable[[Env, str], Any]:
    """One value for each turn of a loop over a property, a variable or an output."""
    held = find_key(loop, "input") or "input"
    body = loop.get(held)
    made = _compile(body, (*path, held), True)

    def run(env: Env, name: str) -> Any:
        with env.run.inside(*path):
            count = loop_count(loop, env)
        if count is None:
            return BROKEN
        if made is None:
            return [body] * count
        try:
            env.run.step(count * 10)
        except Problem as problem:
            _fault(env, path, problem.message)
            return BROKEN
        key = name.lower()
        return [made(env.turn(key, index)) for index in range(count)]

    return run


def loop_values(loop: Mapping[str, Any], name: str, env: Env) -> Any:
    """The values of a loop at the run's path. BROKEN where its count is wrong, which is noted then."""
    return _turns(loop, ())(env, name)


def copy_properties(loops: list[dict[str, Any]], env: Env) -> dict[str, Any]:
    """The properties that a `copy` array at the run's path makes: an array for each loop."""
    result: dict[str, Any] = {}
    _loops(loops, ())(env, result)
    return result


def loop_count(loop: Mapping[str, Any], env: Env) -> int | None:
    """How often a loop turns; None where that is wrong, which is noted then."""
    held = find_key(loop, "count")
    if held is None:
        env.run.fault("the copy loop has no 'count'")
        return None
    count: int | None = loop[held]
    if type(count) is not int:
        with env.run.inside(held):
            count = _known_count(walk(count, env), env)
    if count is not None and not 0 <= count <= MAX_TURNS:
        with env.run.inside(held):
            env.run.fault(f"the count of a loop must be from 0 to {MAX_TURNS}, not {count}")
        return None
    return count


def _known_count(count: Any, env: Env) -> int | None:
    if count is BROKEN:
        return None
    if isinstance(count, Unknown):
        env.run.fault(
            f"the count of a loop must be known before the deployment, but it is {count.expression}"
        )
    elif isinstance(count, bool) or not isinstance(count, int | float) or count != int(count):
        env.run.fault(f"the count of a loop must be an integer, but it is {kind(count)}")
    else:
        return int(count)
    return None
