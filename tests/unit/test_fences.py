"""What the tests of the guides take for a page's commands: a block that is overlooked is not tested."""

from __future__ import annotations

from pathlib import Path

from support import fences

PAGE = """# Title

Text with `code`.

```sh
one
```

1. An item:

   <!-- file: environments/mine.yaml -->
   ```yaml
   name: mine
     deeper: true
   ```

<!-- test: skip -->
<!-- why: it needs a browser -->

~~~console
$ two
~~~

<!-- test: skip -->

A paragraph between them.

```
    plain
```

    # indented code is no fence
"""


def test_each_fence_is_found_with_its_language_its_line_and_what_the_comments_before_it_say(
    tmp_path: Path,
) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE, "utf-8")
    found = [(each.lang, each.text, each.line, dict(each.attributes)) for each in fences.blocks(page)]
    assert found == [
        ("sh", "one\n", 5, {}),
        ("yaml", "name: mine\n  deeper: true\n", 12, {"file": "environments/mine.yaml"}),
        ("console", "$ two\n", 20, {"test": "skip", "why": "it needs a browser"}),
        ("", "    plain\n", 28, {}),
    ]
    assert [each.where for each in fences.blocks(page, "sh", "yaml")] == ["page.md:5", "page.md:12"]
