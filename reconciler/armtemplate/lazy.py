"""Functions that decide themselves what to evaluate: conditions, lambdas, the template's own functions."""

from __future__ import annotations

from typing import Any, Final

from .compiler import ECHO, LAZY, Lazy, Program, size
from .env import Env
from .errors import Problem
from .expression import Call, Literal
from .functions.signature import kind
from .values import BROKEN, LambdaValue, Unknown, get, quote, residual_call

MAX_CALLS: Final = 40


def _exactly(node: Call, count: int) -> None:
    if len(node.args) != count:
        raise Problem(
            f"the function '{node.name}' takes {count} arguments, but was given {len(node.args)}", node.column
        )


def _truth(name: str, value: Any) -> bool:
    if value is BROKEN:
        raise Problem(ECHO, silent=True)
    if not isinstance(value, bool):
        raise Problem(f"the function '{name}' takes booleans, but was given {kind(value)}")
    return value


def _branch(arg: Program, env: Env) -> Any:
    """A branch that may not be taken: its fault becomes a call of `fail`."""
    try:
        return arg(env)
    except Problem as problem:
        if problem.silent:
            raise
        return Unknown(f"fail({quote(problem.message)})")


def _if(node: Call, args: tuple[Program, ...]) -> Program:
    _exactly(node, 3)
    test, then, otherwise = args

    def run(env: Env) -> Any:
        value = test(env)
        if value is True:
            return then(env)
        if value is False:
            return otherwise(env)
        if isinstance(value, Unknown):
            return residual_call("if", [value, _branch(then, env), _branch(otherwise, env)])
        return _truth("if", value)

    return run


def _junction(name: str, decisive: bool) -> Lazy:
    def make(node: Call, args: tuple[Program, ...]) -> Program:
        if len(args) < 2:
            raise Problem(
                f"the function '{name}' takes at least 2 arguments, but was given {len(args)}", node.column
            )

        def run(env: Env) -> Any:
            undecided: list[Any] = []
            for arg in args:
                value = _branch(arg, env) if undecided else arg(env)
                if isinstance(value, Unknown):
                    undecided.append(value)
                elif _truth(name, value) is decisive:
                    return decisive
            if not undecided:
                return not decisive
            return undecided[0] if len(undecided) == 1 else residual_call(name, undecided)

        return run

    return make


def _coalesce(node: Call, args: tuple[Program, ...]) -> Program:
    if not args:
        raise Problem("the function 'coalesce' takes at least 1 argument, but was given 0", node.column)

    def run(env: Env) -> Any:
        undecided: list[Any] = []
        for arg in args:
            value = _branch(arg, env) if undecided else arg(env)
            if value is None:
                continue
            if not isinstance(value, Unknown) and not undecided:
                return value
            undecided.append(value)
            if not isinstance(value, Unknown):
                break
        if not undecided:
            return None
        return undecided[0] if len(undecided) == 1 else residual_call("coalesce", undecided)

    return run


def _lambda(node: Call, args: tuple[Program, ...]) -> Program:
    if not args:
        raise Problem("the function 'lambda' takes names and a body", node.column)
    names = [arg.value for arg in node.args[:-1] if isinstance(arg, Literal) and isinstance(arg.value, str)]
    if len(names) != len(args) - 1:
        raise Problem("the names of a lambda must be string literals", node.column)
    keys = [name.lower() for name in names]
    body, weight = args[-1], size(node.args[-1])

    def run(env: Env) -> LambdaValue:
        def call(*values: Any) -> Any:
            env.run.step(weight)
            return body(env.bound(dict(zip(keys, values, strict=False))))

        return LambdaValue(tuple(names), call)

    return run


def _lambda_variable(node: Call, args: tuple[Program, ...]) -> Program:
    _exactly(node, 1)
    name = args[0]

    def run(env: Env) -> Any:
        wanted = name(env)
        if not isinstance(wanted, str) or wanted.lower() not in env.lambdas:
            raise Problem(f"there is no lambda variable '{wanted}' here")
        return env.lambdas[wanted.lower()]

    return run


def _copy_index(node: Call, args: tuple[Program, ...]) -> Program:
    """`copyIndex()`, `copyIndex(offset)`, `copyIndex('loop')`, `copyIndex('loop', offset)`."""
    if len(args) > 2:
        raise Problem("the function 'copyIndex' takes the name of a loop and an offset", node.column)
    if all(isinstance(arg, Literal) for arg in node.args):
        return _index(*_loop_and_offset([arg.value for arg in node.args if isinstance(arg, Literal)]))
    return lambda env: _index(*_loop_and_offset([arg(env) for arg in args]))(env)


def _loop_and_offset(values: list[Any]) -> tuple[str | None, int]:
    name = values.pop(0) if values and isinstance(values[0], str) else None
    offset = values.pop(0) if values else 0
    if values or isinstance(offset, bool) or not isinstance(offset, int):
        raise Problem("the function 'copyIndex' takes the name of a loop and an integer offset")
    return name, offset


def _index(name: str | None, offset: int) -> Program:
    if name is not None:
        return _named_index(name, offset)

    def run(env: Env) -> int:
        index = env.index if env.index is not None else env.inner
        if index is None:
            raise Problem("the function 'copyIndex' can only be used inside of a copy loop")
        return index + offset

    return run


def _named_index(name: str, offset: int) -> Program:
    key = name.lower()

    def run(env: Env) -> int:
        index = env.copies.get(key)
        if index is None:
            raise Problem(f"there is no copy loop '{name}' here")
        return index + offset

    return run


def _user_function(node: Call, args: tuple[Program, ...]) -> Program:
    def run(env: Env) -> Any:
        definition = env.frame.functions.get(node.key)
        if definition is None:
            raise Problem(f"there is no function '{node.name}'")
        wanted = get(definition, "parameters") or []
        if not isinstance(wanted, list):
            raise Problem(f"the parameters of the function '{node.name}' must be an array")
        if len(args) != len(wanted):
            raise Problem(
                f"the function '{node.name}' takes {len(wanted)} arguments, but was given {len(args)}"
            )
        pairs = zip(wanted, args, strict=True)
        arguments = {str(get(item, "name")).lower(): arg(env) for item, arg in pairs}
        inner = Env(env.run, env.frame, None, arguments=arguments, place="function")
        return _body(node.name, definition, inner)

    return run


def _body(name: str, definition: Any, inner: Env) -> Any:
    from .interpreter import walk

    run = inner.run
    run.step(10)
    run.calls += 1
    try:
        if run.calls > MAX_CALLS:
            raise Problem(f"user functions call each other more than {MAX_CALLS} levels deep")
        value = walk(get(get(definition, "output"), "value"), inner)
    finally:
        run.calls -= 1
    if value is BROKEN:
        raise Problem(f"the fault of the function '{name}' is reported already", silent=True)
    return value


LAZY.update(
    {
        "if": _if,
        "and": _junction("and", False),
        "or": _junction("or", True),
        "coalesce": _coalesce,
        "lambda": _lambda,
        "lambdavariables": _lambda_variable,
        "copyindex": _copy_index,
        ".": _user_function,
    }
)
