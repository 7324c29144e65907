"""An agent that keeps what it wrote, and reads what others uploaded."""
import json

from support.events import Events
from support.language_model import LanguageModel, told_to_use

REPORT = "# Sales\n\nÜber Plan.\n"


def run(server, admin, agent, tool):
    admin.client.patch(f"/agents/{agent['id']}", json={"enabled_tools": ["file_read", "file_write"]}).raise_for_status()
    with Events(server, admin.token, "task.*") as events:
        task = admin.client.post("/tasks", json={"title": "t", "instructions": f"Use {tool}.", "agent_id": agent["id"]}).json()
        assert events.wait("task.completed", id=task["id"])["data"]["result"] == "Done."
    return task


def test_an_agent_writes_a_file_of_its_task(agent_on, tmp_path):
    with LanguageModel(tmp_path, told_to_use("file_write", {"filename": "../sales.md", "content": REPORT})) as model:
        server, admin, agent = agent_on(model)
        task = run(server, admin, agent, "file_write")
        [file] = admin.client.get("/files", params={"task_id": task["id"]}).json()["items"]
        assert (file["filename"], file["uploaded_by"]) == ("sales.md", agent["id"])
        assert admin.client.get(f"/files/{file['id']}/download").text == REPORT


def test_an_agent_reads_a_file(agent_on, tmp_path):
    with LanguageModel(tmp_path, told_to_use("nothing", {})) as unused:
        server, admin, agent = agent_on(unused)
        file = admin.client.post("/files/upload", files={"file": ("sales.md", REPORT.encode())}).json()
    with LanguageModel(tmp_path, told_to_use("file_read", {"file_id": file["id"]}), port=unused.port) as model:
        run(server, admin, agent, "file_read")
        answer = json.loads(model.requests()[1]["messages"][-1]["content"])
    assert (answer["content"], answer["encoding"], answer["filename"]) == (REPORT, "utf-8", "sales.md")
