"""Writes docs/reference/ from the program itself. Run by `make reference`."""

from support.reference import pages

for path, text in pages().items():
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    print(f"wrote {path}")
