"""Search by words and by meaning together is exact: it finds what comparing every entry by hand finds, in its order."""
import collections
import math
import random
import re

import pytest

from support import corpus
from support.language_model import LanguageModel
from support.metrics import wait_for_metric

ENTRIES, DIMENSIONS = 200, 16
NEAREST, CONSTANT = 100, 60  # how many entries count by their meaning, and what reciprocal rank fusion adds to a rank

def similarity(one, other):
    return sum(a * b for a, b in zip(one, other)) / math.hypot(*one) / math.hypot(*other)


def title(number):
    return f"Entry-{number:03}"


@pytest.fixture(scope="module")
def texts():
    return [text[:400] for text in corpus.real_texts(ENTRIES)]  # of one passage each


@pytest.fixture(scope="module")
def queries(texts):
    """The longer first: the model takes a text for the first one that it contains."""
    documents = collections.Counter(word for text in texts for word in set(re.findall(r"[a-z]{6,}", text)))
    common = [word for word, _ in documents.most_common(6)]
    return sorted([" ".join(common[:2]), *common, "zebra"], key=len, reverse=True)


@pytest.fixture(scope="module")
def meanings(queries):
    """A vector for each entry and each query, none like another."""
    draw = random.Random(1)
    return {name: [draw.gauss(0, 1) for _ in range(DIMENSIONS)]
            for name in [title(number) for number in range(ENTRIES)] + queries}


@pytest.fixture(scope="module")
def model(tmp_path_factory, meanings):
    answers = [{"match": {"inputText": name}, "response": {"embedding": vector}} for name, vector in meanings.items()]
    with LanguageModel(tmp_path_factory.mktemp("model"), answers, "--journal-max", "1") as model:
        yield model


@pytest.fixture
def client(knowledge_on, model, texts):
    """An admin's, where every entry has its vector; every other one is of the category "even"."""
    server, client = knowledge_on(model)
    corpus.add(server, server.admin.token, [
        {"title": title(number), "content": text, "category": "odd" if number % 2 else "even"}
        for number, text in enumerate(texts)])
    wait_for_metric(server, "atrium_knowledge_vectors", ENTRIES)
    return client


def found(client, text, **parameters):
    answer = client.get("/knowledge", params={"search": text, "limit": 200, **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


def by_hand(words, nearest):
    """Scores by title of two rankings, fused; equal scores: the newer entry first."""
    scores = {}
    for ranking in (words, nearest):
        for rank, name in enumerate(ranking, 1):
            scores[name] = scores.get(name, 0) + 1 / (CONSTANT + rank)
    return sorted(scores.items(), key=lambda item: (item[1], item[0]), reverse=True)


def test_as_brute_force_finds(client, meanings, queries):
    fused = 0
    for query in queries:
        for category, names in ({}, range(ENTRIES)), ({"category": "even"}, range(0, ENTRIES, 2)):
            # What excludes something is looked for in the words alone.
            words = [item["title"] for item in found(client, query + " -qzqzqz", **category)["items"]]
            nearest = sorted(map(title, names), reverse=True,
                             key=lambda name: similarity(meanings[name], meanings[query]))
            expected = by_hand(words, nearest[:NEAREST])
            answer = found(client, query, **category)
            assert answer["total"] == len(expected)
            assert [item["title"] for item in answer["items"]] == [name for name, _ in expected], query
            assert [item["score"] for item in answer["items"]] == pytest.approx([score for _, score in expected])
            fused += len(set(words) & set(nearest[:NEAREST]))
    assert fused > 20, "words and meaning had entries in common"


def test_what_is_gone_leaves_no_gap(client, meanings, queries):
    """The first search after removals counts as many entries by their meaning as any other."""
    query = queries[-1]
    gone = found(client, query)["items"][:ENTRIES // 5]
    for item in gone:
        assert client.delete(f"/knowledge/{item['id']}").status_code == 204
    left = {title(number) for number in range(ENTRIES)} - {item["title"] for item in gone}
    words = [item["title"] for item in found(client, query + " -qzqzqz")["items"]]
    nearest = sorted(left, key=lambda name: similarity(meanings[name], meanings[query]), reverse=True)[:NEAREST]
    assert [item["title"] for item in found(client, query)["items"]] == [name for name, _ in by_hand(words, nearest)]
