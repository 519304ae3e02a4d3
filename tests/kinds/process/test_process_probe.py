"""The probe of processes without a port: by states, and by what their broker says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import ValidationError

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Context, Endpoint, ProbeResult, Target, Words
from seatrial.kinds.process.config import ProcessConfig
from seatrial.kinds.process.probe import probe
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause, Health, State
from seatrial.waiting import Deadline

Answer = int | Exception | Callable[[], object]


@dataclass(frozen=True)
class Broker(Context):
    """A context whose queues have known numbers of consumers."""

    answers: Mapping[str, Answer] = field(default_factory=dict)

    async def consumers(self, component: str, queue: str, deadline: Deadline) -> int:
        answer = self.answers[f"{component}/{queue}"]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            await asyncio.Event().wait()
        assert isinstance(answer, int)
        return answer


def look(
    states: tuple[State, ...],
    consumes: dict[str, object] | None = None,
    said: str = "",
    **answers: Answer,
) -> ProbeResult:
    config = ProcessConfig.model_validate({"consumes": consumes or {}, "time_limit": 0.1})
    there = {"amqp": (Endpoint("amqp", "127.0.0.1", 1),)}
    brokers = {
        name: Target(name, "rabbitmq", ComponentConfig(kind="rabbitmq"), endpoints)
        for name, endpoints in (("mq", there), ("unreached", {}))
    }
    context = Broker(Path(), brokers, Path(), answers={f"mq/{q}": n for q, n in answers.items()})
    worker = Target("worker", "process", config, {}, states, Words(found=said))
    return asyncio.run(probe(worker, context, Deadline.after(5)))


READY = (State.READY,)
JOBS = {"mq": "jobs"}


@pytest.mark.parametrize(
    ("states", "health", "cause"),
    [
        (READY, Health.HEALTHY, None),
        ((State.READY, State.READY), Health.HEALTHY, None),
        ((State.EXITED,), Health.UNHEALTHY, Cause.EXITED),
        ((State.FAILED,), Health.UNHEALTHY, Cause.EXITED),
        ((State.STOPPED,), Health.UNHEALTHY, Cause.STOPPED),
        ((State.PAUSED,), Health.UNHEALTHY, Cause.STOPPED),
        ((State.READY, State.EXITED), Health.UNHEALTHY, Cause.EXITED),
        ((State.STARTING,), Health.UNKNOWN, Cause.NOT_MEASURED),
        ((State.WAITING,), Health.UNKNOWN, Cause.NOT_MEASURED),
        ((State.UNREACHABLE,), Health.UNKNOWN, Cause.NOT_MEASURED),
        ((), Health.UNKNOWN, Cause.NOT_MEASURED),
    ],
)
def test_by_states_alone(states, health, cause):
    result = look(states)
    assert (result.health, result.cause) == (health, cause)
    if health is not Health.HEALTHY:
        assert result.expected
        assert result.found
        assert result.fix


@pytest.mark.parametrize("states", [READY, (State.STARTING,), ()])
@pytest.mark.parametrize(
    ("count", "health", "cause"),
    [
        (1, Health.HEALTHY, None),
        (0, Health.UNHEALTHY, Cause.NO_CONSUMER),
        (LookupError("no such queue"), Health.UNHEALTHY, Cause.NO_CONSUMER),
        (KeyError("a slip"), Health.UNKNOWN, Cause.NOT_MEASURED),
        (ConnectionRefusedError(), Health.UNKNOWN, Cause.NOT_MEASURED),
    ],
)
def test_by_what_it_consumes(states, count, health, cause):
    result = look(states, JOBS, jobs=count)
    assert (result.health, result.cause) == (health, cause)
    assert health is Health.HEALTHY or "jobs" in result.found
    if health is Health.UNKNOWN:
        assert result.fix == "repair mq first; its log: seatrial logs mq"


def test_every_queue_is_asked():
    result = look((), {"mq": ["jobs", "mails"]}, jobs=2, mails=0)
    assert result.cause is Cause.NO_CONSUMER
    assert "mails on mq" in result.found
    assert "jobs" not in result.found


def test_what_is_said_of_one_that_was_restarted_lately_is_told_too():
    lately = "its container was restarted 3 times; its log: NOT_FOUND - no queue 'jobs'"
    restarted = look((State.STARTING,), JOBS, said=lately, jobs=LookupError())
    assert restarted.found == f"it runs, but no consumer on jobs on mq; {lately}"
    assert look(READY, JOBS, jobs=0).found == "it runs, but no consumer on jobs on mq"


def test_a_queue_without_consumers_outweighs_one_that_cannot_be_asked():
    result = look((), {"mq": ["jobs", "mails"]}, jobs=OSError(), mails=0)
    assert result.cause is Cause.NO_CONSUMER


@pytest.mark.parametrize(
    ("error", "why"), [(Trouble(Cause.AUTH, "it said no"), "it said no"), (OSError(), "OSError")]
)
def test_why_a_broker_could_not_be_asked_is_told_in_its_words(error: Exception, why: str) -> None:
    assert look(READY, JOBS, jobs=error).found == f"mq could not be asked who consumes jobs: {why}"


def test_what_its_keeper_knows_is_not_asked_again():
    assert look((State.STOPPED,), JOBS, jobs=5).cause is Cause.STOPPED


def test_a_silent_broker_leaves_it_unknown_in_time():
    began = time.monotonic()
    result = look(READY, JOBS, jobs=lambda: None)
    assert (result.health, result.cause) == (Health.UNKNOWN, Cause.NOT_MEASURED)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("name", ["unreached", "elsewhere"])
def test_a_broker_that_has_no_endpoint_here(name):
    result = look(READY, {name: "jobs"})
    assert (result.health, result.cause) == (Health.UNKNOWN, Cause.NOT_MEASURED)
    assert result.found.startswith(f"{name} has no endpoint here")
    assert result.fix == f"say where {name} is reached: the endpoint of {name}"


@pytest.mark.parametrize("consumes", [{"mq": ""}, {"mq": []}, {"mq": ["a", ""]}])
def test_queues_without_a_name_are_refused(consumes):
    with pytest.raises(ValidationError):
        ProcessConfig.model_validate({"consumes": consumes})
