"""JSON as Azure Resource Manager reads it: comments, line breaks inside strings, and a position for all.

ARM takes `//` and `/* */` comments and raw line breaks in strings (its documentation, "Template syntax"). It
would also take duplicate keys; they are refused here, because one of the two is lost.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .errors import Fault, Position, TemplateError

MAX_DEPTH: Final = 128
_SPACE = re.compile(r"(?:[ \t\r\n\ufeff]+|//[^\r\n]*|/\*.*?\*/)*", re.S)
_PLAIN = re.compile(r'"([^"\\\x00]*)"')
_CHUNK = re.compile(r'[^"\\]*')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_ESCAPES: Final = {
    '"': '"',
    "'": "'",
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}
_WORDS: Final[Mapping[str, Any]] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, eq=False)
class Template:
    """A parsed JSON document that still knows where each value stood."""

    root: Any
    file: str = ""
    text: str = ""
    marks: Mapping[int, tuple[Any, Mapping[str | int, int]]] = field(default_factory=dict, repr=False)
    starts: Sequence[int] = field(default=(0,), repr=False)

    def at(self, offset: int) -> Position:
        """The line and column of an offset in the text."""
        line = bisect_right(self.starts, offset)
        return Position(self.file, line, offset - self.starts[line - 1] + 1)

    def position(self, path: Sequence[str | int]) -> Position:
        """Where the value at a path stands; for what is not in the text, its nearest holder."""
        if not self.marks:
            return Position(self.file)
        node, offset = self.root, self.marks[0][1][0]
        for key in path:
            marks = self.marks.get(id(node))
            if marks is None or key not in marks[1]:
                break
            offset = marks[1][key]
            node = node[key]
        return self.at(offset)


def path_text(path: Sequence[str | int]) -> str:
    """`$.resources[0].name`"""
    text = "$"
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        elif _WORD.fullmatch(key):
            text += f".{key}"
        else:
            text += f"['{key}']"
    return text


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.marks: dict[int, tuple[Any, dict[str | int, int]]] = {}
        self.starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]
        self.faults: list[Fault] = []

    def position(self, offset: int) -> Position:
        line = bisect_right(self.starts, offset)
        return Position(self.file, line, offset - self.starts[line - 1] + 1)

    def stop(self, message: str, offset: int) -> TemplateError:
        return TemplateError((*self.faults, Fault(message, self.position(offset))))

    def skip(self, offset: int) -> int:
        match = _SPACE.match(self.text, offset)
        return match.end() if match else offset

    def document(self) -> Any:
        start = self.skip(0)
        value, end = self.value(start, 0)
        end = self.skip(end)
        if end < len(self.text):
            raise self.stop("there is text after the end of the JSON document", end)
        if self.faults:
            raise TemplateError(tuple(self.faults))
        self.marks[0] = (None, {0: start})
        return value

    def value(self, offset: int, depth: int) -> tuple[Any, int]:
        char = self.text[offset : offset + 1]
        if char == '"':
            return self.string(offset)
        if depth > MAX_DEPTH:
            raise self.stop(f"the JSON is nested more than {MAX_DEPTH} levels deep", offset)
        if char == "{":
            return self.mapping(offset, depth)
        if char == "[":
            return self.sequence(offset, depth)
        number = _NUMBER.match(self.text, offset)
        if number:
            return self.number(number), number.end()
        word = _WORD.match(self.text, offset)
        if word and word.group() in _WORDS:
            return _WORDS[word.group()], word.end()
        if not char:
            raise self.stop("the JSON document ends too early", offset)
        raise self.stop(f"expected a JSON value, found {(word.group() if word else char)!r}", offset)

    def number(self, match: re.Match[str]) -> int | float:
        if match.group(1) or match.group(2):
            value = float(match.group())
            if value in (float("inf"), float("-inf")):
                raise self.stop("the number is too large", match.start())
            return value
        if match.end() - match.start() > 400:
            raise self.stop("the number is too large", match.start())
        return int(match.group())

    def string(self, offset: int) -> tuple[str, int]:
        plain = _PLAIN.match(self.text, offset)
        if plain:
            return plain.group(1), plain.end()
        parts: list[str] = []
        at = offset + 1
        while True:
            chunk = _CHUNK.match(self.text, at)
            assert chunk is not None
            parts.append(chunk.group())
            at = chunk.end()
            if at >= len(self.text):
                raise self.stop("the string is not closed", offset)
            if self.text[at] == '"':
                break
            char, at = self.escape(at)
            parts.append(char)
        text = "".join(parts)
        if any("\ud800" <= char <= "\udfff" for char in text):
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text, at + 1

    def escape(self, at: int) -> tuple[str, int]:
        code = self.text[at + 1 : at + 2]
        if code == "u":
            digits = self.text[at + 2 : at + 6]
            if not re.fullmatch("[0-9A-Fa-f]{4}", digits):
                raise self.stop("\\u needs four hexadecimal digits", at)
            return chr(int(digits, 16)), at + 6
        if code not in _ESCAPES:
            raise self.stop(f"unknown escape \\{code} in a string", at)
        return _ESCAPES[code], at + 2

    def mapping(self, offset: int, depth: int) -> tuple[dict[str, Any], int]:
        result: dict[str, Any] = {}
        marks: dict[str | int, int] = {}
        self.marks[id(result)] = (result, marks)
        at = self.skip(offset + 1)
        while True:
            char = self.text[at : at + 1]
            if char == "}":
                return result, at + 1
            if char != '"':
                raise self.stop(f"expected a property name or '}}', found {char or 'the end'!r}", at)
            start = at
            key, at = self.string(at)
            at = self.skip(at)
            if self.text[at : at + 1] != ":":
                raise self.stop(f"expected ':' after the property name '{key}'", at)
            value, at = self.value(self.skip(at + 1), depth + 1)
            if key in result:
                before = self.at_text(marks[key])
                self.faults.append(
                    Fault(
                        f"the property '{key}' is given twice (first {before}); remove one",
                        self.position(start),
                    )
                )
            result[key] = value
            marks[key] = start
            at = self.skip(at)
            char = self.text[at : at + 1]
            if char == ",":
                at = self.skip(at + 1)
            elif char != "}":
                raise self.stop(
                    f"expected ',' or '}}', found {char or 'the end'!r}; is a comma missing before it?", at
                )

    def at_text(self, offset: int) -> str:
        return f"in line {self.position(offset).line}"

    def sequence(self, offset: int, depth: int) -> tuple[list[Any], int]:
        result: list[Any] = []
        marks: dict[str | int, int] = {}
        self.marks[id(result)] = (result, marks)
        at = self.skip(offset + 1)
        while True:
            if self.text[at : at + 1] == "]":
                return result, at + 1
            marks[len(result)] = at
            value, at = self.value(at, depth + 1)
            result.append(value)
            at = self.skip(at)
            char = self.text[at : at + 1]
            if char == ",":
                at = self.skip(at + 1)
            elif char != "]":
                raise self.stop(
                    f"expected ',' or ']', found {char or 'the end'!r}; is a comma missing before it?", at
                )


def parse(text: str, file: str = "") -> Template:
    """Read a template's text.

    Raises TemplateError with the place when it is not JSON (with the liberties that ARM takes), or when an
    object gives the same property twice.
    """
    reader = _Reader(text, file)
    root = reader.document()
    return Template(root, file, text, reader.marks, reader.starts)
