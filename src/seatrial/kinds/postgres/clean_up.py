"""Find and remove what trials created, with the SQL that the declaration gives."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.declaration.models import CleanUp
from seatrial.errors import UsageError
from seatrial.kinds.base import Target
from seatrial.kinds.postgres.address import place_of
from seatrial.kinds.postgres.client import PostgresClient
from seatrial.kinds.postgres.config import PostgresCleanUp
from seatrial.kinds.postgres.links import bounded, connect

_CONNECT = 3.0  # s
_REMOVE = 30.0  # s, for all statements together


class _SqlCleanUp:
    """`%(keys)s` in a statement is an array of text: `= ANY(%(keys)s)`."""

    def left(self, target: Target, how: CleanUp, keys: Sequence[str]) -> int:
        """How many rows with these keys are there: the one number that `find` returns.

        Raises UsageError when `find` does not return one number, and psycopg.Error.
        """
        assert isinstance(how, PostgresCleanUp)
        if not keys:
            return 0
        with PostgresClient(target) as client:
            try:
                found = client.value(how.find, {"keys": list(keys)})
            except LookupError as error:
                raise _not_a_count(target, str(error)) from error
        if not isinstance(found, int):
            raise _not_a_count(target, f"got {found!r}")
        return found

    def remove(self, target: Target, how: CleanUp, keys: Sequence[str]) -> None:
        """Run all statements in one transaction: all of them, or none, takes effect."""
        assert isinstance(how, PostgresCleanUp)
        if not keys:
            return
        with connect(place_of(target), _CONNECT, autocommit=False) as link, bounded(link, _REMOVE):
            for statement in how.remove:
                link.execute(statement.encode(), {"keys": list(keys)})
            link.commit()


def _not_a_count(target: Target, found: str) -> UsageError:
    return UsageError(
        f"clean_up.{target.name}.find must return one number: {found}",
        hint="SELECT count(*) FROM ... WHERE ... = ANY(%(keys)s)",
    )


CLEAN_UP = _SqlCleanUp()
