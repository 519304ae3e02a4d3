"""What brokers of several versions say when they refuse, of which one is installed here.

Of AMQP, 3.10, 3.13 and 4 say the same; of the management API, the later ones say `not_authorized`
with a reason of its own where the earlier ones say `not_authorised` and `Login failed`.
"""

from __future__ import annotations

import json

import pytest

from seatrial.kinds.base import Endpoint
from seatrial.kinds.http.wire import Answer
from seatrial.kinds.rabbitmq.management import Management
from seatrial.kinds.rabbitmq.wire import _refusal
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause
from seatrial.waiting import Deadline

_REFUSED = "NOT_ALLOWED - access to vhost '{}' refused for user '{}'"


@pytest.mark.parametrize(
    ("code", "text", "cause"),
    [
        (
            403,
            "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN",
            Cause.AUTH,
        ),
        (530, "NOT_ALLOWED - vhost jobs not found", Cause.WRONG_VHOST),
        (530, "NOT_ALLOWED - vhost  not found", Cause.WRONG_VHOST),
        (530, "NOT_ALLOWED - vhost limit not found", Cause.WRONG_VHOST),
        (530, _REFUSED.format("jobs", "me"), Cause.NOT_AUTHORISED),
        (530, _REFUSED.format("limit", "limit"), Cause.NOT_AUTHORISED),
        (530, _REFUSED.format("not found", "not found"), Cause.NOT_AUTHORISED),
        (530, f"{_REFUSED.format('j', 'me')}: connection limit (5) is reached", Cause.EXHAUSTED),
        (
            530,
            f"{_REFUSED.format('j', 'me')}: vhost connection limit (5) is reached",
            Cause.EXHAUSTED,
        ),
        (
            530,
            "NOT_ALLOWED - Connection refused for user 'me': user connection limit (5) is reached",
            Cause.EXHAUSTED,
        ),
        (530, "NOT_ALLOWED - in words that nobody knows yet", Cause.NOT_AUTHORISED),
    ],
)
def test_a_connection_that_is_refused(code: int, text: str, cause: Cause) -> None:
    trouble = _refusal(code, text)
    assert trouble.cause is cause
    assert text in trouble.found


@pytest.mark.parametrize(
    ("error", "reason", "cause"),
    [
        ("not_authorised", "Login failed", Cause.AUTH),
        ("not_authorized", "Not_Authorized", Cause.AUTH),
        ("not_authorised", "User can only log in via localhost", Cause.AUTH),
        ("not_authorised", "Not management user", Cause.NOT_AUTHORISED),
        ("not_authorized", "Not monitor user", Cause.NOT_AUTHORISED),
        ("not_authorised", "User not authorised to access virtual host", Cause.NOT_AUTHORISED),
        ("not_authorized", "User not authorized to access virtual host", Cause.NOT_AUTHORISED),
        ("not_authorised", "Nothing is known of this user", Cause.AUTH),
    ],
)
def test_a_request_that_is_refused(error: str, reason: str, cause: Cause) -> None:
    asked = Management(Endpoint("http", "127.0.0.1", 1, user="me"), Deadline.after(1))
    body = json.dumps({"error": error, "reason": reason}).encode()
    with pytest.raises(Trouble) as refused:
        asked._read(Answer(401, {}, body, complete=True))
    assert refused.value.cause is cause
