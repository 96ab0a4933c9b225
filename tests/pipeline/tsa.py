"""A real time-stamping authority for tests: ``openssl ts`` behind an HTTP server on loopback."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = unused
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[stamping]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[both]
basicConstraints = critical,CA:TRUE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[mailing]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,emailProtection
[tsa]
serial = serial
crypto_device = builtin
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
accuracy = secs:1, millisecs:500
ess_cert_id_alg = sha256
[loose]
serial = serial
crypto_device = builtin
default_policy = 1.2.3.4.1
digests = sha3-256
signer_digest = sha256
[strict]
serial = serial
crypto_device = builtin
default_policy = 1.2.3.4.1
digests = sha512
signer_digest = sha256
"""


class Authority:
    """A root, an authority under it, and a signer; `chain` is everything that a reader trusts."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        (self.folder / "conf").write_text(CONFIG)
        (self.folder / "serial").write_text("01\n")
        self._key("root")
        words = ("-subj", f"/CN={name} root", "-days", "30", "-extensions", "ca")
        self.openssl(
            "req",
            "-x509",
            "-new",
            "-key",
            "root.key",
            "-config",
            "conf",
            *words,
            "-out",
            "root.pem",
        )
        self.issue("middle", "root", "ca")
        self.issue("signer", "middle", "stamping")
        self.issue("mailer", "middle", "mailing")
        self.root = self.folder / "root.pem"

    def openssl(self, *words: str, data: bytes = b"") -> bytes:
        done = subprocess.run(["openssl", *words], cwd=self.folder, input=data, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def issue(self, name: str, issuer: str, kind: str, *more: str) -> None:
        """A certificate for `name`, and a key unless it has one."""
        if not (self.folder / f"{name}.key").exists():
            self._key(name)
        subject = f"/CN={self.folder.name} {name}"
        self.openssl(
            "req", "-new", "-key", f"{name}.key", "-subj", subject, "-config", "conf", "-out", "csr"
        )
        by = ("-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-CAcreateserial")
        form = (
            "-extfile",
            "conf",
            "-extensions",
            kind,
            "-days",
            "20",
            *more,
            "-out",
            f"{name}.pem",
        )
        self.openssl("x509", "-req", "-in", "csr", *by, *form)

    def reply(
        self, query: bytes, *, signer: str = "signer", chain: bool = True, section: str = "tsa"
    ) -> bytes:
        """What ``openssl ts -reply`` answers to `query`."""
        (self.folder / "query").write_bytes(query)
        words = ["-config", "conf", "-section", section, "-queryfile", "query", "-out", "reply"]
        words += ["-signer", f"{signer}.pem", "-inkey", f"{signer}.key"]
        if chain:
            both = (self.folder / "middle.pem").read_bytes() + self.root.read_bytes()
            (self.folder / "chain.pem").write_bytes(both)
            words += ["-chain", "chain.pem"]
        self.openssl("ts", "-reply", *words)
        return (self.folder / "reply").read_bytes()

    def der(self, name: str) -> bytes:
        """The certificate of `name`."""
        return self.openssl("x509", "-in", f"{name}.pem", "-outform", "DER")

    def query(self, data: bytes, *, bare: bool = False) -> bytes:
        """A question about `data`, as ``openssl ts -query`` puts it; `bare`: no certificate."""
        (self.folder / "data").write_bytes(data)
        wanted = () if bare else ("-cert",)
        return self.openssl("ts", "-query", "-data", "data", "-sha256", *wanted)

    def pem(self, *names: str) -> bytes:
        """The certificates of `names`."""
        return b"".join((self.folder / f"{name}.pem").read_bytes() for name in names)

    def _key(self, name: str) -> None:
        self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")


Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


def send(
    handler: BaseHTTPRequestHandler,
    data: bytes,
    *,
    status: int = 200,
    kind: str = "application/timestamp-reply",
    **headers: str,
) -> None:
    """Answer with `data`."""
    handler.send_response(status)
    for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """Serve `answer` on loopback; yields the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            answer(self, query)

        def do_GET(self) -> None:
            raise AssertionError("a redirect was followed")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsa"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
