"""How Sphinx builds the site: `make docs`. Everything is served from the site itself; nothing is fetched."""

project = "A GitOps reconciler for Azure"
copyright = ""
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["images"]
nitpicky = True

myst_enable_extensions = ["attrs_block"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = "A GitOps reconciler for Azure"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"footer_icons": []}
pygments_style = "default"
pygments_dark_style = "github-dark"
