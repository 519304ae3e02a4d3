"""Every part is there, connected, and says so in time."""

from __future__ import annotations

from time import perf_counter

import pytest

pytestmark = [pytest.mark.budget(10, name="health trials"), pytest.mark.read_only]


@pytest.mark.criterion("AC-09", "AC-10")
@pytest.mark.needs("api")
def test_the_api_is_healthy_within_two_seconds(http):
    began = perf_counter()
    response = http.health()
    assert perf_counter() - began < 2.0
    health = response.json()
    assert response.status_code == 200, health
    assert health["database_status"] == "connected"
    assert health["queue_status"] == "connected"
    assert health["status"] == "healthy"


@pytest.mark.needs("api")
def test_the_api_is_alive(http):
    assert http.get("/livez").status_code == 200


def test_the_schema_is_the_one_that_the_api_expects(http, db_client):
    schema = http.health().json()["schema_version"]
    assert schema["found"] == schema["expected"]
    assert db_client.sql.value("SELECT version_num FROM alembic_version") == schema["expected"]


@pytest.mark.needs("postgres")
def test_the_database_answers_a_query(db_client):
    began = perf_counter()
    assert db_client.sql.value("SELECT 1 + 1") == 2
    assert perf_counter() - began < 2.0


@pytest.mark.needs("rabbitmq")
def test_the_broker_accepts_amqp_connections(queue_client):
    began = perf_counter()
    assert queue_client.check_queue_exists()
    assert perf_counter() - began < 2.0


@pytest.mark.needs("rabbitmq")
def test_the_broker_accepts_management_connections(queue_client):
    assert queue_client.get_queue_info().durable is True


@pytest.mark.needs("rabbitmq", "worker")
def test_a_worker_consumes_the_queue(queue_client):
    assert queue_client.get_consumer_count() >= 1
