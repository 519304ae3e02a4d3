"""The HTTP API: accepts tasks, answers about them, and publishes their messages."""
