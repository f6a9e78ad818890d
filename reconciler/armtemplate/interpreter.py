"""Expressions and whole JSON values to their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from .errors import Problem
from .expression import Call, Literal, Node, is_expression, parse_expression, unescape
from .functions import PURE
from .functions.signature import Function, kind
from .run import Run
from .values import (
    BROKEN,
    RESIDUAL,
    LambdaValue,
    Unknown,
    find_key,
    get,
    has_unknown,
    quote,
    residual_call,
    residual_member,
)

if TYPE_CHECKING:
    from .deployment import Deployment
    from .frame import Frame

MAX_CALLS: Final = 40


class Env:
    """What an expression can see.

    `frame` answers names and scope functions, `deployment` the resources. `copies` are the indexes of the loops
    around, `index` that of the resource's own loop, `inner` that of the innermost loop over a property.
    """

    __slots__ = ("arguments", "copies", "deployment", "frame", "index", "inner", "lambdas", "place", "run")

    def __init__(
        self,
        run: Run,
        frame: Frame,
        deployment: Deployment | None,
        *,
        copies: Mapping[str, int] | None = None,
        index: int | None = None,
        inner: int | None = None,
        lambdas: Mapping[str, Any] | None = None,
        arguments: Mapping[str, Any] | None = None,
        place: str = "",
    ) -> None:
        self.run = run
        self.frame = frame
        self.deployment = deployment
        self.copies = copies or {}
        self.index = index
        self.inner = inner
        self.lambdas = lambdas or {}
        self.arguments = arguments
        self.place = place

    def but(self, **changes: Any) -> Env:
        """The same with some of it changed."""
        values = {name: getattr(self, name) for name in Env.__slots__}
        return Env(**{**values, **changes})


Scoped = Callable[..., Any]
LAZY: dict[str, Callable[[Call, Env], Any]] = {}
"""Functions that decide themselves which of their arguments are evaluated."""
SCOPED: dict[str, Function] = {}
"""Functions that take the environment before their arguments."""


def evaluate(node: Node, env: Env) -> Any:
    """The value of a tree. Raises Problem with the column at which it failed."""
    if type(node) is Literal:
        return node.value
    try:
        return _call(node, env) if type(node) is Call else _member(node, env)
    except Problem as problem:
        if problem.column is None:
            problem.column = node.column
        raise


def _call(node: Call, env: Env) -> Any:
    env.run.step()
    lazy = LAZY.get(node.key)
    if lazy is not None:
        return lazy(node, env)
    if "." in node.key:
        return _user_function(node, env)
    args = [evaluate(arg, env) for arg in node.args]
    pure = PURE.get(node.key)
    if pure is None:
        return _scoped(node, env, args)
    _check_arity(pure, args)
    for arg in args:
        if type(arg) is Unknown or arg is BROKEN:
            return residual_call(pure.name, args)
        if not pure.shallow and type(arg) in (dict, list) and has_unknown(arg):
            return residual_call(pure.name, args)
    result = pure.call(*args)
    return residual_call(pure.name, args) if result is RESIDUAL else result


def _scoped(node: Call, env: Env, args: list[Any]) -> Any:
    name = "list" if node.key.startswith("list") and node.key not in SCOPED else node.key
    function = SCOPED.get(name)
    if function is None:
        raise Problem(f"there is no function '{node.name}'")
    _check_arity(function, args)
    if any(arg is BROKEN for arg in args):
        raise Problem("the value was refused earlier", silent=True)
    if name == "list":
        return function.call(env, node.name, *args)
    return function.call(env, *args)


def _check_arity(function: Function, args: list[Any]) -> None:
    if len(args) < function.least or (function.most is not None and len(args) > function.most):
        wanted = (
            str(function.least)
            if function.least == function.most
            else f"at least {function.least}"
            if function.most is None
            else f"{function.least} to {function.most}"
        )
        raise Problem(f"the function '{function.name}' takes {wanted} arguments, but was given {len(args)}")


def _member(node: Any, env: Env) -> Any:
    base = evaluate(node.base, env)
    key = evaluate(node.key, env)
    if base is BROKEN or key is BROKEN:
        raise Problem("the value was refused earlier", silent=True)
    if isinstance(base, Unknown) or isinstance(key, Unknown):
        return residual_member(base, key)
    if isinstance(base, dict) and isinstance(key, str):
        held = find_key(base, key)
        if held is not None:
            return base[held]
        return _missing(node, base, key)
    if isinstance(base, list) and isinstance(key, int) and not isinstance(key, bool):
        if 0 <= key < len(base):
            return base[key]
        if node.safe:
            return None
        raise Problem(f"the array index '{key}' is out of bounds: the array has {len(base)} items")
    if node.safe and base is None:
        return None
    raise Problem(f"cannot read '{key}' of {kind(base)}")


def _missing(node: Any, base: dict[str, Any], key: str) -> Any:
    if node.safe:
        return None
    inner = node.base
    if key.lower() == "templatelink" and isinstance(getattr(inner, "base", None), Call):
        if inner.base.key == "deployment":
            # Only Azure knows the address that the template was read from.
            return Unknown(f"deployment().properties.{key}")
    known = ", ".join(list(base)[:20])
    raise Problem(f"the property '{key}' does not exist; available properties are '{known}'")


def _user_function(node: Call, env: Env) -> Any:
    definition = env.frame.functions.get(node.key)
    if definition is None:
        raise Problem(f"there is no function '{node.name}'")
    wanted = get(definition, "parameters") or []
    if len(node.args) != len(wanted):
        raise Problem(
            f"the function '{node.name}' takes {len(wanted)} arguments, but was given {len(node.args)}"
        )
    arguments = {
        str(get(item, "name")).lower(): evaluate(arg, env)
        for item, arg in zip(wanted, node.args, strict=True)
    }
    env.run.calls += 1
    try:
        if env.run.calls > MAX_CALLS:
            raise Problem(f"user functions call each other more than {MAX_CALLS} levels deep")
        inner = Env(env.run, env.frame, None, arguments=arguments, place="function")
        value = walk(get(get(definition, "output") or {}, "value"), inner)
    finally:
        env.run.calls -= 1
    if value is BROKEN:
        raise Problem("the function's fault is reported already", silent=True)
    return value


def text_value(text: str, env: Env) -> Any:
    """The value of a string in a template, be it an expression or literal. Raises Problem."""
    if not is_expression(text):
        return unescape(text)
    try:
        value = evaluate(parse_expression(text), env)
    except RecursionError:
        raise Problem("the expression is nested too deep") from None
    if isinstance(value, LambdaValue):
        raise Problem("a lambda can only be an argument of a lambda function")
    if type(value) in (dict, list):
        env.run.grown(value)
    return value


def walk(value: Any, env: Env, copying: bool = True) -> Any:
    """A JSON value with its expressions evaluated.

    Faults are noted in the run and leave BROKEN. With `copying`, a `copy` array in an object makes properties.
    """
    kind_ = type(value)
    run = env.run
    if kind_ is str:
        if value[:1] != "[":
            return value
        try:
            return text_value(value, env)
        except Problem as problem:
            if not problem.silent:
                run.fault(problem.message, value, problem.column)
            return BROKEN
    if kind_ is list:
        result = []
        for index, item in enumerate(value):
            run.path.append(index)
            result.append(walk(item, env, copying))
            run.path.pop()
        return result
    if kind_ is not dict:
        return value
    return _walk_object(value, env, copying)


def _walk_object(value: dict[str, Any], env: Env, copying: bool) -> Any:
    run, made = env.run, {}
    for key, item in value.items():
        run.path.append(key)
        if copying and key == "copy" and is_property_copy(item):
            made.update(copy_properties(item, env))
        elif key[:1] == "[":
            name = walk(key, env)
            if isinstance(name, str):
                made[name] = walk(item, env, copying)
            elif isinstance(name, Unknown):
                made[f"[{name.expression}]"] = walk(item, env, copying)
            elif name is not BROKEN:
                run.fault(f"a property's name must be a string, but this is {kind(name)}")
        else:
            made[key] = walk(item, env, copying)
        run.path.pop()
    return made


def is_property_copy(value: Any) -> bool:
    """Whether the value of `copy` is a list of loops, and not a property that only has that name."""
    return isinstance(value, list) and all(
        isinstance(item, dict)
        and find_key(item, "name") is not None
        and find_key(item, "count") is not None
        and find_key(item, "input") is not None
        for item in value
    )


def copy_properties(loops: list[dict[str, Any]], env: Env) -> dict[str, Any]:
    """The properties that a `copy` array makes: an array for each loop."""
    made: dict[str, Any] = {}
    for place, loop in enumerate(loops):
        with env.run.inside(place):
            name = walk(get(loop, "name"), env)
            if name is BROKEN:
                continue
            if not isinstance(name, str):
                env.run.fault("the name of a copy loop must be a string")
                continue
            made[name] = loop_values(loop, name, env)
    return made


def loop_values(loop: Mapping[str, Any], name: str, env: Env) -> Any:
    """One value for each turn of a loop over a property, a variable or an output."""
    count = loop_count(loop, env)
    if count is None:
        return BROKEN
    result = []
    held = find_key(loop, "input") or "input"
    with env.run.inside(held):
        for index in range(count):
            inner = env.but(copies={**env.copies, name.lower(): index}, inner=index)
            result.append(walk(loop[held], inner))
    return result


def loop_count(loop: Mapping[str, Any], env: Env, limit: int = 800) -> int | None:
    """How often a loop turns; None where that is wrong, which is noted then."""
    held = find_key(loop, "count")
    if held is None:
        env.run.fault("the copy loop has no 'count'")
        return None
    with env.run.inside(held):
        count = walk(loop[held], env)
        if count is BROKEN:
            return None
        if isinstance(count, Unknown):
            env.run.fault(
                f"the count of a loop must be known before the deployment, but it is {count.expression}"
            )
            return None
        if isinstance(count, bool) or not isinstance(count, int | float) or count != int(count):
            env.run.fault(f"the count of a loop must be an integer, but it is {kind(count)}")
            return None
        if not 0 <= count <= limit:
            env.run.fault(f"the count of a loop must be from 0 to {limit}, not {count}")
            return None
    return int(count)


def _if(node: Call, env: Env) -> Any:
    _exactly(node, 3)
    test = evaluate(node.args[0], env)
    if isinstance(test, Unknown):
        return residual_call("if", [test, *(_branch(arg, env) for arg in node.args[1:])])
    return evaluate(node.args[1 if _truth("if", test) else 2], env)


def _branch(node: Node, env: Env) -> Any:
    """A branch that may not be taken: its fault becomes a call of `fail`."""
    try:
        return evaluate(node, env)
    except Problem as problem:
        if problem.silent:
            raise
        return Unknown(f"fail({quote(problem.message)})")


def _truth(name: str, value: Any) -> bool:
    if value is BROKEN:
        raise Problem("the value was refused earlier", silent=True)
    if not isinstance(value, bool):
        raise Problem(f"the function '{name}' takes booleans, but was given {kind(value)}")
    return value


def _junction(name: str, decisive: bool) -> Callable[[Call, Env], Any]:
    def call(node: Call, env: Env) -> Any:
        if len(node.args) < 2:
            raise Problem(f"the function '{name}' takes at least 2 arguments, but was given {len(node.args)}")
        open_: list[Any] = []
        for arg in node.args:
            value = evaluate(arg, env) if not open_ else _branch(arg, env)
            if isinstance(value, Unknown):
                open_.append(value)
            elif _truth(name, value) is decisive:
                return decisive
        if not open_:
            return not decisive
        return open_[0] if len(open_) == 1 else residual_call(name, open_)

    return call


def _coalesce(node: Call, env: Env) -> Any:
    if not node.args:
        raise Problem("the function 'coalesce' takes at least 1 argument, but was given 0")
    open_: list[Any] = []
    for arg in node.args:
        value = evaluate(arg, env) if not open_ else _branch(arg, env)
        if isinstance(value, Unknown):
            open_.append(value)
        elif value is not None:
            open_.append(value)
            break
    if not open_:
        return None
    return (
        open_[0] if not isinstance(open_[0], Unknown) or len(open_) == 1 else residual_call("coalesce", open_)
    )


def _lambda(node: Call, env: Env) -> LambdaValue:
    if len(node.args) < 1:
        raise Problem("the function 'lambda' takes names and a body")
    names = [arg.value for arg in node.args[:-1] if isinstance(arg, Literal) and isinstance(arg.value, str)]
    if len(names) != len(node.args) - 1:
        raise Problem("the names of a lambda must be string literals")
    keys = [name.lower() for name in names]

    def call(*values: Any) -> Any:
        return evaluate(
            node.args[-1], env.but(lambdas={**env.lambdas, **dict(zip(keys, values, strict=False))})
        )

    return LambdaValue(tuple(names), call)


def _lambda_variable(node: Call, env: Env) -> Any:
    _exactly(node, 1)
    name = evaluate(node.args[0], env)
    if not isinstance(name, str) or name.lower() not in env.lambdas:
        raise Problem(f"there is no lambda variable '{name}' here")
    return env.lambdas[name.lower()]


def _exactly(node: Call, count: int) -> None:
    if len(node.args) != count:
        raise Problem(f"the function '{node.name}' takes {count} arguments, but was given {len(node.args)}")


LAZY.update(
    {
        "if": _if,
        "and": _junction("and", False),
        "or": _junction("or", True),
        "coalesce": _coalesce,
        "lambda": _lambda,
        "lambdavariables": _lambda_variable,
    }
)
