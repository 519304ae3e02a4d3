#!/bin/sh
# Makes the data folder at the first start, as the official entry point does.
set -eu
as() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
[ "${1:-}" = postgres ] || exec "$@"
[ -z "${POSTGRES_PASSWORD_FILE:-}" ] || POSTGRES_PASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")"
user="${POSTGRES_USER:-postgres}"
database="${POSTGRES_DB:-$user}"
mkdir -p "$PGDATA" /run/postgresql
chown postgres:postgres "$PGDATA" /run/postgresql
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -z "${POSTGRES_PASSWORD:-}" ]; then
        echo 'Error: Database is uninitialized and superuser password is not specified.' >&2
        exit 1
    fi
    printf '%s' "$POSTGRES_PASSWORD" >/run/postgresql/pw
    chown postgres /run/postgresql/pw
    as initdb -D "$PGDATA" -U "$user" --pwfile=/run/postgresql/pw -E UTF8 --locale=C.UTF-8 \
        --no-sync --no-instructions -A scram-sha-256 --auth-local=trust
    rm /run/postgresql/pw
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    as pg_ctl -D "$PGDATA" -w start -o "-c listen_addresses=''"
    [ "$database" = postgres ] || as createdb -h /run/postgresql -U "$user" "$database"
    for file in /docker-entrypoint-initdb.d/*.sql; do
        [ -e "$file" ] && as psql -v ON_ERROR_STOP=1 -h /run/postgresql -U "$user" "$database" -f "$file"
    done
    as pg_ctl -D "$PGDATA" -m fast -w stop
fi
shift
exec setpriv --reuid=postgres --regid=postgres --init-groups postgres -D "$PGDATA" -c listen_addresses='*' "$@"
