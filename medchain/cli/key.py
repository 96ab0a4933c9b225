"""`medchain key`: new, show, sign, sign-model, rotate."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from .output import guarded, plural, result, say

PassphraseFile = Annotated[
    str | None,
    typer.Option(help="Read the passphrase from the first line of this file, or of /dev/fd/N."),
]
KeyFile = Annotated[str, typer.Argument(metavar="KEY", help="The private key's file.")]
Output = Annotated[
    str, typer.Option("--output", "-o", help="Where to write it (default: standard output).")
]

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Make, show and use the keys that sign checkpoints.",
)


def new(
    output: Annotated[
        str, typer.Option("--output", "-o", help="The file of the private key, mode 0600.")
    ],
    ledger: Annotated[
        str | None, typer.Option(help="The ledger whose log the key signs for, by its origin.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Or the name itself: a log's origin, or that of a witness or trainer."),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            metavar="log|witness|model",
            help="What it signs: its log, the logs of others, or models.",
        ),
    ] = "log",
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Protect the file with a passphrase.")
    ] = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make a key, and print the verifier key to publish.

    Whoever checks puts that line into a policy, from a source that they trust.
    """
    from ..pipeline.keys import create
    from ..pipeline.show import origin

    if (name is None) == (ledger is None):
        raise UsageError("a key is named by a --ledger or by a --name")
    name = origin(ledger) if ledger is not None else str(name)
    passphrase = None
    if passphrase_file or encrypt:
        passphrase = ask(passphrase_file, confirm=True)(Path(output))
    result(str(create(Path(output), name, kind, passphrase)))


def show(key: KeyFile, passphrase_file: PassphraseFile = None) -> None:
    """Print the verifier key that belongs to a private key.

    No passphrase is asked for. With --passphrase-file an encrypted key is opened, which alone shows
    that the verifier key in its file is its own.
    """
    from ..pipeline.keys import is_encrypted, load, public_key

    path = Path(key)
    if passphrase_file:
        result(str(load(path, ask(passphrase_file)).public))
        return
    if is_encrypted(path):
        say(f"note: {key} was not opened, so that this line is what its file says, unchecked")
    result(str(public_key(path)))


def sign(
    key: KeyFile,
    request: Annotated[
        str, typer.Argument(metavar="REQUEST", help="What medchain checkpoint --unsigned wrote.")
    ],
    output: Output = "-",
    passphrase_file: PassphraseFile = None,
) -> None:
    """Sign a checkpoint on a machine that has no ledger.

    The request must extend all that the key has signed; it is refused otherwise.
    """
    from ..fs import readable
    from ..ledger.checkpoint import parse
    from ..ledger.lines import printable
    from ..pipeline.checkpoint import sign_request
    from ..pipeline.keys import load

    data = readable(Path(request), "a request").read_bytes()
    signed = sign_request(data, load(Path(key), ask(passphrase_file)))
    found = parse(signed.text)
    # No path binds the size, so the person who signs should see it.
    say(f"Signed {plural(found.size, 'block')} of {printable(found.origin)}")
    write(signed.encode(), output)


def sign_model(
    key: KeyFile,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model bundle's folder.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Sign a model bundle, inside its folder.

    Whoever uses the model names the verifier key: medchain ingest --model-key, verify --model-key.
    """
    from ..ledger.lines import printable
    from ..pipeline.keys import load
    from ..pipeline.signed_model import sign_model as run

    note = run(model, load(Path(key), ask(passphrase_file)))
    names = ", ".join(printable(signature.name) for signature in note.signatures)
    say(f"Signed {model}; it carries signatures of {names}")


def rotate(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The key's file so far.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The file of the key that follows.")],
    output: Output = "-",
    passphrase_file: PassphraseFile = None,
) -> None:
    """Say, signed by both keys, that one follows the other.

    Whoever trusts the old one runs medchain check on it, and gets the new line of the policy.
    """
    from ..pipeline.keys import load
    from ..pipeline.keys import rotate as run

    asked = ask(passphrase_file)
    write(run(load(Path(old), asked), load(Path(new), asked)).encode(), output)


def ask(file: str | None, *, confirm: bool = False) -> Callable[[Path], bytes]:
    """What gives the passphrase of a key file: `file`, or else the person at the terminal."""

    def passphrase(path: Path) -> bytes:
        if file:
            return from_file(file)
        if not sys.stdin.isatty():
            raise UsageError(
                f"{path} needs a passphrase, and there is no terminal to ask at",
                hint="name a file that holds it: --passphrase-file FILE",
            )
        from getpass import getpass

        first = getpass(f"passphrase of {path}: ", sys.stderr)
        if confirm and getpass("once more: ", sys.stderr) != first:
            raise UsageError("the two passphrases differ")
        return first.encode()

    return passphrase


def from_file(file: str) -> bytes:
    """The first line of `file`."""
    from ..fs import readable

    with readable(Path(file), "a passphrase file").open("rb") as stream:
        return stream.readline().rstrip(b"\r\n")


def write(data: bytes, output: str, *, mode: int = 0o644) -> None:
    """Write a text to the file `output`, or to stdout for ``-``."""
    if output == "-":
        sys.stdout.buffer.write(data)
        return
    from ..fs import replace

    replace(Path(output), data, mode=mode)
    say(f"Wrote {output}")


for _command in (new, show, sign, sign_model, rotate):
    app.command(_command.__name__.replace("_", "-"))(guarded(_command))
