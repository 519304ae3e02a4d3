"""The documents as tests read them: sections, fenced blocks, tables and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
SYSTEM_README = ROOT / "systems" / "quantum_queue" / "README.md"
OURS = (
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)
KINDS = ROOT / "docs" / "kinds"

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$")


@dataclass(frozen=True)
class Block:
    """A fenced example."""

    file: Path
    line: int  # of its fence
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"


@dataclass
class Section:
    """What stands under one heading, up to the next heading of any level."""

    title: str
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def tables(self) -> list[list[list[str]]]:
        """Its tables: rows of cells, the headings left out."""
        found: list[list[list[str]]] = []
        inside = False
        for line in self.lines:
            if not line.startswith("|"):
                inside = False
                continue
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])]
            if not inside:
                found.append([])
                inside = True
            found[-1].append(cells)
        return [table[2:] for table in found]


def blocks(file: Path, language: str) -> Iterator[Block]:
    text = file.read_text()
    for match in _FENCE.finditer(text):
        if match[2] == language:
            indent = len(match[1])
            body = "\n".join(line[indent:] for line in match[3].splitlines()) + "\n"
            yield Block(file, text.count("\n", 0, match.start()) + 1, match[2], body)


def sections(file: Path) -> dict[str, Section]:
    """By title, "" being what stands before the first heading; fences are left out."""
    current = Section("")
    found = {"": current}
    fenced = False
    for line in file.read_text().splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        heading = None if fenced else _HEADING.match(line)
        if heading:
            current = found.setdefault(heading[2], Section(heading[2]))
        else:
            current.lines.append(line)
    return found


def names(cell: str) -> list[str]:
    """The words in backticks of a table's cell, without what follows a name."""
    return [re.split(r"[(=\s]", word)[0] for word in re.findall(r"`([^`]+)`", cell)]


def anchors(file: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        for title in sections(file)
        if title
    }


def links(file: Path) -> Iterator[str]:
    """The targets of its links within the repository."""
    for target in re.findall(r"\]\(([^)\s]+)\)", _FENCE.sub("", file.read_text())):
        if "://" not in target:
            yield target
