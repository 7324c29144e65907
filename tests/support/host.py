"""A kernel, as whoever manages its plugins sees it."""
from support.packages import granted
from support.program import Atrium

ID = "messages"  # in the part of a stranger's: the release comes without it


class Host(Atrium):
    def install(self, package):
        answer = granted(self.admin.client, package)
        assert answer.status_code == 201, answer.text
        return answer

    def upgrade(self, package, **query):
        return granted(self.admin.client, package, f"/plugins/{ID}/upgrade", **query)

    def shown(self, plugin=ID):
        """What /plugins says of it; empty: it is not there."""
        answer = self.admin.client.get(f"/plugins/{plugin}")
        return answer.json() if answer.status_code == 200 else {}

    def state(self, plugin=ID):
        return self.shown(plugin).get("state")

    def restart(self):
        self.stop()
        self.start()
        self.admin.sign_in()

    def new_message(self):
        """What to send to /messages/send."""
        agents = [self.admin.client.post("/agents", json={"name": name}).json()["id"] for name in ("a", "b")]
        return {"sender_agent_id": agents[0], "recipient_agent_id": agents[1], "subject": "kept", "body": "kept"}
