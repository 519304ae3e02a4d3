"""Where a component is reached."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote, urlsplit

_NO_URL = (
    "its host or port cannot be read; in a user or password / is written %2F, # %23, ? %3F, @ %40"
)


@dataclass(frozen=True)
class Endpoint:
    """One address of a component. `url` holds the credentials; show `masked` to people."""

    scheme: str
    host: str
    port: int
    path: str = ""  # with its leading slash, percent-encoded; "" where there is none
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    verified: bool = True  # False: with TLS, any certificate will do
    called: str = ""  # the name by which it is asked for, where `host` is none that it knows

    @classmethod
    def parse(
        cls, url: str, *, user: str | None = None, password: str | None = None, port: int = 0
    ) -> Endpoint:
        """Read a URL; `user` and `password` override its own; `port` is the default port.

        Raises ValueError, which quotes nothing of the URL: it may be a part of a password."""
        try:
            parts = urlsplit(url)
            given = parts.port
        except ValueError:
            raise ValueError(_NO_URL) from None
        beyond = "@" in url.removeprefix(f"{parts.scheme}://{parts.netloc}")
        if beyond and "@" not in parts.netloc and parts.scheme not in ("http", "https"):
            raise ValueError(_NO_URL)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return cls(
            scheme=parts.scheme,
            host=parts.hostname or "",
            port=given or port,
            path=path,
            user=user or (unquote(parts.username) if parts.username else None),
            password=password or (unquote(parts.password) if parts.password else None),
        )

    def _build(self, password: str | None) -> str:
        login = quote(self.user or "", safe="")
        if password is not None:
            login += f":{password}"  # a server may ask for a password alone, as Redis does
        if login:
            login += "@"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{login}{host}:{self.port}{self.path}"

    @property
    def url(self) -> str:
        return self._build(None if self.password is None else quote(self.password, safe=""))

    @property
    def masked(self) -> str:
        return self._build(None if self.password is None else "***")

    @property
    def without_login(self) -> Endpoint:
        return replace(self, user=None, password=None)

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        """Of a request to it: its host and port, as it knows them."""
        host = self.called or self.host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
