import pytest

from support import accounts

PRICES = {"gpt-test": {"input": 2.5, "output": 10}}
# One text in a request, so that the server can tell them apart.
EMBEDDINGS = """[plugin.llm-openai]
base_url = "{url}/v1"
embedding_model = "embed-test"
embedding_batch = 1
"""


@pytest.fixture
def agent_on(own_server_on_each, tmp_path):
    """agent_on(model): on each store, a server with that model as its provider, its admin, and an agent that works."""
    def make(model, prices=PRICES, **environment):
        lines = ["[plugin.llm-openai]", f'base_url = "{model.url}/v1"', 'default_model = "gpt-test"']
        for name, price in prices.items():
            lines.append(f'prices.{name} = {{ input = {price["input"]}, output = {price["output"]} }}')
        configuration = tmp_path / "openai.toml"
        configuration.write_text("\n".join(lines) + "\n")
        server = own_server_on_each("--config", configuration, OPENAI_API_KEY="sk-for-tests", **environment)
        admin = accounts.first_admin(server)
        agent = admin.client.post("/agents", json={
            "name": "model", "llm_provider": "openai", "enabled_tools": ["calculator"], "system_prompt": "Be exact."})
        assert agent.status_code == 201, agent.text
        assert admin.client.post(f"/agents/{agent.json()['id']}/start").status_code == 200
        return server, admin, agent.json()
    return make


@pytest.fixture
def knowledge_on(own_server_on_each, tmp_path):
    """knowledge_on(model): on each store, a server that has its embeddings from there, and its admin's client."""
    def make(model):
        configuration = tmp_path / "embeddings.toml"
        configuration.write_text(EMBEDDINGS.format(url=model.url))
        server = own_server_on_each("--config", configuration, OPENAI_API_KEY="sk-for-tests")
        server.admin = accounts.first_admin(server)
        return server, server.admin.client
    return make
