"""A service that is nothing else: whether its container runs is what can be known."""

from __future__ import annotations

from seatrial.kinds.containers import BY_ELIMINATION, Guess, InContainers, Service


class _Containers(InContainers):
    def recognise(self, service: Service) -> Guess | None:
        if service.built and not service.ports:
            return Guess("built here, no ports", BY_ELIMINATION, may_consume=True)
        what = f"image {service.image}" if service.image else "no port that speaks HTTP"
        unknown = "what it is: only whether its container runs is watched"
        return Guess(what, BY_ELIMINATION - 1, unknown=(unknown,))


CONTAINERS = _Containers()
