"""Compose projects: reading their files, guessing what their services are, asking the engine."""
