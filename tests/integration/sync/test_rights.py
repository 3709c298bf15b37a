"""Rights of the users of API, sync worker and analysts in Postgres: as docs/access.md says, and no more.

That it is enough is shown by the tests of the contract and of whole systems, whose processes are these users.
"""

import asyncio
import re
from collections import defaultdict
from pathlib import Path

import asyncpg
import pytest

from cli.dev.embedded import EmbeddedPostgres
from engine.settings import Settings
from sync.migrations import migrate
from sync.postgres import Postgres
from tests.support.postgres_users import API, SYNC

_TIMEOUT_SECONDS = 30

_GRANTED = """
SELECT grantee::regrole::text, c.oid::regclass::text, lower(privilege_type), attname
FROM (
  SELECT oid, relacl AS acl, NULL AS attname FROM pg_class
  UNION ALL SELECT attrelid, attacl, attname FROM pg_attribute
) AS given
JOIN pg_class AS c USING (oid)
CROSS JOIN LATERAL aclexplode(acl)
WHERE c.relnamespace IN ('public'::regnamespace, 'reporting'::regnamespace) AND grantee <> c.relowner
"""
"""Of tables, views and sequences, to whom but the owner; 0, which is shown as -, is everybody."""

_DENIED = {
    API: (
        "DELETE FROM reservations",
        "UPDATE reservations SET status = 'paid'",
        "INSERT INTO payments (reservation_id) VALUES ('1-a')",
        "UPDATE outbox_offsets SET sequence = 0",
        "DELETE FROM venues",
        "UPDATE tickets SET event_id = 2",
        "DELETE FROM dead_letters",
        "UPDATE audit_log SET actor = 'nobody'",
        "DELETE FROM audit_log",
        "UPDATE alembic_version SET version_num = '0001'",
    ),
    SYNC: (
        "UPDATE events SET name = 'mine'",
        "UPDATE tickets SET unit_minor = 0",
        "INSERT INTO venues (name) VALUES ('mine')",
        "UPDATE section_rows SET seats = 1",
        "INSERT INTO schedules (event_id, capacity) VALUES (1, 1)",
        "DELETE FROM reservations",
        "UPDATE webhooks SET url = 'https://mine.example'",
        "TRUNCATE bookings",
        "UPDATE audit_log SET actor = 'nobody'",
        "INSERT INTO erasures (customer_id, requested_at) VALUES ('22', now())",
    ),
    "reporting": ("SELECT * FROM public.reservations", "SELECT * FROM bookings"),
}
_MAKING = ("CREATE TABLE mine (id integer)", "CREATE VIEW reporting.mine AS SELECT 1", "CREATE SCHEMA mine")


async def granted(postgres: Postgres) -> dict[tuple[str, str], set[str]]:
    """By table and role: `insert`, or `update (name)` of a column."""
    found = defaultdict(set)
    async with postgres.connection() as connection:
        for role, table, privilege, column in await connection.fetch(_GRANTED):
            found[table, role].add(f"{privilege} ({column})" if column else privilege)
    return dict(found)


def documented(repository: Path) -> dict[tuple[str, str], set[str]]:
    """The rights in the table of docs/access.md."""
    text = (repository / "docs" / "access.md").read_text(encoding="utf-8")
    section = text.partition("## Users of Postgres\n")[2].partition("\n## ")[0]
    lines = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("|")]
    (_, *roles), _, *rows = [[cell.strip() for cell in line] for line in lines]
    told: dict[tuple[str, str], set[str]] = {}
    for tables, *cells in rows:
        for table in re.findall(r"`([\w.]+)`", tables):
            for role, cell in zip(roles, cells, strict=True):
                if cell:
                    told[table, role.strip("`")] = _privileges(cell)
    return told


def _privileges(cell: str) -> set[str]:
    """`select, update (a, b)` as three."""
    found = set()
    for name, columns in re.findall(r"(\w+)(?: \(([^)]*)\))?", cell):
        found |= {f"{name} ({column})" for column in columns.split(", ")} if columns else {name}
    return found


async def test_rights_are_those_that_are_documented(pool: Postgres, repository: Path) -> None:
    told, given = documented(repository), await granted(pool)
    views = {table for table, _ in given if table.startswith("reporting.")}
    told |= {(view, "reporting"): {"select"} for view in views}
    assert given == told


@pytest.mark.parametrize("role", list(_DENIED))
async def test_statements_that_each_role_may_not_run(pool: Postgres, role: str) -> None:
    async with pool.connection() as connection:
        await connection.execute(f"SET ROLE {role}")
        for statement in (*_DENIED[role], *_MAKING):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        await connection.execute("RESET ROLE")


@pytest.mark.own_database
async def test_a_new_table_is_the_owners_alone(pool: Postgres, settings: Settings) -> None:
    async with pool.connection() as connection:
        await connection.execute("CREATE TABLE later (id integer GENERATED ALWAYS AS IDENTITY)")
        before = await granted(pool)
        await connection.execute(f"GRANT SELECT ON later TO {API}")
        assert await granted(pool) != before
    await asyncio.to_thread(migrate, settings.postgres_url)
    assert await granted(pool) == before, "what stands in rights.sql is all that there is"


async def test_the_owner_need_not_be_a_superuser(postgres: EmbeddedPostgres) -> None:
    admin = await asyncpg.connect(postgres.url(), timeout=_TIMEOUT_SECONDS)
    try:
        await admin.execute("CREATE ROLE owner_of_tables LOGIN")
        await admin.execute("CREATE DATABASE owned OWNER owner_of_tables")
    finally:
        await admin.close()
    await asyncio.to_thread(migrate, postgres.url("owned", "owner_of_tables"))
    for user, statement in {API: "SELECT * FROM events FOR UPDATE", SYNC: "DELETE FROM bookings"}.items():
        connection = await asyncpg.connect(postgres.url("owned", user), timeout=_TIMEOUT_SECONDS)
        await connection.execute(statement, timeout=_TIMEOUT_SECONDS)
        await connection.close()


async def test_users_log_in_with_passwords(pool: Postgres) -> None:
    async with pool.connection() as connection:
        users = await connection.fetch(
            "SELECT rolname, rolcanlogin, rolpassword LIKE 'SCRAM%', rolsuper OR rolcreaterole OR rolcreatedb "
            "FROM pg_authid WHERE rolname LIKE 'onsale%' ORDER BY rolname"
        )
    assert list(map(tuple, users)) == [(API, True, True, False), (SYNC, True, True, False)]
