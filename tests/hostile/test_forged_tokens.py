"""Forged tokens, after RFC 8725: tokens that say something else, and tokens that say it in another spelling.

Each forgery begins with a token that counts, and most are signed with the server's true key: what refuses them must be
what they say, not a signature that is wrong anyway.
"""
import hashlib
import json
import string
import time

import httpx
import pytest

from support import accounts
from support.forger import Forger, compact, decoded, encoded
from support.program import Atrium

OTHER_KEY = b"another key of 32 bytes, for HMAC"[:32]
ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


def algorithms(forger):
    for name in ("none", "None", "nOnE", "NONE", "", "none ", "HS256\0"):
        text = encoded(compact({**forger.header, "alg": name})) + "." + forger.parts[1]
        yield f"alg {name!r} without a signature", text + "."
        yield f"alg {name!r} without a third part", text
        yield f"alg {name!r} with the old signature", text + "." + forger.parts[2]
        yield f"alg {name!r}, signed", forger.signed({**forger.header, "alg": name})
    for name, digest in (("HS384", hashlib.sha384), ("HS512", hashlib.sha512), ("HS1", hashlib.sha1)):
        yield f"alg {name}", forger.signed({**forger.header, "alg": name}, digest=digest)
        yield f"{name} said to be HS256", forger.signed(digest=digest)
    for name in ("hs256", "Hs256", "RS256", "RS384", "RS512", "PS256", "ES256", "ES512", "EdDSA", "dir", "A256KW",
                 "PBES2-HS256+A128KW", "RSA-OAEP", None, 256, True, ["HS256"], {"HS256": 1}):
        yield f"alg {name!r}", forger.signed({**forger.header, "alg": name})
    without = {name: value for name, value in forger.header.items() if name != "alg"}
    yield "no alg", forger.signed(without)


def keys(forger):
    public = b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n"
    for name, key in {"empty": b"", "zeros": bytes(32), "another": OTHER_KEY, "the kid": forger.header["kid"].encode(),
                      "the key in hex": forger.key.hex().encode(), "the key in base64": encoded(forger.key).encode(),
                      "half the key": forger.key[:16], "the key twice": forger.key * 2, "a public key": public,
                      "the issuer": forger.claims["iss"].encode(), "'secret'": b"secret"}.items():
        yield f"signed with {name}", forger.signed(key=key)
        yield f"RS256 signed with {name}", forger.signed({**forger.header, "alg": "RS256"}, key=key)
    others = ["", " ", "0", "1", "../jwt", "../../../../dev/null", "/dev/null", "/proc/sys/kernel/randomize_va_space",
              "jwt.key", "file:///dev/null", "http://127.0.0.1/key", "' OR '1'='1", "x' UNION SELECT 'key' --",
              "'; DROP TABLE users; --", "| cat /etc/passwd", "$(id)", "%s%n", "\0", forger.header["kid"] + "\0",
              forger.header["kid"].swapcase(), forger.header["kid"][:-1], forger.header["kid"] + "x", "presign",
              "audit", "A" * 600, None, 0, True, [forger.header["kid"]], {"$ne": ""}]
    for kid in others:
        header = {**forger.header, "kid": kid}
        yield f"kid {kid!r:.40}", forger.signed(header)
        yield f"kid {kid!r:.40}, the empty key", forger.signed(header, key=b"")
    yield "no kid", forger.signed({"alg": "HS256", "typ": "JWT"})


def headers(forger):
    jwk = {"kty": "oct", "k": encoded(OTHER_KEY), "alg": "HS256"}
    for name, value in {"jwk": jwk, "jku": "http://127.0.0.1/keys.json", "x5u": "http://127.0.0.1/cert.pem",
                        "x5c": ["MIIB"], "x5t": "AAAA", "x5t#S256": "AAAA", "crit": ["exp"], "b64": False,
                        "zip": "DEF", "enc": "A256GCM", "cty": "JWT", "p2c": 2_000_000_000, "exp": 9_999_999_999,
                        "unknown": 1}.items():
        header = {**forger.header, name: value}
        yield f"header {name}", forger.signed(header)
        yield f"header {name}, another key", forger.signed(header, key=OTHER_KEY)
    yield "crit and b64", forger.signed({**forger.header, "crit": ["b64"], "b64": False})
    for typ in ("at+jwt", "jwt", "Jwt", "refresh+jwt", "JWE", "", None):
        yield f"typ {typ!r}", forger.signed({**forger.header, "typ": typ})
    yield "members in another order", forger.signed(dict(reversed(forger.header.items())))
    yield "alg twice", forger.signed(forger.raw_header[:-1] + b',"alg":"none"}')
    yield "alg twice, none first", forger.signed(b'{"alg":"none",' + forger.raw_header[1:])
    yield "alg in escapes", forger.signed(forger.raw_header.replace(b'"HS256"', b'"\\u0048S256"'))


