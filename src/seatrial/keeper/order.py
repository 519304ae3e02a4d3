"""What a client asks a new keeper to keep; light, because the guardian imports it too."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Order:
    id: str  # of the deployment
    folder: Path  # of the deployment
    file: Path  # the declaration
    environment: str
    digest: str  # of the declaration as the client read it
    connection: int  # file descriptor: our end of the socket pair with the client
    lock: int  # file descriptor: the deployment's lock file, locked by the client for us

    @classmethod
    def parse(cls, text: str) -> Order:
        fields = json.loads(text)
        return cls(**{**fields, "folder": Path(fields["folder"]), "file": Path(fields["file"])})

    def text(self) -> str:
        return json.dumps(
            {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}
        )
