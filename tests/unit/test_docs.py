"""The documentation says all that there is, nothing that is not, and its site builds by itself."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from jsonschema import Draft202012Validator
from support.fences import blocks
from support.reference import EXITS, commands, pages

import reconciler
from reconciler.alerts.fact import KINDS
from reconciler.api import COMMANDS
from reconciler.change import HOLDS, WAITS
from reconciler.cli.__init__ import MEANT
from reconciler.environment.schema import json_schema
from reconciler.errors import ReconcilerError
from reconciler.source.git import DAMAGED, REMOTE

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SCHEMA = json_schema()
PAGES = sorted(DOCS.glob("**/*.md"))
VERB = re.compile(r"^\s*(?:\$ )?reconciler ((?:[a-z]+))\b(.*)$", re.MULTILINE)
CODE = re.compile(r"[A-Za-z0-9-]+")
POSITIONS = {"_fault": 1, "_wrong": 3}
"""Functions of ours that take a code by position."""
FOREIGN = ("script", "link", "img", "iframe", "source", "video", "audio", "object", "embed")


@pytest.mark.parametrize("path", sorted(pages()), ids=lambda path: str(path.stem))
def test_a_page_of_the_reference_is_what_the_program_says(path: Path) -> None:
    """Else: `make reference`. So no verb, option, setting or key of an environment file is missing there."""
    assert path.read_text("utf-8") == pages()[path], "run `make reference`"


def test_each_verb_has_its_exit_codes() -> None:
    assert set(EXITS) == set(commands())


def test_each_key_of_an_environment_file_is_described() -> None:
    """What an editor shows, and what the reference says."""

    def bare(part: object, path: str) -> Iterator[str]:
        if isinstance(part, dict):
            for name, value in part.get("properties", {}).items():
                if not value.get("description"):
                    yield f"{path}.{name}"
            for name, below in part.items():
                yield from bare(below, f"{path}.{name}")

    assert list(bare(json_schema(), "")) == []


def own_codes() -> set[str]:
    """Every code that our own errors can have: of a class, given where one is raised, or answered by a route."""
    for module in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    codes = {kind.code for kind in (ReconcilerError, *below(ReconcilerError))} | {*REMOTE, DAMAGED}
    for file in (ROOT / "reconciler").rglob("*.py"):
        if "alerts" not in file.parts:  # there a code is that of a fact
            codes |= set(given(ast.parse(file.read_text("utf-8"))))
    return codes


def below(kind: type[ReconcilerError]) -> Iterator[type[ReconcilerError]]:
    for one in kind.__subclasses__():
        yield one
        yield from below(one)


def given(tree: ast.AST) -> Iterator[str]:
    """Texts that stand for a parameter `code`, in a call or as its default, and the codes of routes."""
    for node in ast.walk(tree):
        said: list[ast.expr | None] = []
        if isinstance(node, ast.Call):
            said += [word.value for word in node.keywords if word.arg == "code"]
            at = POSITIONS.get(node.func.id) if isinstance(node.func, ast.Name) else None
            said += node.args[at : at + 1] if at is not None else []
        elif isinstance(node, ast.FunctionDef):
            named = [*node.args.posonlyargs, *node.args.args][-len(node.args.defaults) or sys.maxsize :]
            pairs = [(named, node.args.defaults), (node.args.kwonlyargs, node.args.kw_defaults)]
            defaults = [pair for words, values in pairs for pair in zip(words, values, strict=True)]
            said += [default for word, default in defaults if word.arg == "code"]
        found = [each.value for each in said if isinstance(each, ast.Constant)]
        yield from (code for code in found if isinstance(code, str) and CODE.fullmatch(code))


def table(page: str, heading: str = "") -> list[str]:
    """What stands first in each row of a page's tables, below one heading or all."""
    text = (DOCS / page).read_text("utf-8")
    if heading:
        text = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def test_each_error_code_is_told_with_cause_and_cure_and_none_that_is_not() -> None:
    blocked, waits = "Why a resource is left alone", "Why a resource waits"
    assert table("reference/errors.md", blocked) == list(HOLDS)
    assert table("reference/errors.md", waits) == list(WAITS)
    assert set(table("reference/errors.md")) == own_codes() | set(HOLDS) | set(WAITS)
    rows = re.findall(r"^\| `.*$", (DOCS / "reference/errors.md").read_text("utf-8"), re.MULTILINE)
    assert [row for row in rows if len([cell for cell in row.split(" | ") if cell.strip("| ")]) != 3] == []


def test_each_fact_that_alerts_tell_is_on_their_page() -> None:
    assert table("alerts.md", "Facts") == list(KINDS)
    text = (DOCS / "alerts.md").read_text("utf-8")
    assert dict(re.findall(r"^\| `([a-z.]+)` \| `([a-z]+)` \|", text, re.MULTILINE)) == {
        name: kind.on for name, kind in KINDS.items()
    }


