"""Start the API: `python -m quantum_queue.api`.

What can be wrong with the settings or the port is found before anything heavy is imported.
"""

from __future__ import annotations

from quantum_queue.contracts.listening import listen
from quantum_queue.contracts.settings import settings_or_exit


def main() -> None:
    """Check the settings and the port, then serve until told to stop."""
    settings = settings_or_exit("api")
    listener = listen("api", "PORT", settings.host, settings.port)
    from quantum_queue.api.server import serve

    serve(settings, listener)


if __name__ == "__main__":
    main()
