"""Who made a model: signatures over a bundle's digest, and whether those that count are there.

The note ``signatures.note`` lies in the bundle's folder, outside the digest that it signs. Its text
is ``medchain/model@v1`` and the digest, a line each: two lines, so that it can be read as no
checkpoint and no rotation, whatever else its key signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import fs
from ..errors import ModelError, UsageError
from ..ledger import note as notes
from ..ledger.lines import printable
from ..ledger.note import ED25519, Note, VerifierKey

if TYPE_CHECKING:
    from ..detect.bundle import Bundle
    from .keys import SigningKey

MODEL = "medchain/model@v1"


def model_text(digest: str) -> bytes:
    """What is signed under the bundle with this digest, in hex."""
    return f"{MODEL}\n{digest}\n".encode()


def sign(bundle: Bundle, key: SigningKey) -> Note:
    """The bundle's note with a signature by `key`, beside those of other keys that it holds.

    Raises `UsageError` for the key of a witness, which says when it saw a log and nothing else.
    """
    if key.public.type != ED25519:
        raise UsageError(
            f"{key.path} is the key of a witness, and signs no model",
            hint="make one with: medchain key new --kind model --name NAME -o FILE",
        )
    text = model_text(bundle.digest)
    known = _parse(bundle).signatures if bundle.signatures else ()
    others = [one for one in known if (one.name, one.id) != (key.public.name, key.public.id)]
    return Note(text, (*others, key.sign(text, 0)))


def sign_model(folder: str | Path, key: SigningKey | str | Path) -> Note:
    """Sign the bundle in `folder`, and write the note into it, durably.

    A key is a file without a passphrase, or a key that was loaded (`keys.load`). Raises
    `ModelError` where the bundle, or a note that it holds, is damaged; `UsageError`; `NotDurable`.
    """
    from ..detect.bundle import SIGNATURES, Bundle
    from .keys import loaded

    note = sign(Bundle.load(folder), loaded(key))
    fs.replace(Path(folder) / SIGNATURES, note.encode())
    return note


def model_keys(texts: str | Sequence[str]) -> tuple[VerifierKey, ...]:
    """The verifier keys ``name+id+key`` of those whose models count; raises `UsageError`."""
    return tuple(map(_model_key, [texts] if isinstance(texts, str) else texts))


def signers(bundle: Bundle, keys: Sequence[VerifierKey]) -> tuple[str, ...]:
    """The names of those of `keys` that signed `bundle`.

    Raises `ModelError` unless one of them did, and where a signature of one does not verify. With
    no `keys` nothing is asked, and nothing is read.
    """
    if not keys:
        return ()
    names = " or ".join(printable(key.name) for key in keys)
    if bundle.signatures is None:
        raise ModelError(
            f"model {bundle.digest} carries no signature, and one of {names} is asked for",
            hint="ask whoever trained it to run: medchain key sign-model KEY MODEL",
        )
    try:
        signed = notes.check(_parse(bundle), keys)
    except ValueError as error:
        raise ModelError(
            f"a signature of model {bundle.digest} does not hold: {error}",
            hint="take the model anew from whoever trained it",
        ) from None
    if not signed:
        raise ModelError(
            f"model {bundle.digest} is signed, but not by {names}",
            hint="compare the key with the one that was published: medchain key show KEY",
        )
    return tuple(key.name for key in keys if key in signed)


def _parse(bundle: Bundle) -> Note:
    try:
        note = notes.parse(bundle.signatures or b"")
    except ValueError as error:
        raise ModelError(
            f"the signatures of model {bundle.digest} are no signed note: {error}",
            hint="take the model anew from whoever trained it",
        ) from None
    if note.text != model_text(bundle.digest):
        raise ModelError(
            f"the signatures beside model {bundle.digest} are those of something else",
            hint="take the model anew from whoever trained it",
        )
    return note


def _model_key(text: str) -> VerifierKey:
    try:
        key = notes.parse_key(text)
        if key.type != ED25519:
            raise ValueError("the key of a witness, which signs no model")
    except ValueError as error:
        raise UsageError(
            f"a model's key is a verifier key, not this: {error}",
            hint="medchain key show KEY prints it",
        ) from None
    return key
