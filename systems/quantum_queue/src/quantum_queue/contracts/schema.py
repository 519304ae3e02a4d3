"""Which revision of the database schema this version of the services is written for."""

EXPECTED_REVISION = "0002"
"""The head of `migrations/`; a test holds the two together."""
