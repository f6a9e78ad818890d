"""From YAML text to nodes: PyYAML's scanner and parser under limits of our own."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import yaml
from yaml import events
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.scanner import Scanner

from reconciler.errors import Fault
from reconciler.yamlfile.node import Node, Place, Scalar

MAX_NODES = 20_000
"""Maps, lists and values of one file, aliases counted as what they stand for."""
MAX_KEY = 500
MAX_DEPTH = 40
MAX_FAULTS = 100
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
DECIMAL = re.compile(r"[-+]?[0-9]*\.[0-9]+([eE][-+]?[0-9]+)?")
AMBIGUOUS = re.compile(
    r"""yes | no | on | off                        # YAML 1.1 reads them as booleans
      | [-+]? 0 [0-9_]+                            # octal there, decimal here
      | [-+]? 0 [xob] [0-9a-f_]+
      | [-+]? [0-9] [0-9_]* (:[0-5]?[0-9])+ (\.[0-9_]*)?   # base 60 there
      | [-+]? [0-9]+ (_[0-9]+)+
      | [-+]? [0-9]+ e [-+]? [0-9]+
      | [-+]? [0-9]+ \. (e [-+]? [0-9]+)?
      | [-+]? \.inf | \.nan
      | [-+]? [0-9]{19,}""",
    re.IGNORECASE | re.VERBOSE,
)


class _Events(Reader, Scanner, Parser):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


class _Stop(Exception):
    """Nothing more can be read."""


class Composer:
    """Builds nodes from the parser's events; every limit is checked before memory is spent.

    stopped: a fault kept it from reading on; hopeless: that was a limit, so nothing else is tried.
    first_line, nodes: what comes before the text in its file."""

    def __init__(self, text: str, file: str, first_line: int = 0, nodes: int = 0) -> None:
        self.parser = _Events(text)
        self.file = file
        self.first_line = first_line
        self.anchors: dict[str, Node] = {}
        self.nodes = nodes
        self.faults: list[tuple[Place, Fault]] = []
        self.stopped = False
        self.hopeless = False

    def place(self, mark: Any) -> Place:
        if mark is None:
            return Place(self.file, self.first_line + 1)
        return Place(self.file, self.first_line + mark.line + 1, mark.column + 1)

    def blame(self, place: Place, message: str, hint: str = "") -> None:
        self.faults.append((place, Fault(str(place), message, hint)))
        if len(self.faults) >= MAX_FAULTS:
            raise _Stop

    def document(self) -> Node:
        """The one document of the text, or an empty node with `stopped` set."""
        nothing = Node(None, Place(self.file, self.first_line + 1))
        try:
            self._next()  # start of the stream
            if isinstance(self._next(), events.StreamEndEvent):
                return nothing
            node = self._node(self._next(), 0)
            self._next()  # end of the document
            more = self._next()
            if not isinstance(more, events.StreamEndEvent):
                self.blame(
                    self.place(more.start_mark), "A second document starts here.", "One file holds one."
                )
            return node
        except _Stop:
            self.hopeless = True
        except yaml.MarkedYAMLError as error:
            self._syntax(error)
        except (ReaderError, ValueError, OverflowError, IndexError) as error:
            # the scanner's own number conversions raise these on escapes and versions out of range
            self.faults.append(self._last(f"This cannot be read as YAML ({type(error).__name__})."))
        self.stopped = True
        return nothing

    def _last(self, message: str) -> tuple[Place, Fault]:
        place = self.place(self.parser.get_mark())
        return place, Fault(str(place), message)

    def _syntax(self, error: yaml.MarkedYAMLError) -> None:
        place = self.place(error.problem_mark or error.context_mark)
        problem = (error.problem or "it cannot be read").replace("'\\t'", "a tab")
        context = f" {error.context}" if error.context else ""
        hint = ""
        if "a tab" in problem:
            problem, context, hint = "a tab cannot indent", "", "Use spaces."
        elif "could not find expected ':'" in problem:
            hint = "Is a colon missing, or a quote?"
        elif "flow" in context and error.context_mark:
            hint = f"Is what opens on line {self.place(error.context_mark).line} closed?"
        elif "mapping values are not allowed" in problem:
            hint = "Is the indentation right? A text with `: ` in it needs quotes."
        message = f"YAML syntax{context}: {problem}."
        self.faults.append((place, Fault(str(place), message, hint)))

    def _next(self) -> Any:
        return self.parser.get_event()  # type: ignore[no-untyped-call]

    def _count(self, size: int, place: Place) -> None:
        self.nodes += size
        if self.nodes > MAX_NODES:
            self.faults.append(
                (
                    place,
                    Fault(
                        str(place),
                        f"The file expands to more than {MAX_NODES:,} values.",
                        "Take aliases out.",
                    ),
                )
            )
            raise _Stop

    def _node(self, event: Any, depth: int) -> Node:
        place = self.place(event.start_mark)
        if depth > MAX_DEPTH:
            self.faults.append((place, Fault(str(place), f"Nested deeper than {MAX_DEPTH} levels.")))
            raise _Stop
        if isinstance(event, events.AliasEvent):
            node = self.anchors.get(str(event.anchor))
            if node is None:
                self.blame(place, f"The alias *{event.anchor} has no anchor before it.")
                return Node(None, place)
            self._count(node.size, place)
            return replace(node, place=place)
        self._count(1, place)
        if getattr(event, "tag", None) and not _implied(event):
            self.blame(place, "Tags are not read here.", "Take it out: the type follows from the value.")
        node = self._build(event, place, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _build(self, event: Any, place: Place, depth: int) -> Node:
        if isinstance(event, events.ScalarEvent):
            return Node(self._scalar(event, place), place)
        if isinstance(event, events.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(event := self._next(), events.SequenceEndEvent):
                items.append(self._node(event, depth + 1))
            return Node(items, place, size=1 + sum(item.size for item in items))
        entries: dict[str, Node] = {}
        while not isinstance(event := self._next(), events.MappingEndEvent):
            key_place = self.place(event.start_mark)
            key = self._key(event, key_place, depth)
            child = replace(self._node(self._next(), depth + 1), key=key_place)
            if key is None:
                continue
            if key in entries:
                first = entries[key].key or place
                self.blame(
                    key_place, f"`{key}` is said twice, first on line {first.line}.", "Keep one of them."
                )
                continue
            entries[key] = child
        return Node(entries, place, size=1 + sum(child.size for child in entries.values()))

    def _key(self, event: Any, place: Place, depth: int) -> str | None:
        """A key is the text that is written, whatever YAML would make of it (`on`, `404`)."""
        if not isinstance(event, events.ScalarEvent) or event.value == "":
            self._node(event, depth + 1)
            self.blame(place, "A key must be text.")
            return None
        if event.value == "<<" and event.implicit[0]:
            self.blame(place, "Merge keys are not read.", "Write the keys out, or share them by `extends`.")
            return None
        self._count(1, place)
        if len(event.value) > MAX_KEY:
            self.blame(place, f"A key has at most {MAX_KEY} characters.")
            return None
        return self._whole_characters(str(event.value), place)

    def _whole_characters(self, text: str, place: Place) -> str:
        """The text, or "" where an escape in it is half a character (a lone surrogate)."""
        if any("\ud800" <= character <= "\udfff" for character in text):
            self.blame(place, "The text holds half a character (a surrogate).", "Write the whole character.")
            return ""
        return text

    def _scalar(self, event: Any, place: Place) -> Scalar:
        text = str(event.value)
        if not event.implicit[0]:  # quoted, or a block of text
            return self._whole_characters(text, place)
        if text in NULLS:
            return None
        if text in BOOLEANS:
            return BOOLEANS[text]
        if INTEGER.fullmatch(text):
            return int(text)
        if DECIMAL.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        if AMBIGUOUS.fullmatch(text):
            truth = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(text.lower())
            subject = f"`{text}`" if truth else "A number written like this"
            way_out = (
                f'Write {truth}, or "{text}" for the text.' if truth else "Put it in quotes if it is text."
            )
            self.blame(place, f"{subject} means different things to different YAML readers.", way_out)
            return None
        return text


def _implied(event: Any) -> bool:
    """Whether a tag is only the `!` that PyYAML gives to quoted text."""
    implicit = event.implicit
    return any(implicit) if isinstance(implicit, tuple) else bool(implicit)
