"""Alembic's revisions, read from the files of its folder without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Revisions:
    """Each revision with those that come right before it."""

    before: Mapping[str, tuple[str, ...]]

    @property
    def heads(self) -> tuple[str, ...]:
        """Those that no other comes after."""
        followed = {one for many in self.before.values() for one in many}
        return tuple(sorted(one for one in self.before if one not in followed))

    def unknown(self, revisions: Iterable[str]) -> list[str]:
        return [one for one in revisions if one not in self.before]

    def up_to(self, revisions: Iterable[str]) -> set[str]:
        """These and all that come before them."""
        found: set[str] = set()
        queue = list(revisions)
        while queue:
            one = queue.pop()
            if one not in found:
                found.add(one)
                queue += self.before.get(one, ())
        return found

    def missing(self, applied: Iterable[str], wanted: Iterable[str]) -> list[str]:
        """What is still to be applied, in an order in which it can be."""
        left = self.up_to(wanted) - self.up_to(applied)
        ordered: list[str] = []
        while left:
            ready = sorted(one for one in left if not left.intersection(self.before.get(one, ())))
            if not ready:  # a circle, which Alembic refuses itself
                return [*ordered, *sorted(left)]
            ordered += ready
            left -= set(ready)
        return ordered


def read_folder(folder: Path) -> Revisions:
    """Every .py file below the folder that gives a `revision`. Files that do not parse are passed
    over: running the migrations says more about them."""
    before: dict[str, tuple[str, ...]] = {}
    for file in sorted(folder.rglob("*.py")):
        try:
            tree = ast.parse(file.read_bytes(), filename=str(file))
        except (SyntaxError, ValueError, OSError):
            continue
        names = _assignments(tree)
        revision = names.get("revision")
        if isinstance(revision, str):
            before[revision] = (
                *_names(names.get("down_revision")),
                *_names(names.get("depends_on")),
            )
    return Revisions(_resolve(before))


def _assignments(tree: ast.Module) -> dict[str, object]:
    found: dict[str, object] = {}
    for node in tree.body:
        targets: list[ast.expr]
        if isinstance(node, ast.AnnAssign):
            targets, value = [node.target], node.value
        elif isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name) and value is not None:
                try:
                    found[target.id] = ast.literal_eval(value)
                except (ValueError, TypeError):
                    continue
    return found


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple | set):
        return tuple(str(one) for one in value)
    return ()


def _resolve(before: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Alembic allows a reference by the beginning of an identifier."""

    def full(name: str) -> str:
        if name in before:
            return name
        matches = [one for one in before if one.startswith(name)]
        return matches[0] if len(matches) == 1 else name

    return {one: tuple(full(name) for name in many) for one, many in before.items()}
