"""A service that runs once: migrations, seeding, setting up."""

from __future__ import annotations

import re

from seatrial.kinds.containers import (
    BY_ELIMINATION,
    BY_IMAGE,
    BY_SETTINGS,
    Guess,
    InContainers,
    Service,
)

_ONCE = re.compile(
    r"(?<![-\w])(migrate|upgrade head|db:(?:migrate|setup|create|seed|prepare|push)|db upgrade"
    r"|flyway|liquibase|collectstatic|seed|loaddata|createsuperuser|initdb|prestart|db push"
    r"|ef database update|airflow db|(?:npm|yarn|pnpm)(?: run)? build(?![:-])|(?:vite|next) build"
    r"|openssl (?:req|genrsa|genpkey|x509)|chown|chmod|kafka-topics\b.*--create"
    r"|mc (?:mb|anonymous|policy)|s3 mb)\b",
    re.DOTALL,
)
#: Images of what changes schemas, and does nothing else.
_IMAGES = ("migrate", "flyway", "liquibase", "dbmate", "goose", "atlas", "sqitch")
_WATCHES = re.compile(r"(?<!\S)(?:-w|--watch)\b|[:-]watch\b|--poll\b")  # and never ends
#: A client of a server, and behind it that it does one thing there, and ends. In one pattern, that
#: would be looked for anew behind each time that a long command has the client.
_ONE_THING = tuple(
    (re.compile(client, re.IGNORECASE), re.compile(thing, re.IGNORECASE))
    for client, thing in (
        (r"\bpsql\b", r"\s(-c|-f|--command|--file)\b"),
        (r"\b(pg_restore|createdb|createuser)", ""),
        (
            r"\bredis-cli\s",
            r"(\b(set|mset|hset|lpush|rpush|sadd|xgroup|flushall|flushdb)|--cluster create)\b",
        ),
        (r"\brabbitmqadmin\s", r"\b(declare|import|publish)\b"),
        (r"\brabbitmqctl\s", r"\b(add_\w+|set_\w+|import_\w+)\b"),
    )
)
_NAMES_IT = re.compile(
    r"(?i)(.*[_-])?(init|seed|seeds|seeder|setup|migrate|migrations?|migrator|fixtures?|prestart"
    r"|initial[_-]?data|create[_-]?(db|database|superuser|users?|topics?|queues?|buckets?|tables?)"
    r"|init[_-]?(db|data|permissions|volumes?|certs?|kafka|minio|buckets?|schema|replica\w*)"
    r"|db[_-]?(setup|push|create))"
)
#: Between the commands of a shell, but not of SQL; and the last ones that only say how it ends.
_BETWEEN = re.compile(
    r"&&|\|\||\n|;(?!\s*(?:insert|create|alter|grant|update|delete|drop|select|set|begin|commit)\b)",
    re.IGNORECASE,
)
_ENDS = re.compile(r"(?:true|exit 0|echo\b.*|:|done|fi|)['\"\s]*")
_SERVES = re.compile(
    r"\b(runserver|gunicorn|uvicorn|celery|serve|(?<!bootstrap-)server|worker|daphne"
    r"|(?:npm|yarn|pnpm|next|pm2)(?: run)? (?:start|dev|preview))\b|exec \"\$@\""
)
_FOR_EVER = ("always", "unless-stopped")
_MAY_END = "whether it is to end: its container has, with code 0 (else it is kind: process)"
_MAY_WATCH = "whether its build ends, or watches for changes (then it is kind: process)"


class _Containers(InContainers):
    def recognise(self, service: Service) -> Guess | None:
        if service.awaited_end:
            return Guess("others wait until it has completed", BY_IMAGE + 1)
        lasts = service.lasts or service.ports or service.restart.startswith(_FOR_EVER)
        last = _last(service.command)
        if lasts or _SERVES.search(service.command):
            return None
        if service.ended_well:
            return Guess("its container has ended with code 0", BY_SETTINGS, unknown=(_MAY_END,))
        if service.image_name in _IMAGES:
            return Guess(service.made_of, BY_SETTINGS)
        if client := _does_one_thing(last):
            return Guess(f"its command: {client}", BY_SETTINGS)
        if service.restart.startswith("on-failure"):
            return None
        if (found := _ONCE.search(last)) is not None and not _WATCHES.search(last):
            unknown = (_MAY_WATCH,) if found[0].endswith("build") else ()
            return Guess(f"its command: {found[0]}", BY_SETTINGS, unknown=unknown)
        if (found := _NAMES_IT.fullmatch(service.name)) is not None:
            return Guess(f"its name: {found[2]}", BY_ELIMINATION + 1)
        return None


def _last(command: str) -> str:
    """The last command that does something: what comes before it prepares."""
    parts = _BETWEEN.split(command)
    return next((one for one in reversed(parts) if not _ENDS.fullmatch(one.strip())), command)


def _does_one_thing(command: str) -> str:
    """The first client that does; "" for none."""
    found = [
        (first.start(), first[0].strip())
        for client, thing in _ONE_THING
        if (first := client.search(command)) and thing.search(command, first.end())
    ]
    return min(found, default=(0, ""))[1]


CONTAINERS = _Containers()
