"""Expressions to Python closures.

A tree is compiled once and run for every turn of a loop. What depends on the template's names alone, and not
on a loop, a lambda or a resource, keeps its value between runs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from .env import Env
from .errors import Problem, meant
from .expression import Call, Literal, Member, Node, parse_bare, parse_expression
from .functions import PURE
from .functions.signature import Function, kind
from .values import BROKEN, RESIDUAL, Unknown, find_key, has_unknown, residual_call, residual_member

Program = Callable[[Env], Any]
Lazy = Callable[[Call, tuple[Program, ...]], Program]

LAZY: dict[str, Lazy] = {}
"""Functions that decide themselves which of their arguments are evaluated."""
SCOPED: dict[str, Function] = {}
"""Functions that take the environment before their arguments."""
_VARYING: Final = frozenset(
    {"copyindex", "lambdavariables", "lambda", "reference", "references", "resourceinfo", "newguid", "utcnow"}
)
_PLAIN: Final = frozenset({str, int, bool, float, type(None)})
_SCALAR: Final = frozenset({int, bool, float, type(None), Unknown})
_MISSING: Final = object()
ECHO: Final = "the value was refused earlier"


@lru_cache(maxsize=4096)
def program(text: str) -> Program:
    """The program of an expression in brackets. Raises Problem where it is not one."""
    return _compile(parse_expression(text))[0]


def bare_program(text: str) -> Program:
    """The program of an expression without brackets."""
    return _compile(parse_bare(text))[0]


def size(node: Node) -> int:
    """How much work one run of a tree is, in calls."""
    if isinstance(node, Literal):
        return 1
    if isinstance(node, Member):
        return size(node.base) + size(node.key)
    return 1 + sum(map(size, node.args))


def _compile(node: Node) -> tuple[Program, bool]:
    """The program, and whether its value can differ between runs in one frame."""
    if isinstance(node, Literal):
        value = node.value
        return (lambda env: value), False
    if isinstance(node, Member):
        return _member(node)
    parts = [_compile(arg) for arg in node.args]
    args = tuple(part[0] for part in parts)
    varying = node.key in _VARYING or node.key.startswith("list") or "." in node.key
    varying = varying or any(part[1] for part in parts)
    made = _call(node, args)
    return (made if varying else _kept(made)), varying


def _kept(made: Program) -> Program:
    """A program that remembers its value in the frame. Inside a user function names mean something else."""
    token = object()

    def run(env: Env) -> Any:
        if env.arguments is not None:
            return made(env)
        value = env.frame.memo.get(token, _MISSING)
        if value is _MISSING:
            value = env.frame.memo[token] = made(env)
        return value

    return run


def _placed(made: Program, column: int) -> Program:
    def run(env: Env) -> Any:
        try:
            return made(env)
        except Problem as problem:
            if problem.column is None:
                problem.column = column
            raise

    return run


def _call(node: Call, args: tuple[Program, ...]) -> Program:
    lazy = LAZY.get(node.key)
    if lazy is not None:
        return _placed(lazy(node, args), node.column)
    if "." in node.key:
        return _placed(LAZY["."](node, args), node.column)
    pure = PURE.get(node.key)
    if pure is not None:
        _check_arity(pure, node)
        return _pure(pure, args, node.column)
    name = "list" if node.key.startswith("list") and node.key not in SCOPED else node.key
    scoped = SCOPED.get(name)
    if scoped is None:
        names = [*(each.name for each in (*PURE.values(), *SCOPED.values())), *LAZY]
        raise Problem(f"there is no function '{node.name}'{meant(node.name, names)}", node.column)
    _check_arity(scoped, node)
    return _placed(_scoped(scoped, (node.name,) if name == "list" else (), args), node.column)


def _pure(function: Function, args: tuple[Program, ...], column: int) -> Program:
    call, name = function.call, function.name
    shallow, builds = function.shallow, function.builds

    def run(env: Env) -> Any:
        values = [arg(env) for arg in args]
        for value in values:
            if type(value) in _PLAIN:
                continue
            if value is BROKEN or (type(value) is Unknown and not builds):
                return residual_call(name, values)
            if not shallow and has_unknown(value):
                return residual_call(name, values)
        try:
            result = call(*values)
        except Problem as problem:
            if problem.column is None:
                problem.column = column
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise Problem(f"the function '{name}' cannot work with these values", column) from None
        if type(result) not in _SCALAR and result is not RESIDUAL and len(result) > 1000:
            # Long results cost time and space; without this a loop could make them for ever.
            env.run.step(len(result) // 100)
        return residual_call(name, values) if result is RESIDUAL else result

    return run


def _scoped(function: Function, first: tuple[str, ...], args: tuple[Program, ...]) -> Program:
    call = function.call

    def run(env: Env) -> Any:
        values = [arg(env) for arg in args]
        if BROKEN in values:
            raise Problem(ECHO, silent=True)
        return call(env, *first, *values)

    return run


def _check_arity(function: Function, node: Call) -> None:
    count = len(node.args)
    if count < function.least or (function.most is not None and count > function.most):
        wanted = f"{function.least} to {function.most}"
        if function.least == function.most:
            wanted = str(function.least)
        elif function.most is None:
            wanted = f"at least {function.least}"
        raise Problem(
            f"the function '{function.name}' takes {wanted} arguments, but was given {count}", node.column
        )


def _member(node: Member) -> tuple[Program, bool]:
    base, varies = _compile(node.base)
    if isinstance(node.key, Literal) and isinstance(node.key.value, str):
        key = node.key.value

        def named(env: Env) -> Any:
            holder = base(env)
            if type(holder) is dict:
                value = holder.get(key, _MISSING)
                if value is not _MISSING:
                    return value
            return read(node, holder, key)

        return (named if varies else _kept(named)), varies
    index, index_varies = _compile(node.key)

    def indexed(env: Env) -> Any:
        return read(node, base(env), index(env))

    return (indexed if varies or index_varies else _kept(indexed)), varies or index_varies


def read(node: Member, base: Any, key: Any) -> Any:
    """A property or an element. Raises Problem where there is none."""
    if base is BROKEN or key is BROKEN:
        raise Problem(ECHO, silent=True)
    if isinstance(base, Unknown) or isinstance(key, Unknown):
        return residual_member(base, key)
    if isinstance(base, dict) and isinstance(key, str):
        held = find_key(base, key)
        return base[held] if held is not None else _absent(node, base, key)
    if isinstance(base, list) and isinstance(key, int) and not isinstance(key, bool):
        if 0 <= key < len(base):
            return base[key]
        if node.safe:
            return None
        raise Problem(f"the array index '{key}' is out of bounds: there are {len(base)} items", node.column)
    if node.safe and base is None:
        return None
    raise Problem(f"cannot read '{key}' of {kind(base)}", node.column)


def _absent(node: Member, base: dict[str, Any], key: str) -> Any:
    if node.safe:
        return None
    holder = node.base.base if isinstance(node.base, Member) else None
    if key.lower() == "templatelink" and isinstance(holder, Call) and holder.key == "deployment":
        # Only Azure knows the address that the template was read from.
        return Unknown(f"deployment().properties.{key}")
    known = ", ".join(list(base)[:20])
    raise Problem(f"the property '{key}' does not exist; available properties are '{known}'", node.column)
