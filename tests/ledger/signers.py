"""Keys whose secrets are known, for tests: they sign as the key files do."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medchain.ledger import merkle
from medchain.ledger.checkpoint import Checkpoint
from medchain.ledger.note import COSIGNATURE, ED25519, Note, VerifierKey
from medchain.pipeline.keys import SigningKey, state_path

ORIGIN = "example.org/test"
TIME = 1_795_335_400


def key(name: str = ORIGIN, type: int = ED25519, seed: str = "") -> SigningKey:
    """The key of `name`, the same at every call."""
    secret = Ed25519PrivateKey.from_private_bytes(sha256(f"{name}/{seed}".encode()).digest())
    public = VerifierKey(name, type, secret.public_key().public_bytes_raw())
    return SigningKey(Path("nowhere"), public, secret)


def witness(name: str) -> SigningKey:
    """The key of a witness."""
    return key(f"{name}.example", COSIGNATURE)


@dataclass(frozen=True)
class Parties:
    """A log, a second key of it, and three witnesses."""

    log: SigningKey
    second: SigningKey
    witnesses: dict[str, SigningKey]


PARTIES = Parties(key(), key(seed="2"), {name: witness(name) for name in ("w1", "w2", "w3")})


def sign(text: bytes, *keys: SigningKey, time: int = TIME) -> Note:
    """`text`, signed by `keys`."""
    return Note(text, tuple(signer.sign(text, time) for signer in keys))


def tree(size: int, salt: str = "") -> Checkpoint:
    """A checkpoint over some tree of `size` leaves."""
    leaves = b"".join(sha256(f"{salt}{number}".encode()).digest() for number in range(size))
    return Checkpoint(ORIGIN, size, merkle.root(leaves))


def policy_text(quorum: str = "none", *, logs: tuple[SigningKey, ...] = (PARTIES.log,)) -> bytes:
    """A policy that lists `logs`, all witnesses, and a group of any two of them."""
    lines = [f"log {signer.public}" for signer in logs]
    lines += [f"witness {name} {signer.public}" for name, signer in PARTIES.witnesses.items()]
    lines += ["group two 2 w1 w2 w3", f"quorum {quorum}", ""]
    return "\n".join(lines).encode()


UNKNOWN = "— x AAAAAAA=\n"
"""A signature line of a key that nobody knows: four bytes of id, and one more."""

SIGNATURES: dict[str, tuple[bytes, bool]] = {
    name: (line if isinstance(line, bytes) else line.encode(), good)
    for name, line, good in (
        ("unknown", UNKNOWN, True),
        ("unknown twice", UNKNOWN * 2, True),
        ("unknown, of a known name", UNKNOWN.replace("x", ORIGIN), True),
        ("unknown, long", UNKNOWN.replace("AAAA", "AAAA" * 9000), True),
        ("unknown, of an odd name", UNKNOWN.replace("x", "\ufeff\x7f-—é"), True),
        ("as many as may be", UNKNOWN * 97, True),
        ("too many", UNKNOWN * 98, False),
        ("no byte behind the id", "— x AAAAAA==\n", False),
        ("no id", "— x AA==\n", False),
        ("no name", "—  AAAAAAA=\n", False),
        ("nothing", "— x \n", False),
        ("no line", "x\n", False),
        ("no dash", "- x AAAAAAA=\n", False),
        ("a third word", "— x AAAAAAA= y\n", False),
        ("other base64", "— x AAAAAAA\n", False),
        ("base64 for URLs", "— x AAAA_-A=\n", False),
        ("spare bits", "— x AAAAAAB=\n", False),
        ("a plus in the name", "— x+y AAAAAAA=\n", False),
        *((f"space {c!a}", f"— x{c}y AAAAAAA=\n", False) for c in "\xa0\x85\u2003\u3000"),
        ("a tab", "— x\ty AAAAAAA=\n", False),
        ("no UTF-8", UNKNOWN.encode().replace(b"x", b"\xff"), False),
        ("half a surrogate pair", UNKNOWN.encode().replace(b"x", b"\xed\xa0\x80"), False),
        ("a CR", UNKNOWN.replace("\n", "\r\n"), False),
        ("not ended", UNKNOWN[:-1], False),
        ("too long", UNKNOWN.replace("AAAA", "AAAA" * (1 << 18)), False),
    )
}
"""Lines put behind the three signatures of a good note, and whether it is still one."""


def stored(path: Path, key: SigningKey) -> SigningKey:
    """The same key as if it lay in the file `path`, beside which its state lies."""
    state_path(path).touch(mode=0o600)
    return SigningKey(path, key.public, key.secret)
