"""The time limits of the specification."""

from __future__ import annotations

from time import perf_counter

import pytest

pytestmark = pytest.mark.needs("api", "postgres", "rabbitmq", "worker")


@pytest.mark.criterion("AC-83")
def test_an_id_within_half_a_second(api_client):
    began = perf_counter()
    api_client.submit_task()
    assert perf_counter() - began < 0.5


@pytest.mark.criterion("AC-83")
def test_done_within_ten_seconds(api_client, completed):
    began = perf_counter()
    completed(api_client.submit_task().task_id, timeout=10)
    assert perf_counter() - began < 10


@pytest.mark.criterion("AC-83")
def test_ten_submissions_accepted_within_a_second(api_client):
    began = perf_counter()
    api_client.submit_many(10)
    assert perf_counter() - began < 1.0
