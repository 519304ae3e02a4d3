"""Loaded by Schemathesis (SCHEMATHESIS_HOOKS): whatever it creates can be found again."""

from __future__ import annotations

import os
from typing import Any

import schemathesis


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Send the key from the trial's ledger as the correlation id of every request."""
    case.headers = {**(case.headers or {}), "X-Correlation-ID": os.environ["TRIAL_KEY"]}
