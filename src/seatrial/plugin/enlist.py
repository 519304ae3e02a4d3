"""Takes the plugin on board: called once, when there is a seatrial.yaml."""

from __future__ import annotations

import pytest

from seatrial.errors import SeatrialError
from seatrial.plugin import fixtures
from seatrial.plugin.budgets import Budgets
from seatrial.plugin.hooks import SessionHooks
from seatrial.plugin.marks import MARKERS
from seatrial.plugin.session import TrialSession
from seatrial.plugin.settings import Settings
from seatrial.plugin.summary import Summary
from seatrial.plugin.trial_hooks import TrialHooks


def enlist(config: pytest.Config, files: list[str]) -> None:
    """Register markers, fixtures and hooks. Raises pytest.UsageError."""
    settings = Settings.of(config, files)
    try:
        session = TrialSession(settings)
    except SeatrialError as error:
        raise pytest.UsageError(str(error)) from error
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if settings.handover is not None:
        # A file of p2 that cannot be collected must not keep the p1 trials from running.
        config.option.continue_on_collection_errors = True
    config.stash[fixtures.SESSION] = session
    config.pluginmanager.register(fixtures, "seatrial-fixtures")
    budgets = Budgets()
    around = SessionHooks(config, session, Summary(), budgets)
    config.pluginmanager.register(around, "seatrial-session")
    config.pluginmanager.register(TrialHooks(config, session, budgets), "seatrial-trials")
