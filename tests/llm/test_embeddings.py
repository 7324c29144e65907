"""Knowledge found by its meaning: the real program, and a server that speaks OpenAI's embeddings."""
import pytest

from support import accounts
from support.language_model import LanguageModel
from support.metrics import wait_for_metric

# Of two dimensions: driving, and the rest.
DRIVING, REST = [0.9, 0.1], [0.1, 0.9]
ANSWERS = [{"match": {"inputText": word}, "response": {"embedding": DRIVING}} for word in ("automobile", "vehicle")]
ANSWERS.append({"match": {"inputText": "trout"}, "response": {"embedding": REST}})


def add(client, title, content):
    answer = client.post("/knowledge", json={"title": title, "content": content})
    assert answer.status_code == 201, answer.text
    return answer.json()


def titles(client, text, **parameters):
    answer = client.get("/knowledge", params={"search": text, **parameters})
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


def test_what_means_the_same_is_found(knowledge_on, tmp_path):
    with LanguageModel(tmp_path, ANSWERS) as model:
        server, client = knowledge_on(model)
        add(client, "Garage", "The automobile is washed on Mondays.")
        add(client, "Kitchen", "The trout is cooked on Fridays.")
        add(client, "Cellar", "Far from any vehicle.")
        wait_for_metric(server, "atrium_knowledge_vectors", 3)
        assert titles(client, "vehicle", limit=2) == ["Cellar", "Garage"], "words and meaning, then meaning"
        assert titles(client, '"some vehicle"') == [], "a phrase is looked for in the words alone"
        found = client.get("/knowledge", params={"search": "vehicle", "limit": 2}).json()
        assert found["total"] == 3
        # Reciprocal rank fusion: first of the words, and of the nearest as far as they are told apart.
        assert [item["score"] for item in found["items"]] == pytest.approx([1 / 61 + 1 / 61, 1 / 62])
        assert found["items"][1]["passage"] == "The automobile is washed on Mondays."
        assert "sk-for-tests" not in "".join(server.log)


def test_without_a_provider_words_alone_find(own_server_on_each):
    client = accounts.first_admin(own_server_on_each()).client
    add(client, "Garage", "The automobile is washed on Mondays.")
    add(client, "Cellar", "Far from any vehicle.")
    assert titles(client, "vehicle") == ["Cellar"]


def test_a_server_that_goes_away_leaves_the_words(knowledge_on, tmp_path):
    with LanguageModel(tmp_path, ANSWERS) as model:
        server, client = knowledge_on(model)
        add(client, "Garage", "The automobile is washed on Mondays.")
        add(client, "Cellar", "Far from any vehicle.")
        wait_for_metric(server, "atrium_knowledge_vectors", 2)
    assert titles(client, "vehicle") == ["Cellar"]
    server.wait_for("Searching by words alone")


def test_a_limited_server_is_asked_again(knowledge_on, tmp_path):
    """429 with Retry-After: passages get their vectors when the server answers."""
    with LanguageModel(tmp_path, ANSWERS, "--chaos-ratelimit", "1") as limited:
        server, client = knowledge_on(limited)
        add(client, "Garage", "The automobile is washed on Mondays.")
        limited.asked("/embeddings")
        limited.__exit__()
        with LanguageModel(tmp_path, ANSWERS, port=limited.port) as model:
            wait_for_metric(server, "atrium_knowledge_vectors", 1)
            assert titles(client, "vehicle") == ["Garage"]
            assert {request["model"] for request in model.requests("/embeddings")} == {"embed-test"}
