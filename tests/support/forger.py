"""Tokens as somebody would make them who knows one that counts, and the key that signed it."""
import base64
import hashlib
import hmac
import json


def encoded(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(members):
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()


class Forger:
    """Knows a token that counts, and the key that signed it."""

    def __init__(self, server, token):
        self.key = (server.data / "keys" / "jwt.key").read_bytes()
        self.token = token
        self.parts = token.split(".")
        self.raw_header, self.raw_claims = map(decoded, self.parts[:2])
        self.header, self.claims = json.loads(self.raw_header), json.loads(self.raw_claims)

    def signed(self, header=None, claims=None, key=None, digest=hashlib.sha256):
        """A token of these members, or of these bytes as they are."""
        header = self.raw_header if header is None else header
        claims = self.raw_claims if claims is None else claims
        text = ".".join(encoded(part if isinstance(part, bytes) else compact(part)) for part in (header, claims))
        return text + "." + encoded(hmac.new(self.key if key is None else key, text.encode(), digest).digest())
