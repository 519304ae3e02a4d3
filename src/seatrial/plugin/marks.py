"""The markers of a trial, read and checked once, when it is collected."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from seatrial.declaration.problems import nearest
from seatrial.environment.capability import Capability
from seatrial.outcome import Priority

MARKERS = (
    "p1: gates: a release waits for it (default: by the file's name, test_p1_*.py, else p1)",
    "p2: warns",
    "p3: warns, least important",
    "needs(component, ...): components without which the trial is blocked, not failed",
    "requires(capability, ...): skipped, with the name, where the environment lacks one of: "
    + ", ".join(Capability),
    "read_only: writes nothing, so that it may run in a protected environment",
    "criterion(id, ...): the criteria of the specification that it shows",
    "budget(seconds, priority='p2', name=None): a time limit for the call of this trial, or, as "
    "pytestmark of a file or class, for all its trials together",
)

_BY_NAME = re.compile(r"test_(p[123])_")
_PRIORITIES = frozenset(Priority)


@dataclass(frozen=True)
class Budget:
    """A time limit in seconds."""

    node: str  # of the file or class that it is for; "" is the trial itself
    name: str
    priority: Priority
    limit: float


@dataclass(frozen=True)
class Marks:
    priority: Priority
    needs: tuple[str, ...] = ()
    requires: tuple[Capability, ...] = ()
    read_only: bool = False
    criteria: tuple[str, ...] = ()
    budgets: tuple[Budget, ...] = ()


def priority_by_name(path: Path) -> Priority:
    """The priority that a file's name gives its trials."""
    found = _BY_NAME.match(path.name)
    return Priority(found[1]) if found else Priority.P1


def priority_of(item: pytest.Item) -> Priority:
    """The closest of the markers p1, p2, p3, else by the file's name."""
    named = (mark.name for mark in item.iter_markers() if mark.name in _PRIORITIES)
    return Priority(next(named, priority_by_name(item.path)))


def marks_of(item: pytest.Item, components: Collection[str]) -> Marks:
    """Raises pytest.UsageError that says where a marker is wrong, and the nearest valid name."""
    return Marks(
        priority=priority_of(item),
        needs=tuple(_words(item, "needs", components)),
        requires=tuple(Capability(w) for w in _words(item, "requires", tuple(Capability))),
        read_only=item.get_closest_marker("read_only") is not None,
        criteria=tuple(_words(item, "criterion", None)),
        budgets=tuple(_budgets(item)),
    )


def _words(item: pytest.Item, marker: str, known: Collection[str] | None) -> Iterator[str]:
    seen = dict.fromkeys(word for mark in item.iter_markers(marker) for word in mark.args)
    for mark in item.iter_markers(marker):
        if not mark.args or mark.kwargs:
            raise _wrong(item, f"{marker} takes one name or more, and nothing else")
    for word in seen:
        if not isinstance(word, str):
            raise _wrong(item, f"{marker}({word!r}): not a name")
        if known is not None and word not in known:
            hint = nearest(word, known)
            raise _wrong(item, f"{marker}({word!r}): there is no such thing; {hint}")
        yield word


def _budgets(item: pytest.Item) -> Iterator[Budget]:
    for node, mark in item.iter_markers_with_node("budget"):
        yield _budget(item, "" if node is item else node.nodeid, *mark.args, **mark.kwargs)


def _budget(item: pytest.Item, node: str, *args: object, **options: object) -> Budget:
    seconds = args[0] if len(args) == 1 else None
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds <= 0:
        raise _wrong(item, "budget takes a number of seconds over 0, as in budget(0.5)")
    if unknown := set(options) - {"priority", "name"}:
        raise _wrong(item, f"budget takes priority= and name=, not {', '.join(sorted(unknown))}")
    priority = options.get("priority") or Priority.P2
    if priority not in _PRIORITIES:
        raise _wrong(item, f"budget(priority={priority!r}): write p1, p2 or p3")
    name = options.get("name") or f"{node.rpartition('/')[2] or item.name} within {seconds:g} s"
    return Budget(node, str(name), Priority(str(priority)), float(seconds))


def _wrong(item: pytest.Item, message: str) -> pytest.UsageError:
    return pytest.UsageError(f"{item.nodeid}: @pytest.mark.{message}")
