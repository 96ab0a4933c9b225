"""Time-stamps: what a real authority signs is stored, and checked by us as by ``openssl ts``."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from medchain.errors import LedgerTampered, MedchainError, NoTimestamp, PolicyUnmet, UsageError
from medchain.ledger.store import Store
from medchain.pipeline import authority as transport
from medchain.pipeline.der import with_sorted_certificates
from medchain.pipeline.timestamp import UNNAMED, Time, check, timestamp
from tests.cli.run import medchain
from tests.ledger import forge
from tests.pipeline.tsa import Authority, send, serving

pytestmark = pytest.mark.skipif(
    not shutil.which("openssl"), reason="the authority of these tests is the openssl command"
)
NOTE = "example.org/log\n3\nioos0vHxceOXT4O7z8Ga39/jPUHWxNpMu9ctacxHPbM=\n\n— a b\n".encode()


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "tsa")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "other")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.checkpoint"
    path.write_bytes(NOTE)
    return path


def honest(tsa: Authority, **how: object) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    return lambda handler, query: send(handler, tsa.reply(query, **how))  # type: ignore[arg-type]


def openssl_accepts(checkpoint: Path, token: Path, tsa: Authority) -> bool:
    words = ["-data", str(checkpoint), "-in", str(token), "-CAfile", str(tsa.root)]
    words += ["-untrusted", str(tsa.folder / "middle.pem")]
    return subprocess.run(["openssl", "ts", "-verify", *words], capture_output=True).returncode == 0


@pytest.mark.parametrize("chain", [True, False])
def test_a_token_is_stored_that_openssl_accepts(
    tsa: Authority, checkpoint: Path, tmp_path: Path, chain: bool
) -> None:
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(tsa.root.read_bytes() + (tsa.folder / "middle.pem").read_bytes())
    before = time.time()
    with serving(honest(tsa, chain=chain)) as url:
        got = timestamp(checkpoint, authority=url, certificates=trusted)
    token = tmp_path / "ledger.checkpoint.tsr"
    assert got.file == str(token)
    assert openssl_accepts(checkpoint, token, tsa)
    assert before - 2 < got.time / 1e6 < time.time() + 2
    assert (got.authority, got.policy, got.accuracy) == ("CN=tsa signer", "1.2.3.4.1", 1_500_000)
    assert got.verified
    again = timestamp(checkpoint, certificates=trusted, check=True)
    assert again == got
    assert sorted(tmp_path.iterdir()) == sorted([checkpoint, token, trusted])
    assert checkpoint.read_bytes() == NOTE


def test_the_root_alone_is_enough_where_the_token_holds_the_chain(tsa: Authority) -> None:
    token = tsa.reply(tsa.query(NOTE))
    assert check(NOTE, token, tsa.root.read_bytes()).verified


def test_without_certificates_the_token_is_stored_and_called_unchecked(
    tsa: Authority, checkpoint: Path, tmp_path: Path
) -> None:
    with serving(honest(tsa)) as url:
        done = medchain("timestamp", checkpoint.name, "--authority", url, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "existed at 20" in done.stdout
    assert "nobody has checked" in done.stderr
    words = ("timestamp", "--check", checkpoint.name, "--certificates", str(tsa.root), "--json")
    done = medchain(*words, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["verified"]


def test_a_token_that_is_there_is_not_overwritten(
    tsa: Authority, checkpoint: Path, tmp_path: Path
) -> None:
    token = tmp_path / "ledger.checkpoint.tsr"
    token.write_bytes(b"older")
    with serving(honest(tsa)) as url:
        with pytest.raises(UsageError, match="exists already"):
            timestamp(checkpoint, authority=url)
        timestamp(checkpoint, authority=url, token=tmp_path / "newer.tsr")
    assert token.read_bytes() == b"older"


def told(token: bytes, data: bytes, trusted: bytes) -> Time | int:
    """The time, or the exit code of the refusal."""
    try:
        return check(data, token, trusted)
    except MedchainError as error:
        return error.exit_code if error.hint else 1


@pytest.mark.parametrize("chain", [True, False])
def test_an_altered_token_is_refused_or_says_the_same(tsa: Authority, chain: bool) -> None:
    """A flip in what no signature covers (a spare certificate, say) may pass; a lie may not."""
    trusted = tsa.root.read_bytes() + (tsa.folder / "middle.pem").read_bytes()
    token = tsa.reply(tsa.query(NOTE), chain=chain)
    right = check(NOTE, token, trusted)
    passed = 0
    for place in range(len(token)):
        altered = bytearray(token)
        altered[place] ^= 1 << place % 8
        found = told(bytes(altered), NOTE, trusted)
        assert found in (right, 10, 12), place
        passed += found == right
    assert passed < len(token) / (1.2 if chain else 20)
    for length in range(0, len(token), 7):
        assert told(token[:length], NOTE, trusted) == 10
    assert told(token + b"\0", NOTE, trusted) == 10


def test_a_token_for_other_bytes_is_refused(tsa: Authority) -> None:
    token = tsa.reply(tsa.query(NOTE))
    for place in range(len(NOTE)):
        altered = bytearray(NOTE)
        altered[place] ^= 1
        with pytest.raises(LedgerTampered, match="other bytes"):
            check(bytes(altered), token, tsa.root.read_bytes())


def test_a_token_over_the_same_bytes_as_another_hash_is_refused(tsa: Authority) -> None:
    """32 bytes called SHA3-256 are the hash of something else, if of anything."""
    digest = sha256(NOTE).hexdigest()
    query = tsa.openssl("ts", "-query", "-digest", digest, "-sha3-256", "-cert")
    token = tsa.reply(query, section="loose")
    assert sha256(NOTE).digest() in token
    with pytest.raises(LedgerTampered, match="other bytes"):
        check(NOTE, token, tsa.root.read_bytes())


def test_another_authority_is_refused(tsa: Authority, other: Authority) -> None:
    token = tsa.reply(tsa.query(NOTE))
    with pytest.raises(PolicyUnmet, match="vouch"):
        check(NOTE, token, other.root.read_bytes())
    assert check(NOTE, token, other.root.read_bytes() + tsa.root.read_bytes()).verified


def test_a_certificate_that_had_expired_is_refused(tsa: Authority) -> None:
    tsa.issue("late", "middle", "stamping", "-days", "-1")
    token = tsa.reply(tsa.query(NOTE), signer="late")
    with pytest.raises(PolicyUnmet, match="not valid then"):
        check(NOTE, token, tsa.root.read_bytes())


def test_a_certificate_that_is_not_for_time_stamping_is_refused(tsa: Authority) -> None:
    """The authority does not sign with such a one, so its twin takes the place in the token."""
    tsa.issue("twin", "middle", "stamping", "-set_serial", "77")
    token = tsa.reply(tsa.query(NOTE), signer="twin", chain=False)
    trusted = tsa.root.read_bytes() + (tsa.folder / "middle.pem").read_bytes()
    right = tsa.der("twin")
    assert check(NOTE, token, trusted).verified
    while len(tsa.der("twin")) != len(right) or tsa.der("twin") == right:
        tsa.issue("twin", "middle", "mailing", "-set_serial", "77")
    altered = token.replace(right, tsa.der("twin"))
    assert altered != token
    with pytest.raises(PolicyUnmet, match="not for time-stamping"):
        check(NOTE, altered, trusted)


@pytest.mark.parametrize("trusting", [True, False])
def test_a_signer_that_is_a_ca_is_refused(
    tsa: Authority, checkpoint: Path, tmp_path: Path, trusting: bool
) -> None:
    tsa.issue("both", "middle", "both")
    with pytest.raises(PolicyUnmet, match="issues others"):
        check(NOTE, tsa.reply(tsa.query(NOTE), signer="both"), tsa.root.read_bytes())
    trusted = tsa.root if trusting else None
    with (
        serving(honest(tsa, signer="both")) as url,
        pytest.raises(PolicyUnmet, match="issues others"),
    ):
        timestamp(checkpoint, authority=url, certificates=trusted)
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_the_certificates_given_complete_a_token_without_any(
    tsa: Authority, other: Authority, checkpoint: Path, tmp_path: Path
) -> None:
    token = tsa.reply(tsa.query(NOTE, bare=True), chain=False)
    for names in (("root", "middle", "signer"), ("signer", "middle", "root")):
        found = check(NOTE, token, tsa.pem(*names))
        assert (found.authority, found.verified) == ("CN=tsa signer", True)
    for lacking in (tsa.pem("root", "middle"), other.pem("root", "middle", "signer")):
        with pytest.raises(PolicyUnmet, match="not among those given"):
            check(NOTE, token, lacking)
    for untrusted in (tsa.pem("signer"), tsa.pem("root", "signer"), tsa.pem("middle", "signer")):
        with pytest.raises(PolicyUnmet, match="does not lead to them"):
            check(NOTE, token, untrusted)
    altered = token.replace(token[-9:], bytes(9))
    with pytest.raises(LedgerTampered, match="altered"):
        check(NOTE, altered, tsa.pem("root", "middle", "signer"))
    with serving(lambda handler, query: send(handler, tsa.reply(bare(query), chain=False))) as url:
        stored = timestamp(checkpoint, authority=url)
    assert (stored.authority, stored.verified) == (UNNAMED, False)
    (tmp_path / "trusted.pem").write_bytes(tsa.pem("root", "middle", "signer"))
    assert timestamp(checkpoint, certificates=tmp_path / "trusted.pem", check=True).verified


def bare(query: bytes) -> bytes:
    """`query` without the wish for certificates: its last element, of three bytes."""
    assert query.endswith(b"\x01\x01\xff")
    return bytes([query[0], query[1] - 3]) + query[2:-3]


def test_the_signer_may_be_given_where_the_token_holds_others(tsa: Authority) -> None:
    tsa.issue("one", "middle", "stamping", "-set_serial", "81")
    token = tsa.reply(tsa.query(NOTE), signer="one", chain=False)
    right = tsa.der("one")
    (tsa.folder / "two.key").write_bytes((tsa.folder / "one.key").read_bytes())
    tsa.issue("two", "middle", "stamping", "-set_serial", "82")
    while len(tsa.der("two")) != len(right):
        tsa.issue("two", "middle", "stamping", "-set_serial", "82")
    altered = token.replace(right, tsa.der("two"))
    assert altered != token
    with pytest.raises(PolicyUnmet, match="not among those given"):
        check(NOTE, altered, tsa.pem("root", "middle"))
    assert check(NOTE, altered, tsa.pem("root", "middle", "one")).authority == "CN=tsa one"


@pytest.mark.parametrize("token", [b"", b"x", b"0", bytes(5000), b"\x30\x80" * 500, b"\xff" * 99])
def test_rubbish_is_refused(tsa: Authority, token: bytes) -> None:
    with pytest.raises(LedgerTampered, match="can be read"):
        check(NOTE, token, tsa.root.read_bytes())


def cut(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/timestamp-reply")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"0")


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/timestamp-reply")
    handler.end_headers()
    for _ in range(30):
        handler.wfile.write(b"0")
        handler.wfile.flush()
        time.sleep(0.05)


WRONG: dict[str, tuple[Callable[[Authority, BaseHTTPRequestHandler, bytes], None], str]] = {
    "an error": (lambda t, h, q: send(h, b"no", status=500), "HTTP status 500"),
    "not found": (lambda t, h, q: send(h, b"no", status=404), "HTTP status 404"),
    "a redirect": (lambda t, h, q: send(h, b"", status=302, Location="/x"), "HTTP status 302"),
    "to a file": (
        lambda t, h, q: send(h, b"", status=302, Location="file:///etc/passwd"),
        "HTTP status 302",
    ),
    "a web page": (lambda t, h, q: send(h, b"<html>", kind="text/html"), "something else"),
    "rubbish": (lambda t, h, q: send(h, b"rubbish"), "can be read"),
    "nothing": (lambda t, h, q: send(h, b""), "can be read"),
    "too much": (lambda t, h, q: send(h, bytes(1 << 17)), "more than 65,536 bytes"),
    "a part": (lambda t, h, q: cut(h), "breaks off"),
    "no HTTP": (lambda t, h, q: h.wfile.write(b"rubbish\r\n\r\n"), "breaks off"),
    "silence": (lambda t, h, q: time.sleep(1), "no answer within"),
    "drops": (lambda t, h, q: drip(h), "needs more than"),
    "a refusal": (lambda t, h, q: send(h, t.reply(q, section="strict")), "grants no time-stamp"),
    "other bytes": (lambda t, h, q: send(h, t.reply(t.query(b"other"))), "other bytes"),
    "another nonce": (lambda t, h, q: send(h, t.reply(t.query(NOTE))), "nonce"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_one_sentence_and_stores_nothing(
    tsa: Authority,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    answer, sentence = WRONG[name]
    monkeypatch.setattr(transport, "TIMEOUT", 0.5 if name in ("silence", "drops") else 20)
    with (
        serving(lambda handler, query: answer(tsa, handler, query)) as url,
        pytest.raises(NoTimestamp, match=sentence) as caught,
    ):
        timestamp(checkpoint, authority=f"{url}?key=secret")
    assert caught.value.hint
    assert "secret" not in caught.value.message
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_the_authority_is_sent_a_hash_and_nothing_else(tsa: Authority, checkpoint: Path) -> None:
    sent: list[bytes] = []

    def listen(handler: BaseHTTPRequestHandler, query: bytes) -> None:
        sent.append(query)
        send(handler, tsa.reply(query))

    with serving(listen) as url:
        timestamp(checkpoint, authority=url)
    [query] = sent
    assert sha256(NOTE).digest() in query
    assert len(query) < 80, "version, algorithm, hash, nonce, and whether certificates are wanted"


def test_an_answer_by_another_authority_than_the_trusted_stores_nothing(
    tsa: Authority, other: Authority, checkpoint: Path, tmp_path: Path
) -> None:
    with serving(honest(tsa)) as url, pytest.raises(PolicyUnmet):
        timestamp(checkpoint, authority=url, certificates=other.root)
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_nobody_there_is_one_sentence(checkpoint: Path, tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/"
        done = medchain("timestamp", checkpoint.name, "--authority", url, folder=tmp_path)
    assert done.returncode == 32
    assert done.stderr.startswith("medchain: cannot reach 127.0.0.1: connection refused\n  hint: ")
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "which authority"),
        (("--authority", "file:///etc/passwd"), "no http or https URL"),
        (("--authority", "ftp://example.org/"), "no http or https URL"),
        (("--authority", "https://"), "no http or https URL"),
        (("--authority", "http://[::1"), "no http or https URL"),
        (("--authority", "http://a:b:c/"), "no http or https URL"),
        (("--authority", "http://a b/"), "no http or https URL"),
        (("--authority", "http://me:secret@example.org/"), "without a password"),
        (("--check",), "whom to trust"),
        (("--check", "--certificates", "nowhere.pem"), "does not exist"),
        (("--check", "--certificates", "ledger.checkpoint"), "no certificate in PEM form"),
        (("--check", "--certificates", "{root}"), "does not exist"),
    ],
)
def test_wrong_usage_is_one_sentence(
    tsa: Authority, checkpoint: Path, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    filled = [word.format(root=tsa.root) for word in words]
    done = medchain("timestamp", checkpoint.name, *filled, folder=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "hint: " in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert "secret" not in done.stderr
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_a_file_that_is_no_checkpoint_by_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for data, sentence in ((b"", "empty"), (bytes((1 << 20) + 1), "more than")):
        path.write_bytes(data)
        with pytest.raises(UsageError, match=sentence):
            timestamp(path, authority="http://127.0.0.1:9/")


def test_sorting_changes_nothing_but_the_order(tsa: Authority) -> None:
    token = tsa.reply(tsa.query(NOTE))
    sorted_token = with_sorted_certificates(token)
    assert len(sorted_token) == len(token)
    assert sorted(sorted_token) == sorted(token)
    assert with_sorted_certificates(sorted_token) == sorted_token
    for rubbish in (b"", b"0", b"0\x84\xff\xff\xff\xff", bytes(9), token[:99], b"\x30\x00"):
        assert with_sorted_certificates(rubbish) == rubbish


@pytest.mark.parametrize(("ahead", "code"), [(240, 0), (360, 12)])
def test_a_time_stamp_that_is_older_than_the_blocks_is_a_contradiction(
    tsa: Authority, tmp_path: Path, ahead: int, code: int
) -> None:
    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return medchain(*words, folder=tmp_path)

    with Store(tmp_path / "ledger.jsonl", clock=lambda: int(time.time() + ahead) * 10**6) as store:
        store.read(lambda _: None)
        store.begin(forge.GENESIS)
    key = run("key", "new", "--name", forge.GENESIS.origin, "-o", "log.key").stdout
    (tmp_path / "policy").write_text(f"log {key}quorum none\n")
    assert run("checkpoint", "ledger.jsonl", "--key", "log.key").returncode == 0
    with serving(honest(tsa)) as url:
        assert run("timestamp", "ledger.checkpoint", "--authority", url).returncode == 0
    words = ("verify", "ledger.jsonl", "--policy", "policy", "--certificates")
    found = run(*words, tsa.root)
    assert found.returncode == code, found.stdout
    assert ("policy: the time-stamp is of" in found.stdout) == bool(code)
    assert ("one of the two clocks is wrong\n" in found.stdout) == bool(code)


def test_verify_checks_the_time_stamp_of_a_checkpoint(
    tsa: Authority, other: Authority, tmp_path: Path
) -> None:
    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return medchain(*words, folder=tmp_path)

    forge.write(tmp_path / "ledger.jsonl", [[0.1, 0.9], [0.2]])
    key = run("key", "new", "--name", forge.GENESIS.origin, "-o", "log.key").stdout
    (tmp_path / "policy").write_text(f"log {key}quorum none\n")
    assert run("checkpoint", "ledger.jsonl", "--key", "log.key").returncode == 0
    words = ("verify", "ledger.jsonl", "--policy", "policy", "--certificates")
    missing = run(*words, tsa.root)
    assert missing.returncode == 2
    assert "time-stamp" in missing.stderr
    with serving(honest(tsa)) as url:
        assert run("timestamp", "ledger.checkpoint", "--authority", url).returncode == 0
    found = run(*words, tsa.root)
    assert found.returncode == 0, found.stderr
    assert "CN=tsa signer" in found.stdout
    report = json.loads(run(*words, tsa.root, "--json").stdout)
    assert abs(report["anchor"]["stamped"] / 1e6 - time.time()) < 60
    stranger = run(*words, other.root)
    assert stranger.returncode == 12
    assert "policy: the time-stamp:" in stranger.stdout
    token = tmp_path / "ledger.checkpoint.tsr"
    token.write_bytes(token.read_bytes()[:-1])
    altered = run(*words, tsa.root)
    assert altered.returncode == 12
    assert "time-stamp" in altered.stdout
