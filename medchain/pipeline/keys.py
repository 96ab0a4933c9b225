"""Signing keys: their files, what each has signed so far, and signing itself.

A key's file is Go's note signer key (``PRIVATE+KEY+name+id+key``), or the same under a passphrase.
Its state says for each log the last size and root that it signed. It lies beside the key's file,
and once more in the user's folder of states, by the public key, where a copy of the file finds it
too. Both are durable before a signature is made, and nothing is signed that does not extend the
longer, so a key never signs two histories, whatever happened to the ledger and to the checkpoint
beside it.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import scrypt, sha256
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

from .. import fs
from ..errors import LedgerShort, UsageError
from ..ledger import checkpoint as checkpoints
from ..ledger import history
from ..ledger import note as notes
from ..ledger.checkpoint import Checkpoint
from ..ledger.note import (
    COSIGNATURE,
    ED25519,
    Note,
    Signature,
    VerifierKey,
    from_base64,
    from_hash,
    to_base64,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KINDS = {"log": ED25519, "witness": COSIGNATURE, "model": ED25519}
Ask = Callable[[Path], bytes]
"""Gives the passphrase of an encrypted key file."""
Extends = Callable[[int, bytes], object]
"""Raises where what is to be signed does not begin with the tree of this size and root."""

_PLAIN = "PRIVATE+KEY+"
_COST = {"n": 1 << 16, "r": 8, "p": 1}
_MEMORY = 256 << 20
_MOST_BYTES = 1 << 16
_MOST_STATE = 1 << 24

States = dict[str, tuple[int, bytes]]
"""Size and root of what a key signed last, by the origin of the log."""


@dataclass(frozen=True)
class SigningKey:
    """A private key, and the verifier key that belongs to it."""

    path: Path
    public: VerifierKey
    secret: Ed25519PrivateKey

    @property
    def states(self) -> tuple[Path, Path]:
        """The files of its state: beside its own, and in the user's folder of states."""
        name = sha256(str(self.public).encode()).hexdigest()
        return state_path(self.path), _state_home() / f"{name}.state"

    def sign(self, text: bytes, time: int) -> Signature:
        """Sign `text`; `time`, in seconds, goes into a cosignature."""
        data = self.secret.sign(self.public.message(text, time))
        if self.public.type == COSIGNATURE:
            data = time.to_bytes(8, "big") + data
        signature = Signature(self.public.name, self.public.id, data)
        # Verified by other code than made it: a fault of this machine stays in this machine.
        assert self.public in notes.check(Note(text, (signature,)), [self.public])
        return signature