def test_each_route_of_the_app_is_told_and_none_that_is_not() -> None:
    app = (ROOT / "function_app.py").read_text("utf-8")
    routes = set()
    for path, method in re.findall(r'@app\.route\("([^"]+)", methods=\["(\w+)"\]', app):
        for each in [path.replace("?", "")] if "?" not in path else optional(path):
            verbs = COMMANDS if "{verb}" in each else [""]
            routes |= {
                f"{method} /api/{each.replace('{verb}', verb).replace('{view}', 'plan')}" for verb in verbs
            }
    text = (DOCS / "hosted.md").read_text("utf-8").partition("## Routes")[2].partition("\n## ")[0]
    told = set()
    for method, paths in re.findall(r"^\| (GET|POST) ([^|]+) \|", text, re.MULTILINE):
        told |= {f"{method} {path}" for path in re.findall(r"`([^`]+)`", paths)}
    assert told == routes


def optional(path: str) -> list[str]:
    """A route with optional parts, as the routes that it stands for: `a/{b?}` is `a` and `a/{b}`."""
    parts = path.split("/")
    least = next(number for number, part in enumerate(parts) if "?" in part)
    return ["/".join(parts[:count]).replace("?", "") for count in range(least, len(parts) + 1)]


@pytest.mark.parametrize(
    "path", [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda path: path.stem
)
def test_what_a_page_shows_is_there(path: Path) -> None:
    """Verbs and options of shell blocks exist, and so do the keys of what is shown of an environment file."""
    known = commands()
    for block in blocks(path, "sh"):
        for verb, rest in VERB.findall(block.text):
            if verb == "cd":
                continue
            assert verb in known, f"{block.where}: there is no verb {verb}; {MEANT.get(verb, '')}"
            options = {
                spelled for each in known[verb].params for spelled in (*each.opts, *each.secondary_opts)
            }
            said = set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest.partition("#")[0].partition("|")[0]))
            assert said <= options, f"{block.where}: {verb} has no {said - options}"
        for target in re.findall(r"^\s*make (?:-C \S+ )?([a-z]+)", block.text, re.MULTILINE):
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE), (
                block.where
            )
    for block in blocks(path, "yaml"):
        said = yaml.load(block.text, Loader=Plain)
        assert isinstance(said, dict), block.where
        if set(said) & set(SCHEMA["properties"]):
            wrong = [fault.message for fault in Draft202012Validator(SCHEMA).iter_errors(said)]
            assert not wrong, f"{block.where}: {wrong}"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "DESIGN.md", "CHANGELOG.md"])
def test_a_link_from_outside_the_site_leads_somewhere(page: str) -> None:
    """Sphinx looks at the pages of the site only."""
    text = (ROOT / page).read_text("utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"", text)
    for target in (one or other for one, other in targets):
        address, _, heading = target.partition("#")
        if "://" in target:
            continue
        assert (ROOT / (address or page)).exists(), f"{page}: {target}"
        if heading:
            titles = re.findall(r"^#+ (.+)$", (ROOT / (address or page)).read_text("utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
            assert heading in slugs, f"{page}: {target}"


class Plain(yaml.SafeLoader):
    """Days and `on` stay text, as the product reads them."""


Plain.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if not tag.endswith((":timestamp", ":bool"))]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Plain.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))


class Loads(HTMLParser):
    """The addresses that a page of the site makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag in FOREIGN and said.get("rel") not in ("canonical", "index", "search", "next", "prev"):
            self.found += [value for name in ("src", "href", "data") if (value := said.get(name))]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it: a broken link, or a page that nothing leads to, is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = re.findall(
        r"\$\(BIN\)/sphinx-build (.*) docs build/docs", (ROOT / "Makefile").read_text("utf-8")
    )[0]
    words = [
        sys.executable,
        "-m",
        "sphinx",
        *command.split(),
        "-d",
        str(folder / "doctrees"),
        "docs",
        str(folder / "html"),
    ]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_the_site_holds_every_page_and_fetches_nothing_from_elsewhere(site: Path) -> None:
    """A page that asks another host for a font or a script tells it who reads."""
    built = {str(path.relative_to(site).with_suffix("")) for path in site.rglob("*.html")}
    assert {str(path.relative_to(DOCS).with_suffix("")) for path in PAGES} <= built
    for page in site.rglob("*.html"):
        loads = Loads()
        loads.feed(page.read_text("utf-8"))
        assert loads.found, page
        assert [each for each in loads.found if urlsplit(each).netloc] == [], page
    for style in [*site.rglob("*.css"), *site.rglob("*.svg")]:
        text = style.read_text("utf-8")
        assert re.findall(r"(?:url\(|@import |href=)[\s'\"]*(?:https?:)?//[^)]*", text) == [], style
