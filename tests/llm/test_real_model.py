"""An agent whose words come from a real model, token by token: `packaging/check --with-model MODEL.gguf`."""
import os

import pytest

from support.events import Events
from support.language_model import RealModel

MODEL = os.environ.get("ATRIUM_TEST_MODEL", "")
pytestmark = pytest.mark.skipif(not MODEL, reason="asked for by packaging/check --with-model")


def test_an_agent_tells_a_story(agent_on):
    with RealModel(MODEL) as model:
        server, admin, agent = agent_on(model)
        changed = admin.client.patch(f"/agents/{agent['id']}", json={"enabled_tools": [], "system_prompt": ""})
        assert changed.status_code == 200, changed.text
        with Events(server, admin.token, "task.*") as events:
            told = []
            for _ in range(2):
                task = admin.client.post("/tasks", json={
                    "title": "Tell a story", "agent_id": agent["id"],
                    "instructions": "Once upon a time, there was a little girl named"}).json()
                told.append(events.wait("task.completed", id=task["id"])["data"])
    first, second = told
    assert len(first["result"].split()) > 10
    assert first["result"] == second["result"], "at temperature 0 a model says the same again"
    assert first["input_tokens"] > 5 and first["output_tokens"] > 10
