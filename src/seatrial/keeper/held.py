"""What a connection holds until it ends, and what undoes which of it."""

from __future__ import annotations

from typing import TypeAlias

from seatrial.keeper.protocol import UNDO, Act, Alter, Impose

Held: TypeAlias = Act | Alter | Impose


def is_altered(held: Held, component: str, replica: int | None) -> bool:
    return isinstance(held, Alter) and (held.component, held.replica) == (component, replica)


def is_imposed(held: Held, key: str) -> bool:
    return isinstance(held, Impose) and held.key == key


def undoes(act: Act, held: Act) -> bool:
    same = (act.component, act.replica) == (held.component, held.replica)
    return same and UNDO.get(held.action) is act.action
