"""The benchmarks' frame: every file is found, and what is above its limit is said."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from itertools import islice

import pytest

from benchmarks import page
from benchmarks.__main__ import document, names
from benchmarks.figure import Figure


@pytest.mark.parametrize("name", names())
def test_every_file_is_a_benchmark(name: str) -> None:
    """A file without `run` would only fail when somebody measures."""
    run: Callable[..., object] = import_module(f"benchmarks.{name}").run
    assert callable(run)


def test_a_figure_above_its_limit_is_marked_and_one_without_a_limit_never_is() -> None:
    found = {
        "b": [Figure("slow", 31, "times", 30), Figure("quick", 30, "times", 30), Figure("told", 99, "ms")]
    }
    written = document(found)["benchmarks"]
    assert isinstance(written, dict)
    assert [figure.get("over") for figure in written["b"]] == [True, False, None]


def test_the_page_tells_each_figure_with_its_command_its_spread_and_its_limit() -> None:
    """The page is written from the figures alone: what is over its limit must not look like the others."""
    quick = Figure.of("quick", [1.0, 3.0, 2.0], "s", 1.5)
    told = page.text(document({"template_copy": [quick]}))
    assert "`python -m benchmarks template_copy`" in told
    assert "| quick | 2 s **(over)** | 1 to 3 | 1.5 s |" in told


def test_the_loop_s_first_figures_are_times_of_growing_counts() -> None:
    """The template really makes what its name says; the rest of the benchmark takes too long for here."""
    from benchmarks.template_copy import COUNTS, SHAPES, result, template

    for resource in SHAPES.values():
        made = result(template(resource, 3))
        assert [item["type"] for item in made] == [resource["type"]] * 3
        assert len({item["id"] for item in made}) == 3
    figures = list(islice(import_module("benchmarks.template_copy").run(), 2))
    assert [figure.name.rsplit(" ", 1)[1] for figure in figures] == [str(count) for count in COUNTS[:2]]
    assert all(figure.value > 0 for figure in figures)