def claims(forger):
    now, own = int(time.time()), forger.claims
    for name in ("iss", "aud"):
        for value in ("", "other", own[name].upper(), own[name] + " ", own[name] + "\0", [own[name]],
                      [own[name], "other"], None, 0, {}):
            yield f"{name} {value!r}", forger.signed(claims={**own, name: value})
    times = {"iat": (now + 3600, now + 2**40, -1, 1.5, str(now), None, 2**64),
             "exp": (0, 1, now - 1, now - 3600, -1, 2**63, 2**64, 1e300, 1.5, str(now + 3600), None, True, [now + 3600])}
    for name, values in times.items():
        for value in values:
            yield f"{name} {value!r}", forger.signed(claims={**own, name: value})
    for name, value in {"nbf": now + 3600, "crit": ["exp"], "scope": "*", "admin": True, "cnf": {"jkt": "x"}}.items():
        yield f"{name} {value!r}", forger.signed(claims={**own, name: value})
    for name in own:
        yield f"no {name}", forger.signed(claims={key: value for key, value in own.items() if key != name})
    for name in ("sub", "sid"):
        for value in ("", "0", "*", "%", "' OR 1=1 --", own[name].upper(), own[name] + "\0", own[name][:-1], None, 1,
                      [own[name]], "00000000-0000-0000-0000-000000000000"):
            yield f"{name} {value!r}", forger.signed(claims={**own, name: value})
    yield "sub and sid exchanged", forger.signed(claims={**own, "sub": own["sid"], "sid": own["sub"]})
    yield from spelled_otherwise(forger)


def spelled_otherwise(forger):
    raw, own = forger.raw_claims, forger.claims
    yield "sub twice", forger.signed(claims=raw[:-1] + b',"sub":"' + own["sub"].encode() + b'"}')
    yield "exp twice", forger.signed(claims=raw[:-1] + b',"exp":9999999999}')
    yield "blanks between members", forger.signed(claims=json.dumps(own).encode())
    yield "a blank behind", forger.signed(claims=raw + b" ")
    yield "a BOM in front", forger.signed(claims=b"\xef\xbb\xbf" + raw)
    yield "UTF-16", forger.signed(claims=raw.decode().encode("utf-16"))
    yield "a name in escapes", forger.signed(claims=raw.replace(b'"sub"', b'"\\u0073ub"'))
    yield "a full-width letter", forger.signed(claims={"ｓub" if name == "sub" else name: own[name] for name in own})
    yield "a NUL behind", forger.signed(claims=raw + b"\0")
    yield "broken UTF-8", forger.signed(claims=raw[:-1] + b',"x":"\xc3("}')
    yield "overlong UTF-8", forger.signed(claims=raw.replace(b'"sub"', b'"\xc1\xb3ub"'))
    for name, text in {"empty": b"", "no object": b"[]", "null": b"null", "a number": b"1", "cut off": raw[:-1],
                       "two": raw + raw, "deep": b"[" * 300, "in a list": b"[" + raw + b"]"}.items():
        yield f"claims {name}", forger.signed(claims=text)
    yield "nested", forger.signed({**forger.header, "cty": "JWT"}, forger.token.encode())
    yield "nested, the same header", forger.signed(claims=forger.token.encode())


