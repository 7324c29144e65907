"""An agent on the real program, with a language model that speaks OpenAI's protocol."""
from support.events import Events
from support.language_model import LanguageModel

INSTRUCTIONS = "Use the calculator for 12 * 7 + 3, then say the result."
RESULT = "The calculator says that it is 87, which I have no reason to doubt."
ANSWERS = [
    {"match": {"userMessage": "calculator", "hasToolResult": False},
     "response": {"toolCalls": [{"id": "call_1", "name": "calculator", "arguments": '{"expression": "12 * 7 + 3"}'}],
                  "usage": {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150}}},
    {"match": {"userMessage": "calculator", "hasToolResult": True},
     "response": {"content": RESULT, "usage": {"prompt_tokens": 200, "completion_tokens": 11, "total_tokens": 211}}},
]
COST_USD = 0.00121  # (120 + 200) * 2.5 / 1e6 + (30 + 11) * 10 / 1e6


def new_task(admin, agent, **members):
    answer = admin.client.post("/tasks", json={
        "title": "Sum", "instructions": INSTRUCTIONS, "agent_id": agent["id"], **members})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_two_steps_with_a_tool(agent_on, tmp_path):
    with LanguageModel(tmp_path, ANSWERS, "--chunk-size", "3") as model:
        server, admin, agent = agent_on(model)
        with Events(server, admin.token, "task.*") as events:
            task = new_task(admin, agent)
            done = events.wait("task.completed", id=task["id"])["data"]
        assert done["result"] == RESULT
        assert (done["input_tokens"], done["output_tokens"], done["cost_usd"]) == (320, 41, COST_USD)
        first, second = model.requests()
        assert first["stream"] is True and first["model"] == "gpt-test"
        assert first["messages"][0] == {"role": "system", "content": "Be exact."}
        assert [tool["function"]["name"] for tool in first["tools"]] == ["calculator"]
        assert [message["role"] for message in second["messages"]] == ["system", "user", "assistant", "tool"]
        assert (second["messages"][3]["tool_call_id"], second["messages"][3]["content"]) == ("call_1", "87")
        assert "sk-for-tests" not in "".join(server.log)


def test_without_a_price_nothing_is_made_up(agent_on, tmp_path):
    with LanguageModel(tmp_path, ANSWERS) as model:
        server, admin, agent = agent_on(model, prices={})
        with Events(server, admin.token, "task.*") as events:
            task = new_task(admin, agent)
            done = events.wait("task.completed", id=task["id"])["data"]
        assert (done["input_tokens"], done["cost_usd"]) == (320, 0)


def test_a_limited_model_is_asked_again(agent_on, tmp_path):
    """429 with Retry-After: the agent waits, and goes on when the model answers."""
    with LanguageModel(tmp_path, ANSWERS, "--chaos-ratelimit", "1") as limited:
        server, admin, agent = agent_on(limited)
        with Events(server, admin.token, "task.*") as events:
            task = new_task(admin, agent, max_retries=20)
            limited.asked()
            limited.__exit__()
            with LanguageModel(tmp_path, ANSWERS, port=limited.port):
                done = events.wait("task.completed", id=task["id"])["data"]
        assert (done["result"], done["cost_usd"]) == (RESULT, COST_USD)


def test_a_model_that_stays_limited_fails_the_task(agent_on, tmp_path):
    with LanguageModel(tmp_path, ANSWERS, "--chaos-ratelimit", "1") as model:
        server, admin, agent = agent_on(model)
        with Events(server, admin.token, "task.*") as events:
            task = new_task(admin, agent, max_retries=0)
            failed = events.wait("task.failed", id=task["id"])["data"]
        assert "429" in failed["error"] and model.url in failed["error"]
        assert len(model.requests()) == 6


def test_what_the_model_refuses_is_told(agent_on, tmp_path):
    refusal = [{"match": {"userMessage": "calculator"}, "response": {"error": {"message": "no such model", "type": "x"}, "status": 404}}]
    with LanguageModel(tmp_path, refusal) as model:
        server, admin, agent = agent_on(model)
        with Events(server, admin.token, "task.*") as events:
            task = new_task(admin, agent)
            failed = events.wait("task.failed", id=task["id"])["data"]
        assert "404: no such model" in failed["error"]
        assert len(model.requests()) == 1
