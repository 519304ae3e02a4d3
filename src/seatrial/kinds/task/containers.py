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
    r"\b(migrate|upgrade head|db:(?:migrate|setup|create|seed|prepare|push)|db upgrade|flyway"
    r"|liquibase|collectstatic|seed|loaddata|createsuperuser|initdb|prestart|db push"
    r"|ef database update|airflow db|(?:npm|yarn|pnpm)(?: run)? build|vite build|next build"
    r"|openssl (?:req|genrsa|genpkey|x509)|chown|chmod|kafka-topics\b.*--create"
    r"|mc (?:mb|anonymous|policy|admin)|s3 mb)\b",
    re.DOTALL,
)
#: A client of a server that does one thing there, and ends.
_ONE_THING = re.compile(
    r"\b(psql\b.*\s(-c|-f|--command|--file)\b|pg_restore|createdb|createuser"
    r"|redis-cli\s.*(\b(set|mset|hset|lpush|rpush|sadd|xgroup|flushall|flushdb)|--cluster create)\b"
    r"|rabbitmqadmin\s.*\b(declare|import|publish)\b|rabbitmqctl\s.*\b(add_\w+|set_\w+|import_\w+)\b)",
    re.IGNORECASE | re.DOTALL,
)
_NAMES_IT = re.compile(
    r"(?i)(^|[_-])(init|initial|seed|seeds|seeder|setup|bootstrap|migrate|migrations?|migrator"
    r"|fixtures?|prestart|provision(?:er|ing)?|create\w*|permissions|certs|certgen)([_-]|$)"
)
_SERVES = re.compile(
    r"\b(runserver|gunicorn|uvicorn|celery|serve|(?<!bootstrap-)server|worker|daphne"
    r"|(?:npm|yarn|pnpm|next|pm2)(?: run)? (?:start|dev|preview))\b|exec \"\$@\""
)
_FOR_EVER = ("always", "unless-stopped")
_MAY_END = "whether it is to end: its container has, with code 0 (else it is kind: process)"


class _Containers(InContainers):
    def recognise(self, service: Service) -> Guess | None:
        if service.awaited_end:
            return Guess("others wait until it has completed", BY_IMAGE + 1)
        lasts = service.ports or service.restart.startswith(_FOR_EVER)
        if lasts or _SERVES.search(service.command):
            return None
        if service.ended_well:
            return Guess("its container has ended with code 0", BY_SETTINGS, unknown=(_MAY_END,))
        if (found := _ONE_THING.search(service.command)) is not None:
            return Guess(f"its command: {found[0].split()[0]}", BY_SETTINGS)
        if service.restart.startswith("on-failure"):
            return None
        if (found := _ONCE.search(service.command)) is not None:
            return Guess(f"its command: {found[0]}", BY_SETTINGS)
        if (found := _NAMES_IT.search(service.name)) is not None:
            return Guess(f"its name: {found[2]}", BY_ELIMINATION + 1)
        return None


CONTAINERS = _Containers()
