"""Messages between agents, and to channels."""
import secrets
import uuid

import pytest

from support.problems import pointers, problem



@pytest.fixture
def pair(new_agent):
    return new_agent()["id"], new_agent()["id"]


def send(client, **members):
    return client.post("/messages/send", json={"subject": "Hello", "body": "How are you?", **members})


def test_to_an_agent(member, pair, listen):
    events = listen("message.*")
    sender, recipient = pair
    answer = send(member.client, sender_agent_id=sender, recipient_agent_id=recipient)
    assert answer.status_code == 201
    message = answer.json()
    assert (message["is_read"], message["read_at"]) == (False, None)
    assert answer.headers["location"].endswith(message["id"])
    assert member.client.get(f"/messages/{message['id']}").json() == message
    assert events.wait("message.new", id=message["id"])["data"] == message
    for agent in pair:
        listed = member.client.get("/messages", params={"agent_id": agent}).json()
        assert [item["id"] for item in listed["items"]] == [message["id"]]


def test_to_a_channel(member, pair):
    channel = "channel-" + secrets.token_hex(4)
    message = send(member.client, sender_agent_id=pair[0], channel=channel).json()
    listed = member.client.get("/messages", params={"channel": channel}).json()
    assert [item["id"] for item in listed["items"]] == [message["id"]]


def test_either_agent_or_channel(member, pair):
    problem(send(member.client, sender_agent_id=pair[0]), 422)
    problem(send(member.client, sender_agent_id=pair[0], recipient_agent_id=pair[1], channel="both"), 422)


def test_unknown_agents(member, pair):
    unknown = str(uuid.uuid4())
    assert "/sender_agent_id" in pointers(send(member.client, sender_agent_id=unknown, recipient_agent_id=pair[1]))
    assert "/recipient_agent_id" in pointers(send(member.client, sender_agent_id=pair[0], recipient_agent_id=unknown))


def test_reading_twice_keeps_the_first_time(member, pair):
    message = send(member.client, sender_agent_id=pair[0], recipient_agent_id=pair[1]).json()
    problem(member.client.patch(f"/messages/{message['id']}/read", headers={"If-Match": '"7"'}), 412)
    first = member.client.patch(f"/messages/{message['id']}/read")
    assert (first.status_code, first.json()["is_read"]) == (200, True)
    again = member.client.patch(f"/messages/{message['id']}/read").json()
    assert again["read_at"] == first.json()["read_at"]


def test_reading_what_is_not_there(member):
    problem(member.client.patch(f"/messages/{uuid.uuid4()}/read"), 404)
