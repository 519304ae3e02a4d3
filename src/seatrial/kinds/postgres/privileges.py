"""What roles may do with tables, asked of the server: anybody may ask about anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seatrial.kinds.base import CheckResult, Target
from seatrial.kinds.postgres.compare import identifier
from seatrial.kinds.postgres.config import PostgresExpect, Privilege, PrivilegesExpect
from seatrial.kinds.postgres.links import AsyncLink
from seatrial.outcome import Cause, Outcome

_QUERY = """
SELECT wanted.role, wanted.name, wanted.privilege,
       roles.oid IS NOT NULL AS has_role,
       to_regclass(wanted.quoted) IS NOT NULL AS has_table,
       has_table_privilege(roles.oid, to_regclass(wanted.quoted), wanted.privilege) AS granted
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
     AS wanted(role, name, quoted, privilege)
LEFT JOIN pg_roles AS roles ON roles.rolname = wanted.role
"""


@dataclass(frozen=True)
class Seen:
    """One privilege as the server tells it."""

    has_role: bool
    has_table: bool
    granted: bool


#: By role, table as it was declared, and privilege.
Privileges = Mapping[tuple[str, str, Privilege], Seen]


def _wanted(expect: PostgresExpect) -> Iterator[tuple[str, str, Privilege, PrivilegesExpect]]:
    for role, one in expect.privileges.items():
        for table, privileges in one.tables.items():
            for privilege in privileges:
                yield role, table, privilege, one


async def read_privileges(link: AsyncLink, expect: PostgresExpect) -> Privileges:
    """Ask about all that is declared, in one query that writes nothing."""
    wanted = [(role, table, privilege) for role, table, privilege, _ in _wanted(expect)]
    if not wanted:
        return {}
    roles = [role for role, _, _ in wanted]
    tables = [table for _, table, _ in wanted]
    quoted = [".".join(map(identifier, table.split(".", 1))) for table in tables]
    privileges = [privilege for _, _, privilege in wanted]
    cursor = await link.execute(_QUERY, (roles, tables, quoted, privileges))
    return {
        (row["role"], row["name"], row["privilege"]): Seen(
            row["has_role"], row["has_table"], bool(row["granted"])
        )
        for row in await cursor.fetchall()
    }


def privilege_results(
    target: Target, expect: PostgresExpect, live: Privileges
) -> Iterator[CheckResult]:
    """One result a role, table and privilege."""
    for role, table, privilege, how in _wanted(expect):
        seen = live.get((role, table, privilege), Seen(False, False, False))
        may = f"{role} may {privilege} on {table}"
        outcome, found, fix = _judged(seen, role, table, privilege)
        yield CheckResult(
            id=f"{target.name}.privilege.{role}.{table}.{privilege}",
            component=target.name,
            title=may,
            priority=how.priority,
            outcome=outcome,
            cause=Cause.NOT_AUTHORISED if outcome is Outcome.FAILED else None,
            expected=may,
            found=found,
            fix=fix and f"on {target.name}: {fix}",
        )


def _judged(seen: Seen, role: str, table: str, privilege: Privilege) -> tuple[Outcome, str, str]:
    if not seen.has_role:
        fix = f"CREATE ROLE {identifier(role)} LOGIN, or correct the name in expect"
        return Outcome.FAILED, f"there is no role {role}", fix
    if not seen.has_table:  # which the migrations or `tables` find; nobody lacks a right on it
        return Outcome.SKIPPED, f"table {table} is not there", ""
    if seen.granted:
        return Outcome.PASSED, "it may", ""
    where = ".".join(map(identifier, table.split(".", 1)))
    fix = f"GRANT {privilege.upper()} ON {where} TO {identifier(role)}"
    return Outcome.FAILED, f"{role} lacks the privilege {privilege} on {table}", fix
