"""Words for what a probe ran into: cause, what was expected, what was found, what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seatrial.kinds.base import Endpoint
from seatrial.kinds.trouble import Diagnosis, Trouble
from seatrial.outcome import Cause

_API = "RabbitMQ's management API"
_PLUGIN = "rabbitmq-plugins enable rabbitmq_management"


@dataclass(frozen=True)
class Doctor:
    """Speaks about one endpoint of one component; tells no password."""

    component: str
    name: str  # of the endpoint: amqp or management
    endpoint: Endpoint
    vhost: str = "/"

    @property
    def _where(self) -> str:
        return f"the {self.name} endpoint of {self.component}"

    @property
    def _address(self) -> str:
        return self.endpoint.address

    @property
    def _user(self) -> str:
        return self.endpoint.user or "guest"

    @property
    def _who(self) -> str:
        if self.name == "management":
            return f"{_API} at {self._address}, for user {self._user}"
        return f"RabbitMQ at {self._address}, virtual host {self.vhost!r}, for user {self._user}"

    def explain(self, trouble: Trouble) -> Diagnosis:
        fix = _FIXES.get(trouble.cause, Doctor._look)(self)
        return Diagnosis(trouble.cause, self._who, trouble.found, fix)

    def stranger(self, who: str) -> Diagnosis:
        found = f"{who} answers at {self._address}"
        return Diagnosis(Cause.WRONG_PROGRAM, self._who, found, self._another_port())

    def version(self, wanted: str, found: str) -> Diagnosis:
        return Diagnosis(
            Cause.WRONG_VERSION,
            f"{self.component} is RabbitMQ {wanted}",
            f"it is RabbitMQ {found}",
            f"install a RabbitMQ that satisfies {wanted}, or correct `version` of {self.component}",
        )

    def slow(self, limit: float, took: float) -> Diagnosis:
        return Diagnosis(
            Cause.SLOW,
            f"{self.component} answers within {limit:g} s",
            f"it took {took:.2f} s",
            f"see what loads it: rabbitmq-diagnostics observer, or raise `time_limit` of "
            f"{self.component}",
        )

    def alarms(self, raised: list[str]) -> Diagnosis:
        return Diagnosis(
            Cause.BLOCKED_PUBLISHERS,
            f"{self.component} takes messages",
            f"it blocks all publishers: {', '.join(raised)}",
            "free memory or disk space on its machine, or raise the limit "
            "(vm_memory_high_watermark, disk_free_limit); rabbitmq-diagnostics alarms",
        )

    def untagged(self) -> Diagnosis:
        return Diagnosis(
            Cause.NOT_AUTHORISED,
            f"user {self._user} may look by the management API",
            "it has no tag for that: what queues are set to, and resource alarms, cannot be seen",
            f"rabbitmqctl set_user_tags {self._user} monitoring",
        )

    def unseen_alarms(self) -> Diagnosis:
        return Diagnosis(
            Cause.NOT_AUTHORISED,
            f"user {self._user} has the tag monitoring",
            "without it, resource alarms cannot be seen",
            f"rabbitmqctl set_user_tags {self._user} monitoring",
        )

    # -- what to do ------------------------------------------------------------------------------

    def _look(self) -> str:
        return f"look into {self.component}'s log: seatrial logs {self.component}"

    def _start(self) -> str:
        fix = f"seatrial restart {self.component}, or correct {self._where}"
        return f"{_PLUGIN}, or {fix}" if self.name == "management" else fix

    def _spelling(self) -> str:
        host = self.endpoint.host
        return f"check the spelling of the host in {self._where}: getent hosts {host}"

    def _hangs(self) -> str:
        return (
            f"see whether {self.component} hangs or a firewall drops packets: "
            f"rabbitmq-diagnostics check_running; then seatrial restart {self.component}"
        )

    def _login(self) -> str:
        return (
            f"correct user and password in {self._where}, or set one: "
            f"rabbitmqctl change_password {self._user} PASSWORD"
        )

    def _vhost(self) -> str:
        return (
            f"correct the virtual host in {self._where}, or make it: "
            f"rabbitmqctl add_vhost {self.vhost}"
        )

    def _permissions(self) -> str:
        return (
            f"rabbitmqctl set_permissions -p {self.vhost} {self._user} '.*' '.*' '.*'"
            f"   ('^$' three times for a user that only looks)"
        )

    def _rights(self) -> str:
        if self.name == "management":
            return f"rabbitmqctl set_user_tags {self._user} monitoring"
        return self._permissions()

    def _another_port(self) -> str:
        return (
            f"correct the port in {self._where}, or stop what listens there: "
            f"ss -ltnp 'sport = :{self.endpoint.port}'"
        )

    def _scheme(self) -> str:
        schemes = "http or https" if self.name == "management" else "amqp or amqps"
        return f"correct the scheme of the URL ({schemes}) or the port in {self._where}"

    def _connections(self) -> str:
        return (
            "close connections that are not needed, or raise the limit: rabbitmqctl "
            f"list_connections; rabbitmqctl set_vhost_limits -p {self.vhost} ..."
        )


_FIXES: dict[Cause, Callable[[Doctor], str]] = {
    Cause.REFUSED: Doctor._start,
    Cause.DNS: Doctor._spelling,
    Cause.TIMEOUT: Doctor._hangs,
    Cause.AUTH: Doctor._login,
    Cause.TLS: Doctor._scheme,
    Cause.WRONG_VHOST: Doctor._vhost,
    Cause.NOT_AUTHORISED: Doctor._rights,
    Cause.WRONG_PROGRAM: Doctor._another_port,
    Cause.EXHAUSTED: Doctor._connections,
}
