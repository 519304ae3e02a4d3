"""Traffic as a load balancer passes it on: round the replicas, and on from one that is gone."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from conftest import BELL

_PAUSE = 0.1  # s between two requests of one client: a steady stream rather than a flood
_CLIENTS = 4
_WATCH_PAUSE = 0.1  # s between two looks at the health of a replica
_GONE = (httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)


class Balancer:
    """Passes each request to the next replica, and on to the one after it if that one is gone.

    Gone is a connection that is refused, or closed before any answer: the latter happens on a
    kept-alive connection when the replica stops in that moment. A submission may be repeated then
    because it carries an Idempotency-Key. Any answer at all is the answer.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._clients = [httpx.Client(base_url=url, timeout=5.0, trust_env=False) for url in urls]
        self._turn = itertools.count()
        self.refused = self.closed = 0  # connections, and so requests that were passed on

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Raises the last error when every replica is gone."""
        first = next(self._turn)
        for attempt in range(len(self._clients)):
            client = self._clients[(first + attempt) % len(self._clients)]
            try:
                return client.request(method, path, **options)
            except _GONE as error:
                if attempt == len(self._clients) - 1:
                    raise
                if isinstance(error, httpx.ConnectError):
                    self.refused += 1
                else:
                    self.closed += 1
        raise AssertionError("unreachable")

    def close(self) -> None:
        for client in self._clients:
            client.close()


class WatchingBalancer(Balancer):
    """Asks each replica's /health all the time, and sends only where it is healthy; once."""

    def __init__(self, urls: Sequence[str]) -> None:
        super().__init__(urls)
        self._healthy = [True] * len(urls)
        self._end = threading.Event()
        self._watching = [
            threading.Thread(target=self._watch, args=(number, url))
            for number, url in enumerate(urls)
        ]
        for thread in self._watching:
            thread.start()

    def _watch(self, number: int, url: str) -> None:
        with httpx.Client(base_url=url, timeout=5.0, trust_env=False) as client:
            while not self._end.wait(_WATCH_PAUSE):
                try:
                    self._healthy[number] = client.get("/health").is_success
                except httpx.HTTPError:
                    self._healthy[number] = False

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Raises whatever comes of the one attempt."""
        first = next(self._turn)
        order = [(first + more) % len(self._clients) for more in range(len(self._clients))]
        chosen = next((number for number in order if self._healthy[number]), order[0])
        return self._clients[chosen].request(method, path, **options)

    def close(self) -> None:
        self._end.set()
        for thread in self._watching:
            thread.join()
        super().close()


@dataclass
class Traffic:
    """What became of the requests so far."""

    accepted: list[str] = field(default_factory=list)  # task ids
    failures: list[str] = field(default_factory=list)
    refused: int = 0  # connections on which a request was passed on to another replica
    closed: int = 0


@contextmanager
def traffic(
    urls: Sequence[str], key: str, balanced: type[Balancer] = Balancer
) -> Iterator[Traffic]:
    """Submit and read until the block ends; all submissions carry `key` as their correlation id."""
    seen, stop, numbers = Traffic(), threading.Event(), itertools.count()

    def client() -> None:
        balancer = balanced(urls)
        try:
            while not stop.wait(_PAUSE):
                _turn(balancer, f"{key}.{next(numbers)}", key, seen)
        finally:
            seen.refused += balancer.refused
            seen.closed += balancer.closed
            balancer.close()

    threads = [threading.Thread(target=client) for _ in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _turn(balancer: Balancer, idempotency: str, key: str, seen: Traffic) -> None:
    """One submission, and one look at it."""
    headers = {"Idempotency-Key": idempotency, "X-Correlation-ID": key}
    try:
        body = {"circuit": BELL, "shots": 100}
        accepted = balancer.send("POST", "/tasks", json=body, headers=headers).raise_for_status()
        task_id = accepted.json()["task_id"]
        balancer.send("GET", f"/tasks/{task_id}").raise_for_status()
    except httpx.HTTPError as error:
        seen.failures.append(f"{type(error).__name__}: {error}")
        return
    seen.accepted.append(task_id)
