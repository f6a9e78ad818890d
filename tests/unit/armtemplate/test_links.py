"""Linked templates: by relative path inside of the repository, or by an address."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.templates import CONTEXT, plain, run, template, thing

from reconciler.armtemplate import TemplateError, Unknown, evaluate, parse


def test_linked_templates(tmp_path: Path) -> None:
    """A relative link is read below the root, from where its own template lies; never from outside."""
    (tmp_path / "repo" / "sub").mkdir(parents=True)
    (tmp_path / "secret.json").write_text(json.dumps(template(thing("stolen"))))
    (tmp_path / "repo" / "sub" / "b.json").write_text(json.dumps(template(linked("../c.json"))))
    (tmp_path / "repo" / "c.json").write_text(json.dumps(template(thing("c"))))
    context = replace(CONTEXT, root=tmp_path / "repo")
    made = evaluate(parse(json.dumps(template(linked("sub/b.json"))), "a.json"), {}, context)
    assert [(item.name, item.origin.file) for item in made.resources] == [("c", "c.json")]
    for path, message in (("../secret.json", "lies outside of the repository"), ("d.json", "cannot be read")):
        with pytest.raises(TemplateError, match=message):
            evaluate(parse(json.dumps(template(linked(path))), "a.json"), {}, context)


def linked(path: str, **link: str) -> dict[str, Any]:
    return {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "v",
        "name": "link",
        "properties": {"mode": "Incremental", "templateLink": link or {"relativePath": path}},
    }


def test_a_link_that_is_not_at_hand_stays() -> None:
    """A template by URL is not fetched: its deployment stays a resource with unknown outputs."""
    source = template(
        linked("", uri="https://example.com/t.json"),
        outputs={"o": {"type": "string", "value": "[reference('link').outputs.x.value]"}},
    )
    made = run(source)
    assert plain(made)[0]["type"] == "Microsoft.Resources/deployments"
    assert isinstance(made.outputs["o"].value, Unknown)
    given = replace(
        CONTEXT, linked_templates={"https://example.com/t.json": json.dumps(template(thing("y")))}
    )
    assert [
        item.name
        for item in evaluate(template(linked("", uri="https://example.com/t.json")), {}, given).resources
    ] == ["y"]
