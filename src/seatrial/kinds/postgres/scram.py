"""SCRAM-SHA-256 (RFC 5802, RFC 7677): the client's side, and the verifier that a server stores."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import unicodedata

_ITERATIONS = 4096  # PostgreSQL's own default
#: The server says how many the client has to do, with nothing else getting its turn meanwhile. So
#: many take half a second; a server could ask for an hour.
_MOST_ITERATIONS = 1_000_000


class ScramFailed(Exception):
    """The server's part of the exchange does not hold: it does not know the password itself."""


class ScramTooCostly(ScramFailed):
    """The server asks for more work than anybody would do to log in."""


def _prepared(password: str) -> bytes:
    return unicodedata.normalize("NFKC", password).encode()


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _salted(password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", _prepared(password), salt, iterations)


class ScramClient:
    """One exchange: `first`, then `answer` to the server's first, then `verify` its final."""

    def __init__(self, password: str) -> None:
        self._password = password
        self._bare = b"n=,r=" + base64.b64encode(secrets.token_bytes(18))
        self._signature = b""

    def first(self) -> bytes:
        return b"n,," + self._bare

    def answer(self, server_first: bytes) -> bytes:
        fields = _fields(server_first)
        nonce = fields.get(b"r", b"")
        if not nonce.startswith(self._bare[5:]):
            raise ScramFailed("the server's nonce does not continue ours")
        try:
            salt, iterations = base64.b64decode(fields[b"s"]), int(fields[b"i"])
        except (LookupError, ValueError):
            raise ScramFailed("the server's first message is malformed") from None
        if not 1 <= iterations <= _MOST_ITERATIONS:
            raise ScramTooCostly(
                f"the server asks for {iterations} iterations; {_MOST_ITERATIONS} are done at most"
            )
        salted = _salted(self._password, salt, iterations)
        without_proof = b"c=biws,r=" + nonce
        message = b",".join((self._bare, server_first, without_proof))
        key = _mac(salted, b"Client Key")
        signature = _mac(hashlib.sha256(key).digest(), message)
        proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
        self._signature = _mac(_mac(salted, b"Server Key"), message)
        return without_proof + b",p=" + base64.b64encode(proof)

    def verify(self, server_final: bytes) -> None:
        try:
            given = base64.b64decode(_fields(server_final).get(b"v", b""))
        except ValueError:
            raise ScramFailed("the server's last message is malformed") from None
        if not self._signature or not hmac.compare_digest(given, self._signature):
            raise ScramFailed("the server does not prove that it knows the password")


def _fields(message: bytes) -> dict[bytes, bytes]:
    return {part[:1]: part[2:] for part in message.split(b",")}


def verifier(password: str) -> str:
    """What ALTER ROLE ... PASSWORD takes in place of the password, which so stays out of logs."""
    salt = secrets.token_bytes(16)
    salted = _salted(password, salt, _ITERATIONS)
    stored = hashlib.sha256(_mac(salted, b"Client Key")).digest()
    server = _mac(salted, b"Server Key")

    def text(data: bytes) -> str:
        return base64.b64encode(data).decode()

    return f"SCRAM-SHA-256${_ITERATIONS}:{text(salt)}${text(stored)}:{text(server)}"
