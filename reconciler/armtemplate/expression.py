"""The expression language: text between brackets to a tree.

expression = call { "." name | "[" expression "]" }
call       = [ namespace "." ] name "(" [ expression { "," expression } ] ")"
also       'text' with '' for a quote, and integers
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from .errors import Problem

MAX_LENGTH: Final = 24_576
MAX_DEPTH: Final = 100
_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_$][A-Za-z0-9_$]*)|'(?P<text>(?:[^']|'')*)'"
    r"|(?P<number>[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|(?P<mark>[.,()\[\]?]))",
    re.S,
)
_END = re.compile(r"\s*\Z")


@dataclass(frozen=True, slots=True)
class Literal:
    """A string or number."""

    value: Any
    column: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function call. `key` is the name in lower case, with its namespace for a user's function."""

    name: str
    key: str
    args: tuple[Node, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Member:
    """A property or an element: `base.key`, `base[key]`; `safe` for `.?` and `[?]`."""

    base: Node
    key: Node
    column: int
    safe: bool = False


Node = Literal | Call | Member


def is_expression(text: str) -> bool:
    """Whether ARM reads the text as an expression: in brackets, and not escaped by a second one."""
    return text[:1] == "[" and text[-1:] == "]" and text[1:2] != "["


def unescape(text: str) -> str:
    """The literal text that a string which is no expression stands for."""
    return text[1:] if text[:2] == "[[" and text[-1:] == "]" else text


class _Parser:
    def __init__(self, text: str, offset: int) -> None:
        self.text = text
        self.at = offset
        self.kind = ""
        self.token = ""
        self.column = 0
        self.advance()

    def advance(self) -> None:
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            if _END.match(self.text, self.at):
                self.kind, self.token, self.column = "end", "", len(self.text) + 1
                return
            start = self.at + len(self.text[self.at :]) - len(self.text[self.at :].lstrip())
            found = self.text[start]
            what = "the string is not closed" if found == "'" else f"unexpected character {found!r}"
            raise Problem(what, start + 1)
        self.kind = match.lastgroup or ""
        self.token = match.group(self.kind)
        self.column = match.start(self.kind) + 1 - (self.kind == "text")
        self.at = match.end()

    def is_mark(self, mark: str) -> bool:
        return self.kind == "mark" and self.token == mark

    def expect(self, mark: str) -> None:
        if not self.is_mark(mark):
            found = "the end of the expression" if self.kind == "end" else repr(self.token)
            raise Problem(f"expected {mark!r}, found {found}", self.column)
        self.advance()

    def expression(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise Problem(f"the expression is nested more than {MAX_DEPTH} levels deep", self.column)
        node = self.primary(depth)
        links = 0
        while self.kind == "mark" and self.token in ".[":
            links += 1
            if links > MAX_DEPTH:
                raise Problem(f"more than {MAX_DEPTH} properties in a row", self.column)
            node = self.member(node, depth)
        return node

    def member(self, base: Node, depth: int) -> Node:
        column, dot = self.column, self.token == "."
        self.advance()
        safe = self.is_mark("?")
        if safe:
            self.advance()
        if dot:
            if self.kind != "name":
                raise Problem("expected a property name after '.'", self.column)
            key: Node = Literal(self.token, self.column)
            self.advance()
            return Member(base, key, column, safe)
        key = self.expression(depth + 1)
        self.expect("]")
        return Member(base, key, column, safe)

    def primary(self, depth: int) -> Node:
        column = self.column
        if self.kind == "text":
            text = self.token.replace("''", "'")
            self.advance()
            return Literal(text, column)
        if self.kind == "number":
            token = self.token
            self.advance()
            return Literal(_number(token, column), column)
        if self.kind != "name":
            found = "the end of the expression" if self.kind == "end" else repr(self.token)
            raise Problem(f"expected a function, a string or a number, found {found}", column)
        name = self.token
        self.advance()
        if self.is_mark("."):
            self.advance()
            if self.kind != "name":
                raise Problem(f"expected a function's name after '{name}.'", self.column)
            name = f"{name}.{self.token}"
            self.advance()
        if not self.is_mark("("):
            raise Problem(f"expected '(' after the function's name '{name}'", self.column)
        return Call(name, name.lower(), self.arguments(depth), column)

    def arguments(self, depth: int) -> tuple[Node, ...]:
        self.expect("(")
        if self.is_mark(")"):
            self.advance()
            return ()
        args = [self.expression(depth + 1)]
        while self.is_mark(","):
            self.advance()
            args.append(self.expression(depth + 1))
        self.expect(")")
        return tuple(args)


def _number(token: str, column: int) -> int | float:
    if not token.lstrip("+-").isdigit():
        return float(token)
    value = int(token) if len(token) < 25 else 1 << 64
    if not -(1 << 63) <= value < 1 << 63:
        raise Problem("the number does not fit into 64 bits", column)
    return value


@lru_cache(maxsize=4096)
def parse_expression(text: str) -> Node:
    """The tree of an expression that stands in brackets.

    Raises Problem with the column (from 1, the bracket is column 1) where it is not one.
    """
    if len(text) > MAX_LENGTH:
        raise Problem(f"the expression has {len(text):,} characters; the limit is {MAX_LENGTH:,}")
    return _whole(text[:-1], 1)


def parse_bare(text: str) -> Node:
    """The tree of an expression without brackets, such as an Unknown's."""
    return _whole(text, 0)


def _whole(text: str, offset: int) -> Node:
    parser = _Parser(text, offset)
    node = parser.expression(0)
    if parser.kind != "end":
        raise Problem(f"unexpected {parser.token!r} after the end of the expression", parser.column)
    return node
