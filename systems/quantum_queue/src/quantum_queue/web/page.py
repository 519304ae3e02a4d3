"""The routes of the page: a few small files, with headers that let nothing else in."""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parent / "static"
INDEX = "index.html"

# Only what this server serves, no inline code, no markup made from text: a defect that would let
# somebody's circuit become a script is stopped by the browser.
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Asked for each time, answered with 304 while it is the same: a new release shows at once.
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True)
class _File:
    """A file of the page, read once: none is larger than some kilobytes."""

    body: bytes
    media_type: str
    etag: str

    @classmethod
    def read(cls, path: Path) -> _File:
        body = path.read_bytes()
        # Not what the machine's tables say: a module with another type is not run.
        kind = "text/javascript" if path.suffix == ".js" else mimetypes.types_map[path.suffix]
        return cls(body, kind, f'"{hashlib.sha256(body).hexdigest()[:32]}"')

    def answer(self, request: Request) -> Response:
        """Return the file, or 304 for a browser that has it."""
        headers = {**HEADERS, "ETag": self.etag}
        if self.etag in request.headers.get("If-None-Match", ""):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(self.body, headers=headers, media_type=self.media_type)


def routes() -> list[Route]:
    """Return what to serve beside the API; none of it is part of its document."""
    files = {path.name: _File.read(path) for path in FOLDER.iterdir()}

    async def index(request: Request) -> Response:
        return files[INDEX].answer(request)

    async def static(request: Request) -> Response:
        file = files.get(request.path_params["name"])
        if file is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return file.answer(request)

    return [
        Route("/", index, include_in_schema=False),
        Route("/static/{name}", static, include_in_schema=False),
    ]
