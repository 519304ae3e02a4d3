"""The tiny system of real processes that the plugin's tests use, with room for drills."""

from __future__ import annotations

from tests.plugin.conftest import home as home
from tests.plugin.conftest import warm as warm
from tests.plugin.conftest import yard as yard
