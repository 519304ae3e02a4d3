"""What one pytest process has: the declaration, the deployment, evidence, clients, the ledger."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path

from seatrial.declaration.graph import Graph
from seatrial.declaration.load import load
from seatrial.declaration.models import System
from seatrial.environment.capability import Capability
from seatrial.environment.deployment import Deployment
from seatrial.errors import KeeperError, UsageError
from seatrial.evidence.records import LedgerClosed
from seatrial.evidence.redaction import redactor_of
from seatrial.keeper.places import Place
from seatrial.kinds.registry import KINDS
from seatrial.ledger.clean_up import Cleaner
from seatrial.ledger.file import Owner, ledgers, this_process, unfinished
from seatrial.ledger.recover import recover
from seatrial.plugin.always import as_record
from seatrial.plugin.clients import Clients
from seatrial.plugin.connection import Connection, Say, connect
from seatrial.plugin.findings import Findings
from seatrial.plugin.ledger import Closed, Ledger
from seatrial.plugin.recorder import Exchange, Recorder
from seatrial.plugin.running import LOCK_SECONDS, Running
from seatrial.plugin.settings import Role, Settings
from seatrial.plugin.states import States
from seatrial.steady import Steadiness


class TrialSession:
    """Everything is made on first use: a session without trials connects to nothing."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.redactor = redactor_of(self.system)
        self.recorder = Recorder(settings, self.redactor)
        self.running = Running(self)
        self.say: Say = lambda line: None
        self._connection: Connection | None = None
        self._clients: Clients | None = None
        self._ledger: Ledger | None = None

    @cached_property
    def system(self) -> System:
        """Raises DeclarationError."""
        chosen = self.settings.environment
        return load(self.settings.file, KINDS, environment=chosen, variables=os.environ)

    # -- the deployment --------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        return self._connection is not None

    @property
    def deployment(self) -> Deployment:
        """Joined, attached to or started; ready. Raises DeploymentError or Refused."""
        if self._connection is None:
            self._connection = self._connect()
            self.redactor.add(self._connection.deployment.secrets())
            if self.settings.role is not Role.WORKER:
                self._recover()
        return self._connection.deployment

    def _connect(self) -> Connection:
        settings = self.settings
        if settings.role is Role.WORKER and settings.joined is None:
            raise UsageError(
                "the xdist controller has started nothing: no trial is among its arguments",
                hint=f"name the folder {self.system.trials} on the command line",
            )
        return connect(self.system, settings, self.say)

    @cached_property
    def states(self) -> States:
        return States(self.deployment)

    @cached_property
    def graph(self) -> Graph:
        return Graph(self.system.components)

    @cached_property
    def findings(self) -> Findings:
        known, write = self.settings.findings, self.recorder.write
        advice = self.deployment.advice
        return Findings(self.system.components, self.graph, known, write, advice)

    def logs_of(self, component: str, lines: int = 20) -> str:
        """The last log lines of a component, redacted; "" where there are none to be had."""
        if Capability.LOGS not in self.deployment.capabilities:
            return ""
        try:
            return self.redactor.redact("\n".join(self.deployment.logs(component, lines)))
        except KeeperError:
            return ""

    # -- what trials are given -------------------------------------------------------------------

    @property
    def clients(self) -> Clients:
        if self._clients is None:
            seen = self._seen if self.recorder.keeps else None
            targets = self.deployment.targets()
            environment = self.system.environment
            self._clients = Clients(targets, environment, self.running.require, seen)
        return self._clients

    def _seen(self, exchange: Exchange) -> None:
        trial = self.running.trial
        self.recorder.request("" if trial is None else trial.node, exchange)

    def watched(self, steadiness: Steadiness) -> None:
        """A steady state was watched: it is evidence, whatever came of it."""
        trial = self.running.trial
        self.recorder.write(as_record("" if trial is None else trial.node, steadiness))

    @property
    def ledger(self) -> Ledger:
        """Raises Refused in a protected environment: its end is that something is removed."""
        self.deployment.refuse_to_write("ledger")
        if self._ledger is None:
            run = "".join(c for c in self.settings.run if c.isalnum())[-24:]
            holder = self.running.holder
            self._ledger = Ledger(self.cleaner, self._ledgers, run, self._owner, holder)
        return self._ledger

    @cached_property
    def cleaner(self) -> Cleaner:
        return Cleaner(self.deployment)

    @cached_property
    def clean_up_fails(self) -> str | None:
        """Why `clean_up` does not work here, found by trying it; None if it does."""
        reason = self.cleaner.try_out()
        return None if reason is None else self.redactor.redact(reason)

    # -- the ledger's ends -----------------------------------------------------------------------

    @property
    def _ledgers(self) -> Path:
        return ledgers(Place.of(self.system.folder, self.system.environment).id)

    @property
    def _owner(self) -> Owner:
        this = this_process()
        return Owner(
            system=self.system.name,
            environment=self.system.environment,
            deployment=self.deployment.id,
            addresses=self.cleaner.addresses,
            pid=this.number,
            started=this.started,
        )

    def _recover(self) -> None:
        """Remove what killed sessions left; not where writing is not allowed."""
        if self.deployment.protected or self.cleaner.lacking() is not None:
            return
        local = self.system.config.provider == "local"
        left = unfinished(self._ledgers)
        for one in recover(self.cleaner, left, local, self.deployment.id):
            if one.said:
                self.say(f"seatrial: {self.redactor.redact(one.said)}")

    def trial_ended(self, node: str) -> None:
        """Remove what the trial created."""
        if self._ledger is not None:
            self._ledger.trial_ended(node)

    def close_ledger(self) -> Closed | None:
        """Remove and look for everything that trials created; None if they created nothing."""
        if self._ledger is None or not self._ledger.used:
            return None
        with ExitStack() as stack:
            with suppress(KeeperError):  # without its keeper, a remote system is still there
                stack.enter_context(self.deployment.locked("shared", LOCK_SECONDS))
            closed = self._ledger.close()
        self.recorder.write(
            LedgerClosed(
                session=self.settings.session,
                created=closed.created,
                removed=closed.removed,
                left=closed.left,
                retained=closed.retained,
                error=closed.error,
            )
        )
        return closed

    def disconnect(self) -> None:
        """Close the clients, and let go of the deployment; one that we started ends."""
        if self._clients is not None:
            self._clients.close()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
