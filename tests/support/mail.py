"""A mail server on loopback: aiosmtpd, with STARTTLS by a certificate of its own."""
import contextlib
import socket
import ssl
import subprocess

from aiosmtpd.controller import Controller


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def certificate(folder, host="127.0.0.1"):
    """(certificate, key), signed by itself: SSL_CERT_FILE makes it trusted."""
    made, key = folder / "mail.pem", folder / "mail.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={host}",
                    "-addext", f"subjectAltName=IP:{host}", "-keyout", key, "-out", made], check=True,
                   capture_output=True)
    return made, key


@contextlib.contextmanager
def server(pair=None, port=None):
    """Yields the port; `pair`: with STARTTLS."""
    options = {}
    if pair:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        options = {"tls_context": context, "require_starttls": True}
    controller = Controller(object(), hostname="127.0.0.1", port=port or free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()
