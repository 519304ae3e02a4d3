"""What is expected of HTTP services, held against real answers."""

from __future__ import annotations

import asyncio

import pytest
from http_pages import Pages, target
from pydantic import ValidationError

from seatrial.kinds.base import Endpoint
from seatrial.kinds.http.config import HttpConfig, HttpExpect
from seatrial.kinds.http.expectations import check
from seatrial.outcome import Cause, Outcome, Priority
from seatrial.waiting import Deadline

FAILED = (Outcome.FAILED, Cause.WRONG_ANSWER)
WELL = {"status": "healthy", "parts": {"db": "connected", "n.b": 1}, "list": [1, 2], "on": True}
WELL["pairs"] = [{"n": 1}]


async def held(endpoint: Endpoint, context, expect: dict | None, **config):
    model = HttpExpect.model_validate(expect) if expect is not None else None
    results = await check(target(endpoint, **config), model, context, Deadline.after(5))
    return {result.id: result for result in results}


@pytest.mark.asyncio
async def test_nothing_declared_nothing_checked(serve, context):
    pages = Pages({})
    assert await held(await serve(pages), context, None) == {}
    assert pages.asked == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "wanted",
    [
        {"status": "healthy"},
        {"parts": {"db": "connected"}},
        {"parts": {"n.b": 1}},
        {"list": [1, 2]},
        {"on": True},
    ],
)
async def test_content_that_is_there(serve, context, wanted):
    results = await held(await serve(Pages({"/health": (200, WELL)})), context, {"json": wanted})
    (result,) = results.values()
    assert result.outcome is Outcome.PASSED, result.found
    assert result.id == f"api.health.json.{next(iter(wanted))}"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"status": "well"}, 'status: "healthy"'),
        ({"parts": {"db": "down"}}, 'parts.db: "connected"'),
        ({"parts": {"n.b": 2}}, "parts.n.b: 1"),
        ({"parts": {"cache": "up"}}, "parts.cache is missing"),
        ({"parts": "up"}, "parts: {"),
        ({"list": [1]}, "list: [1, 2]"),
        ({"on": 1}, "on: true"),
        ({"list": [True, 2]}, "list: [1, 2]"),
        ({"pairs": [{"n": True}]}, 'pairs: [{"n": 1}]'),
        ({"off": None}, "off is missing"),
    ],
)
async def test_content_that_differs(serve, context, wanted, found):
    results = await held(await serve(Pages({"/health": (200, WELL)})), context, {"json": wanted})
    (result,) = results.values()
    assert (result.outcome, result.cause) == (Outcome.FAILED, Cause.WRONG_ANSWER)
    assert result.priority is Priority.P1
    assert found in result.found
    assert result.fix


@pytest.mark.asyncio
async def test_an_answer_that_is_no_json(serve, context):
    endpoint = await serve(Pages({"/health": (200, "all well")}))
    results = await held(endpoint, context, {"json": {"status": "ok"}, "status": 204})
    assert {(r.outcome, r.cause) for r in results.values()} == {FAILED}
    assert "no JSON: all well" in results["api.health.json.status"].found
    assert results["api.health.status"].found == "200"


@pytest.mark.asyncio
async def test_what_gets_no_answer_is_not_measured(free_port, context):
    expect = {"status": 200, "json": {"a": 1}, "max_response_ms": 50, "openapi": "/openapi.json"}
    endpoint = Endpoint("http", "127.0.0.1", free_port)
    results = await held(endpoint, context, expect, live="/livez")
    assert list(results) == [
        "api.live",
        "api.health.status",
        "api.health.json.a",
        "api.health.max_response_ms",
        "api.openapi",
    ]
    assert {r.outcome for r in results.values()} == {Outcome.NOT_MEASURED}
    assert {r.cause for r in results.values()} == {Cause.NOT_MEASURED}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("delays", "outcome"), [([0.6, 0.0], Outcome.PASSED), ([0.55] * 3, Outcome.FAILED)]
)
async def test_the_best_of_three_counts(serve, context, delays, outcome):
    waits = iter(delays)
    pages = Pages({"/health": (200, "ok")})

    async def late(reader, writer):
        await asyncio.sleep(next(waits))
        await pages(reader, writer)

    results = await held(await serve(late), context, {"max_response_ms": 500})
    result = results["api.health.max_response_ms"]
    assert (result.outcome, result.priority) == (outcome, Priority.P2)
    assert len(pages.asked) == len(delays)
    if outcome is Outcome.FAILED:
        assert result.cause is Cause.SLOW


BIG = {"openapi": "3.1.0", "paths": {"/x": {"get": {"description": "long " * 40_000}}}}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("page", "outcome", "found"),
    [
        ((200, BIG), Outcome.PASSED, ""),
        ((404, ""), Outcome.FAILED, "404"),
        ((200, "<html>"), Outcome.FAILED, "no JSON"),
        ((200, {"hello": 1}), Outcome.FAILED, "no key"),
        ((200, {"openapi": "3.1.0", "paths": {}}), Outcome.FAILED, "no paths"),
    ],
)
async def test_the_openapi_document(serve, context, page, outcome, found):
    endpoint = await serve(Pages({"/openapi.json": page}))
    results = await held(endpoint, context, {"openapi": "/openapi.json"})
    assert results["api.openapi"].outcome is outcome
    assert results["api.openapi"].cause is (None if outcome is Outcome.PASSED else FAILED[1])
    assert found in results["api.openapi"].found


@pytest.mark.asyncio
@pytest.mark.parametrize(("status", "outcome"), [(204, Outcome.PASSED), (503, Outcome.FAILED)])
async def test_the_liveness_path(serve, context, status, outcome):
    endpoint = await serve(Pages({"/livez": (status, "")}))
    results = await held(endpoint, context, None, live="/livez")
    assert results["api.live"].outcome is outcome
    assert results["api.live"].cause is (None if outcome is Outcome.PASSED else FAILED[1])


@pytest.mark.parametrize(
    "wrong",
    [{}, {"json": {}}, {"status": 1}, {"max_response_ms": 0}, {"openapi": "x"}, {"statuss": 200}],
)
def test_expectations_that_are_refused(wrong):
    with pytest.raises(ValidationError):
        HttpExpect.model_validate(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"health": "health"},
        {"health": "/he alth"},
        {"port": 8000, "replicas": 2},
        {"port": 0},
        {"version": "newest", "health": "/health"},
        {"version": ">=1"},
        {"ready": "soon"},
        {"healht": "/health"},
    ],
)
def test_configurations_that_are_refused(wrong):
    with pytest.raises(ValidationError):
        HttpConfig.model_validate(wrong)
