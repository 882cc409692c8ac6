"""Routes that answer in one thread hop say what FastAPI's own road says."""

from uuid import uuid4

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from app.api.one_hop import OneHop
from app.main import create_app
from tests.conftest import serve
from tests.factories import found, shoot, visit

JSON = {"Content-Type": "application/json"}
ID = str(uuid4())


@pytest.fixture
def plain_client(runtime) -> TestClient:
    """The same service with every route on FastAPI's own road."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OneHop, "get_route_handler", APIRoute.get_route_handler)
        made = serve(create_app(runtime), runtime)
        assert made.get("/nowhere").status_code == 404  # a request that every router saw: the roads are laid
    return made


def told(answer):
    body = answer.json()
    body.pop("trace_id", None)
    return answer.status_code, body, answer.headers.get("etag"), answer.headers["content-type"]


@pytest.mark.parametrize(
    "path",
    [
        "/hazards",
        "/hazards?limit=1&limit=2&sort=found_at",
        "/hazards?status=closed&status=rectifying&overdue=true",
        "/hazards?status=closed&status=nonsense&limit=0&overdue=perhaps",
        "/hazards?unknown=1&limit=x",
        "/hazards?as_of=2999-01-01",
        "/hazards?cursor=nonsense",
        "/hazards?q=",
        "/hazards?q=%00",
        f"/hazards?premises_id={ID}&category=%E7%96%8F%E6%95%A3",
        f"/hazards/{ID}",
        f"/hazards/{ID}?limit=1",
        "/hazards/no-id",
    ],
)
@pytest.mark.parametrize("headers", ["own", {}, {"Authorization": "Bearer nonsense"}], ids=["own", "none", "unknown"])
def test_a_read_is_answered_alike(client, plain_client, street, path, headers):
    headers = street.office.headers if headers == "own" else headers
    assert told(client.get(path, headers=headers)) == told(plain_client.get(path, headers=headers))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", f"/inspections/{ID}"),
        ("PUT", "/inspections/no-id"),
        ("POST", f"/hazards/{ID}/comments"),
        ("POST", "/hazards/no-id/voids"),
    ],
)
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{}", JSON),
        (b"[]", JSON),
        (b"null", JSON),
        (b'{"a": 1, "a": 2}', JSON),
        (b'{"id": 7, "unknown": [], "note": "\xe6\x9f\xa5", "hazards": [{"id": "x"}], "started_at": 5}', JSON),
        (b"{", JSON),
        (b"", JSON),
        (b"{}", {"Content-Type": "text/plain"}),
        (b"{}", {}),
    ],
)
def test_a_write_is_refused_alike(client, plain_client, street, method, path, content, kind):
    for who in (street.inspector.headers, {}):
        answers = [one.request(method, path, content=content, headers=who | kind) for one in (client, plain_client)]
        assert told(answers[0]) == told(answers[1])
        assert answers[0].status_code >= 400


def test_a_submission_has_one_hash_on_both_roads(client, plain_client, street, clock):
    shot = shoot(at=clock())
    body = visit(street.shop.id, clock(), hazards=[found([shot], clock())], shots=[shot])
    first, again = (
        one.put(f"/inspections/{ID}", json=body, headers=street.inspector.headers) for one in (client, plain_client)
    )
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
