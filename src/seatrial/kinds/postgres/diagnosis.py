"""Words for what a probe ran into: cause, what was expected, what was found, what to do."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from seatrial.kinds.postgres.wire import ServerRefused, SslMode
from seatrial.kinds.strangers import who_says
from seatrial.kinds.trouble import Diagnosis
from seatrial.outcome import Cause


@dataclass(frozen=True)
class Diagnostician:
    """Speaks about one component; knows no password, so that it can tell none."""

    component: str
    address: str  # host:port
    user: str = ""
    database: str = ""
    inside: str = ""  # what runs a command where the server runs, where that is elsewhere

    @property
    def _endpoint(self) -> str:
        return f"the endpoint of {self.component}"

    def _server(self, what: str = "a PostgreSQL server") -> str:
        return f"{what} at {self.address}"

    def _log(self) -> str:
        return f"look into {self.component}'s log: seatrial logs {self.component}"

    def bad_url(self, error: str) -> Diagnosis:
        return Diagnosis(
            Cause.NOT_MEASURED,
            f"{self._endpoint} is a PostgreSQL URL",
            error,
            f"correct {self._endpoint}: postgresql://user:password@host:port/database",
        )

    def dns(self, host: str, reason: str) -> Diagnosis:
        return Diagnosis(
            Cause.DNS,
            f"the name {host} has an address",
            f"{host} has none: {reason}",
            f"check the spelling of the host in {self._endpoint}: getent hosts {shlex.quote(host)}",
        )

    def refused(self) -> Diagnosis:
        return Diagnosis(
            Cause.REFUSED,
            self._server(),
            f"nothing listens at {self.address}",
            f"seatrial restart {self.component}, or correct {self._endpoint}",
        )

    def hung_up(self) -> Diagnosis:
        return Diagnosis(
            Cause.REFUSED,
            self._server(),
            f"{self.address} takes the connection and hangs up without an answer",
            f"{self._log()}; a proxy in front of it behaves so when the server behind it is down",
        )

    def unreachable(self, error: Exception) -> Diagnosis:
        return Diagnosis(
            Cause.REFUSED,
            self._server(),
            f"{self.address} cannot be reached: {error}",
            f"check the host and port in {self._endpoint}, and the network between",
        )

    def timeout(self, seconds: float) -> Diagnosis:
        host, _, port = self.address.rpartition(":")
        return Diagnosis(
            Cause.TIMEOUT,
            self._server("an answer of PostgreSQL"),
            f"no answer from {self.address} within {seconds:.1f} s",
            f"see whether {self.component}'s server hangs or a firewall drops packets: "
            f"pg_isready -h {host} -p {port}; then restart {self.component}",
        )

    def stranger(self, answer: bytes) -> Diagnosis:
        first = answer.split(b"\r\n")[0][:40].decode("ascii", "backslashreplace")
        shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in first)
        return Diagnosis(
            Cause.WRONG_PROGRAM,
            self._server(),
            f'{who_says(answer) or "another program"} answers at {self.address}: "{shown}"',
            f"correct the port in {self._endpoint}, or stop what listens there: "
            f"ss -ltnp 'sport = :{self.address.rpartition(':')[2]}'",
        )

    def no_tls(self, mode: SslMode) -> Diagnosis:
        return Diagnosis(
            Cause.TLS,
            f"TLS at {self.address} (sslmode={mode})",
            "the server does not offer TLS",
            f"set ssl = on on {self.component}'s server, or sslmode=disable in {self._endpoint}",
        )

    def tls_wanted(self, mode: SslMode) -> Diagnosis:
        return Diagnosis(
            Cause.TLS,
            f"an unencrypted login at {self.address} (sslmode={mode})",
            "the server takes this login with TLS only",
            f"set sslmode=require in {self._endpoint}",
        )

    def tls_failed(self, error: Exception) -> Diagnosis:
        return Diagnosis(
            Cause.TLS,
            f"a TLS handshake with {self.address}",
            f"it failed: {error}",
            f"check the certificate of {self.component}'s server, and sslmode and sslrootcert in "
            f"{self._endpoint}",
        )

    def login(self, found: str) -> Diagnosis:
        return Diagnosis(
            Cause.AUTH,
            f"{self.user} may log in at {self.address}",
            found,
            f"correct user and password in {self._endpoint}; passwords are understood as scram, "
            "md5 and plain",
        )

    def refusal(self, error: ServerRefused) -> Diagnosis:
        """What the server's own code says."""
        code, found = error.sqlstate, str(error)
        if code == "08P01":  # a connection pooler's only code
            code = _pooler_code(error.message)
        if code == "3D000":
            return self._wrong_database(found)
        if code.startswith("28"):
            return self._auth(found, asked=error.asked)
        if code in ("42501", "55000"):
            return self._not_authorised(found)
        if code == "57P03":
            return Diagnosis(
                Cause.MIGRATING,
                f"{self._server()} that takes connections",
                found,
                f"wait until {self.component} has started, then try again; its log says how far "
                "it is",
            )
        if code in ("53300", "53400"):
            return Diagnosis(
                Cause.EXHAUSTED,
                f"a free connection at {self.address}",
                found,
                f"raise max_connections of {self.component} (in a container by its command, -c "
                "max_connections=N; else by `options`), or close connections (pg_stat_activity "
                "shows whose they are)",
            )
        return Diagnosis(Cause.REFUSED, self._server(), found, self._log())

    def _wrong_database(self, found: str) -> Diagnosis:
        host, _, port = self.address.rpartition(":")
        user, database = shlex.quote(self.user), shlex.quote(self.database)
        command = f"createdb -h {host} -p {port} -U {user} {database}"
        if self.inside:
            command = f"{self.inside} createdb -U {user} {database}"
        return Diagnosis(
            Cause.WRONG_DATABASE,
            f"a database {self.database} at {self.address}",
            found,
            f"correct the database in {self._endpoint}, or create it, as a user who may: {command}",
        )

    def _auth(self, found: str, *, asked: bool) -> Diagnosis:
        if asked:
            made = " (those with which its volume was made: its image looks at none later)"
            fix = f"correct user and password in {self._endpoint}{made if self.inside else ''}, or "
            fix += f'set the password on the server: \\password "{self.user}" in psql, '
            fix += f'after CREATE ROLE "{self.user}" LOGIN where \\du lists no such role'
        else:
            fix = f"let {self.user} in by pg_hba.conf of {self.component}'s server (then SELECT "
            fix += f"pg_reload_conf()), or correct the user in {self._endpoint}"
        expected = f"{self.user} may log in to {self.database} at {self.address}"
        return Diagnosis(Cause.AUTH, expected, found, fix)

    def _not_authorised(self, found: str) -> Diagnosis:
        return Diagnosis(
            Cause.NOT_AUTHORISED,
            f"{self.user} may connect to {self.database} at {self.address}",
            found,
            f"as the owner of {self.component}'s database: "
            f'GRANT CONNECT ON DATABASE "{self.database}" TO "{self.user}"',
        )

    def version(self, wanted: str, found: str) -> Diagnosis:
        return Diagnosis(
            Cause.WRONG_VERSION,
            f"PostgreSQL {wanted} at {self.address}",
            f"PostgreSQL {found}",
            f"upgrade {self.component}'s server, or change components.{self.component}.version",
        )

    def standby(self) -> Diagnosis:
        return Diagnosis(
            Cause.MIGRATING,
            f"{self._server()} that takes writes",
            "it is in recovery: a read-only standby",
            f"point {self._endpoint} at the primary, promote it with SELECT pg_promote(), or "
            f"declare components.{self.component}.standby: true",
        )

    def read_only(self, source: str) -> Diagnosis:
        """`source`: as pg_settings has it."""
        setting = "default_transaction_read_only"
        back = f'take it back: ALTER DATABASE "{self.database}" RESET {setting} '
        back += "(or ALTER SYSTEM RESET, or in postgresql.conf), then connect anew"
        if source == "command line":
            back = f"start {self.component} without {setting} in its command"
        return Diagnosis(
            Cause.READ_ONLY,
            f"{self._server()} that takes writes",
            f"{setting} is on, set by: {source}",
            f"{back}; or declare components.{self.component}.standby: true",
        )

    def slow(self, limit: float, took: float) -> Diagnosis:
        return Diagnosis(
            Cause.SLOW,
            f"login and one query at {self.address} within {limit:g} s",
            f"they took {took:.2f} s",
            f"look for load and locks on {self.component} (pg_stat_activity shows them), or "
            f"raise components.{self.component}.time_limit",
        )


def _pooler_code(message: str) -> str:
    text = message.lower()
    if "no such database" in text:
        return "3D000"
    return "28P01" if "auth" in text or "password" in text or "no such user" in text else "08P01"