def spellings(forger):
    token, (header, body, signature) = forger.token, forger.parts
    for cut in (1, 2, 10, 43, 44, len(token) // 2, len(token) - 1):
        yield f"{cut} characters short", token[:-cut]
        yield f"{cut} characters short in front", token[cut:]
    for name, text in {"padding": "=", "two": "==", "a dot": ".", "a blank inside": " x", "a letter": "A",
                       "itself": "." + token, "NUL": "%00", "a comma": "," + token}.items():
        yield f"{name} behind", token + text
    for part in range(3):
        parts = list(forger.parts)
        parts[part] += "="
        yield f"part {part} padded", ".".join(parts)
        parts[part] = ""
        yield f"part {part} empty", ".".join(parts)
    yield "five parts", ".".join([header, "", body, "", signature])
    yield "two dots", header + ".." + body + "." + signature
    yield "JSON serialisation", json.dumps({"payload": body, "protected": header, "signature": signature})
    yield "a signature of zeros", f"{header}.{body}." + "A" * 43
    yield "the signature in hex", f"{header}.{body}." + decoded(signature).hex()
    yield "halves exchanged", f"{body}.{header}.{signature}"
    yield "all capitals", token.upper()
    yield "too long", f"{header}.{body}{'A' * 5000}.{signature}"
    # The last character of 43 carries two bits that stand for nothing: three other spellings of the same bytes.
    last = ALPHABET.index(signature[-1])
    for spare in range(1, 4):
        yield f"the signature's spare bits {spare}", token[:-1] + ALPHABET[last ^ spare]


def each_character_changed(text):
    for position, character in enumerate(text):
        other = ALPHABET[(ALPHABET.find(character) + 1) % len(ALPHABET)]
        yield f"character {position}", text[:position] + other + text[position + 1:]


KINDS = {"algorithms": algorithms, "keys": keys, "headers": headers, "claims": claims, "spellings": spellings,
         "each character": lambda forger: each_character_changed(forger.token)}


@pytest.fixture(scope="module")
def forger(server, newcomer_of_the_module):
    forger = Forger(server, newcomer_of_the_module.token)
    # Without this no refusal would mean anything.
    assert forger.signed() == forger.token
    return forger


@pytest.fixture(scope="module")
def newcomer_of_the_module(server):
    return accounts.new_user(server, server.admin, "member")


def refused(client, token):
    answer = client.get("/auth/me", headers={b"Authorization": b"Bearer " + token.encode()})
    return (answer.status_code == 401 and answer.headers.get("WWW-Authenticate")
            and answer.headers["Content-Type"] == "application/problem+json")


@pytest.mark.parametrize("kind", KINDS)
def test_no_forgery_counts(server, forger, kind):
    with accounts.anonymous(server) as client:
        accepted = [name for name, token in KINDS[kind](forger) if not refused(client, token)]
        assert not accepted
        assert client.get("/auth/me", headers={"Authorization": "Bearer " + forger.token}).status_code == 200


def test_there_are_many(forger):
    assert len({token for forge in KINDS.values() for _, token in forge(forger)}) >= 500


def test_refresh_tokens_with_a_character_changed(server, newcomer_of_the_module):
    """None counts, and none ends the family: a typing mistake is no theft."""
    account = newcomer_of_the_module.sign_in()
    with accounts.anonymous(server) as client:
        def status(token):
            return client.post("/auth/refresh", json={"refresh_token": token}).status_code

        changed = {name: status(token) for name, token in each_character_changed(account.refresh_token)}
        assert set(changed.values()) == {401}, changed
        assert status(account.refresh_token) == 200
        assert client.get("/auth/me", headers={"Authorization": "Bearer " + account.token}).status_code == 200


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_tokens_of_another_kind(server, newcomer_of_the_module, header):
    """A refresh token, or an API key of the right form that nobody issued, opens nothing."""
    body = "atr_" + "A" * 43
    unknown = body + encoded(hashlib.sha256(body.encode()).digest())[:6]
    with accounts.anonymous(server) as client:
        for token in (newcomer_of_the_module.refresh_token, unknown, "atr_", "atw_", "atf_", "null", "undefined", "*", "%"):
            value = "Bearer " + token if header == "Authorization" else token
            assert client.get("/auth/me", headers={header: value}).status_code == 401, token


def test_api_keys_with_a_character_changed(server, newcomer_of_the_module):
    made = newcomer_of_the_module.client.post("/security/api-keys", json={"name": "forged"})
    assert made.status_code == 201, made.text
    key = made.json()["key"]
    with accounts.anonymous(server) as client:
        accepted = [name for name, other in each_character_changed(key) if not refused(client, other)]
        assert not accepted
        assert client.get("/auth/me", headers={"X-API-Key": key}).status_code == 200


def test_a_token_of_another_installation(server, tmp_path):
    """The same person and the same claims, signed by a server that has keys of its own."""
    with Atrium(tmp_path) as other:
        foreign = accounts.first_admin(other).token
    assert httpx.get(server.api + "/auth/me", headers={"Authorization": "Bearer " + foreign}).status_code == 401


def test_a_role_in_the_token_gives_nothing(server, forger):
    """A role is what the account has now, also where a token with the right signature says another."""
    token = forger.signed(claims={**forger.claims, "role": "admin"})
    with accounts.client(server, token) as client:
        assert client.get("/admin/users").status_code == 403
        assert client.get("/auth/me").json()["role"] == "member"