def create(path: Path, name: str, kind: str, passphrase: bytes | None) -> VerifierKey:
    """Make a key for the ``log``, ``witness`` or ``model`` of `name` in a new file (mode 0600)."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if kind not in KINDS:
        raise UsageError(f"a key is for a log, a witness or a model, not for a {kind}")
    if not notes.is_name(name):
        raise UsageError(
            "the name of a key has no spaces, no plus and no control characters",
            hint="a log's key has the log's origin as its name; medchain show LEDGER tells it",
        )
    if passphrase == b"":
        raise UsageError("an empty passphrase protects nothing")
    if kind != "model" and state_path(path).exists():
        raise UsageError(
            f"{state_path(path)} is there already, and says what another key has signed",
            hint="name another file for the key, or move the state to its key",
        )
    secret = Ed25519PrivateKey.generate()
    public = VerifierKey(name, KINDS[kind], secret.public_key().public_bytes_raw())
    seed = bytes([public.type]) + secret.private_bytes_raw()
    text = _plain(public, seed) if passphrase is None else _encrypted(public, seed, passphrase)
    fs.write_new(path, text.encode(), mode=0o600)
    if kind != "model":
        fs.create(state_path(path), mode=0o600)
    return public


def is_encrypted(path: Path) -> bool:
    """Whether a passphrase protects the key; what `public_key` says of it is then unchecked."""
    return _read(path).startswith("{")


def public_key(path: Path) -> VerifierKey:
    """The verifier key of the key in `path`; asks for no passphrase."""
    text = _read(path)
    with _key_file(path):
        if text.startswith("{"):
            return notes.parse_key(json.loads(text)["key"])
        return _parse_plain(path, text).public


def load(path: Path, ask: Ask) -> SigningKey:
    """The key in `path`; `ask` gives the passphrase where there is one.

    Raises `UsageError` where the file is no key, others may read it, or the passphrase is wrong.
    """
    path = path.resolve()  # what was signed is remembered beside the key, not beside a link to it
    text = _read(path)
    with _key_file(path):
        if text.startswith("{"):
            return _decrypted(path, text, ask(path))
        return _parse_plain(path, text)


def loaded(key: SigningKey | str | Path) -> SigningKey:
    """The `key`, or the one in this file, which then has no passphrase."""
    return key if isinstance(key, SigningKey) else load(Path(key), no_passphrase)


def no_passphrase(path: Path) -> bytes:
    """What to `load` a key with where there is nobody to ask."""
    raise UsageError(f"{path} needs a passphrase", hint="load it with keys.load")


@contextmanager
def locked(keys: Sequence[SigningKey], *folders: Path) -> Iterator[None]:
    """Hold the states of `keys`, and `folders`, alone; raises `LedgerLocked`."""
    own = {path.parent for key in keys for path in key.states}
    for folder in own:
        fs.make_folder(folder)
    with fs.locked([*folders, *own]):
        yield


def permit(key: SigningKey, new: Checkpoint, extends: Extends) -> States:
    """Raise unless `new` extends all that `key` has signed of its log; returns what it signed.

    `extends` is given size and root of what the key signed last of this log, and raises where
    `new` does not extend that. Raises `LedgerShort` where `new` is shorter.
    """
    states = _states_of(key)
    size, root = states.get(new.origin, (0, b""))
    if new.size < size:
        raise LedgerShort(
            f"{key.path} has signed {size} blocks of this log already, and this one has {new.size}",
            hint="the ledger was cut or is an old copy: put the newest copy back in its place",
        )
    if size:
        extends(size, root)
    return states


def advance(key: SigningKey, new: Checkpoint, extends: Extends) -> None:
    """Note, durably, that `key` signs `new`, if that is permitted.

    Call it before signing, with the key locked (`locked`).
    """
    states = permit(key, new, extends)
    states[new.origin] = new.size, new.root
    lines = [f"{size} {to_base64(root)} {origin}\n" for origin, (size, root) in states.items()]
    for path in key.states:
        fs.replace(path, "".join(lines).encode(), mode=0o600)


def rotate(old: SigningKey, new: SigningKey) -> Note:
    """The note, signed by both, which says that `new` follows `old`."""
    keys = (old, new)
    if old.public.name != new.public.name or {key.public.type for key in keys} != {ED25519}:
        raise UsageError(
            "a log's key is followed by a log's key of the same name",
            hint=f"make it with: medchain key new --name {old.public.name}",
        )
    if old.public == new.public:
        raise UsageError("a key cannot follow itself")
    text = history.rotation_text(old.public, new.public)
    return Note(text, tuple(key.sign(text, 0) for key in keys))


def state_path(key: Path) -> Path:
    """Where the state of the key in `key` lies."""
    return key.with_name(f"{key.name}.state")


def _state_home() -> Path:
    home = os.environ.get("XDG_STATE_HOME", "")
    try:
        # The specification has relative paths ignored (XDG Base Directory Specification 0.8).
        root = Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "state"
    except RuntimeError:
        raise UsageError(
            "this user has no home, and what its keys have signed is remembered there",
            hint="name a folder that is kept in the environment: XDG_STATE_HOME",
        ) from None
    return root / "medchain" / "keys"


def _states_of(key: SigningKey) -> States:
    """What `key` signed last of each log, by the longer of what its two states say."""
    beside, own = key.states
    if not beside.exists() and not beside.is_symlink():
        raise UsageError(
            f"{beside} is missing, and says what its key has signed",
            hint="put it back from your backup; for a key that never signed, make an empty file",
        )
    states = _read_states(beside)
    for origin, (size, root) in _read_states(own).items():
        before, other = states.get(origin, (0, b""))
        if before == size and other != root:
            raise UsageError(
                f"{beside} and {own} say that the key has signed two histories of one log",
                hint="keep both, and find out who used the key: medchain key rotate makes it void",
            )
        if before < size:
            states[origin] = size, root
    return states


def _read_states(path: Path) -> States:
    states: States = {}
    try:
        about = path.lstat()
        if not S_ISREG(about.st_mode) or about.st_size > _MOST_STATE:
            raise ValueError("a link, no file, or one of no state's length")
        *lines, end = path.read_bytes().decode().split("\n")
        if end:
            raise ValueError("a line without an end")
        for line in lines:
            size, root, origin = line.split(" ", 2)
            if origin in states:
                raise ValueError("two lines for one log")
            states[origin] = checkpoints.whole(size), from_hash(root)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except ValueError:
        raise UsageError(
            f"{path} is damaged, and without it nobody knows what its key has signed",
            hint="put it back from your backup; the last checkpoint has the numbers",
        ) from None
    return states


def _read(path: Path) -> str:
    about = fs.readable(path, "a key file").stat()
    if about.st_nlink > 1:
        raise UsageError(
            f"{path} has another name too, a hard link, and a key's memory lies beside one name",
            hint="remove the other name, and keep the one beside which the key's .state lies",
        )
    if about.st_mode & 0o077:
        raise UsageError(
            f"{path} may be read by others than its owner", hint=f"run: chmod 600 {path}"
        )
    if about.st_size > _MOST_BYTES:
        raise UsageError(
            f"{path} is longer than any key file", hint="check the path of the key file"
        )
    return path.read_bytes().decode(errors="replace")


@contextmanager
def _key_file(path: Path) -> Iterator[None]:
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        raise UsageError(
            f"{path} is no key of medchain, or a damaged one", hint="check the path of the key file"
        ) from None


def _plain(public: VerifierKey, seed: bytes) -> str:
    return f"{_PLAIN}{public.name}+{public.id.hex()}+{to_base64(seed)}\n"


def _parse_plain(path: Path, text: str) -> SigningKey:
    name, _, encoded = text.removeprefix(_PLAIN).removesuffix("\n").split("+", 2)
    seed = from_base64(encoded)
    key = _signing_key(path, name, seed)
    if text != _plain(key.public, seed):
        raise ValueError("not in its one form")
    return key


def _encrypted(public: VerifierKey, seed: bytes, passphrase: bytes) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    secret = scrypt(passphrase, salt=salt, maxmem=_MEMORY, dklen=32, **_COST)
    sealed = AESGCM(secret).encrypt(nonce, seed, str(public).encode())
    fields = {"medchain_key": 1, "key": str(public), "kdf": "scrypt", **_COST}
    fields |= {"salt": to_base64(salt), "nonce": to_base64(nonce), "sealed": to_base64(sealed)}
    return _written(fields)


def _written(fields: dict[str, Any]) -> str:
    return json.dumps(fields) + "\n"


def _decrypted(path: Path, text: str, passphrase: bytes) -> SigningKey:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    fields: dict[str, Any] = json.loads(text)
    kind = [fields.pop("medchain_key"), fields.pop("kdf")] if _written(fields) == text else []
    if json.dumps(kind) != '[1, "scrypt"]':
        raise ValueError("not in its one form")
    cost = {name: fields[name] for name in _COST}
    if any(type(value) is not int for value in cost.values()):
        raise ValueError("a cost that is no number")
    salt, nonce, sealed = (from_base64(fields[name]) for name in ("salt", "nonce", "sealed"))
    secret = scrypt(passphrase, salt=salt, maxmem=_MEMORY, dklen=32, **cost)
    try:
        seed = AESGCM(secret).decrypt(nonce, sealed, fields["key"].encode())
    except InvalidTag:
        raise UsageError(
            f"the passphrase of {path} is wrong, or the file is damaged",
            hint="try again, or put the file back from your backup",
        ) from None
    public = notes.parse_key(fields["key"])
    key = _signing_key(path, public.name, seed)
    if key.public != public:
        raise ValueError("another key than it says")
    return key


def _signing_key(path: Path, name: str, seed: bytes) -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    secret = Ed25519PrivateKey.from_private_bytes(seed[1:])
    public = VerifierKey(name, seed[0], secret.public_key().public_bytes_raw())
    return SigningKey(path, notes.parse_key(str(public)), secret)
