"""For mkdocs: the pages of the site that do not lie in docs/, such as the README as its start page.

Links are rewritten, because these files stand one folder higher in the repository.
"""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, and the licence that they link to."""
    for name, page in PAGES.items():
        text = (ROOT / name).read_text("utf-8").replace("(docs/", "(").replace('"docs/', '"')
        for other, its_page in PAGES.items():
            text = text.replace(f"({other}", f"({its_page}")
        files.append(File.generated(config, page, content=text))
    licence = (ROOT / "LICENSE").read_text("utf-8")
    files.append(File.generated(config, "LICENSE", content=licence))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Lead links of docs/ to files above it to their pages."""
    for name, page in PAGES.items():
        markdown = markdown.replace(f"(../{name}", f"({page}")
    return markdown
