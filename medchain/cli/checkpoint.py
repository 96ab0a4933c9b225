"""`medchain checkpoint`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from .key import PassphraseFile, ask, write
from .options import Json
from .output import bar, note_core, plural, result, result_json, say, table

if TYPE_CHECKING:
    from ..ledger.policy import Policy
    from ..pipeline.checkpoint import Made
    from ..pipeline.keys import SigningKey


def checkpoint(
    ledger: Annotated[
        str,
        typer.Argument(
            metavar="LEDGER", help="The ledger; with --cosign, a checkpoint or consistency proof."
        ),
    ],
    key: Annotated[
        list[str] | None, typer.Option(help="A private key's file; may be repeated.")
    ] = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="Read the whole ledger, whatever the last checkpoint covers."),
    ] = False,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Write what is to be signed on another machine.")
    ] = False,
    signature: Annotated[
        str | None,
        typer.Option(help="Take in the signatures that came back in this file; needs --policy."),
    ] = None,
    cosign: Annotated[
        bool, typer.Option("--cosign", help="Sign as a witness, without a ledger; needs --policy.")
    ] = False,
    policy: Annotated[
        str | None, typer.Option(help="Whose signatures count: the log's, and the witnesses'.")
    ] = None,
    output: Annotated[
        str,
        typer.Option("--output", "-o", help="With --unsigned or --cosign: where to write it."),
    ] = "-",
    passphrase_file: PassphraseFile = None,
    json: Json = False,
) -> None:
    """Sign the state of a ledger, for others to keep.

    The ledger is read back from disk and verified first, and must extend all that was signed
    before: a fork is never signed. The checkpoint lies beside it afterwards.
    """
    from ..pipeline import checkpoint as pipeline
    from ..pipeline.keys import load

    if sum((unsigned, signature is not None, cosign)) > 1:
        raise UsageError("--unsigned, --signature and --cosign are three different things")
    if bool(key) == (unsigned or signature is not None):
        raise UsageError(
            "a checkpoint is signed with a --key, and what is signed elsewhere without one",
            hint="medchain key new makes a key",
        )
    if (signature is not None or cosign) and policy is None:
        raise UsageError("whose signatures are taken, a policy says", hint="name it: --policy FILE")
    note_core()
    rules = pipeline.read_policy(policy) if policy else None
    asked = ask(passphrase_file)
    if cosign:
        write(_cosign(ledger, [load(Path(file), asked) for file in key or ()], rules), output)
        return
    size = os.path.getsize(ledger) if os.path.isfile(ledger) else 0  # noqa: PTH113, PTH202
    with bar("checkpoint") as shown:

        def progress(offset: int) -> None:
            shown.update(offset, size, f"{offset:,} bytes")

        if unsigned:
            request, read = pipeline.unsigned(ledger, rules, progress=progress)
        elif signature:
            assert rules
            made = pipeline.bring_back(ledger, signature, rules, progress=progress)
        else:
            keys = [load(Path(file), asked) for file in key or ()]
            made = pipeline.checkpoint(ledger, keys, full=full, progress=progress)
    if unsigned:
        say(f"Verified {plural(read.checkpoint.size - read.taken, 'block')} of {ledger}")
        write(request.encode(), output)
        return
    result_json(_document(made)) if json else result(_words(made))


def _cosign(file: str, keys: list[SigningKey], policy: Policy | None) -> bytes:
    from ..fs import readable
    from ..ledger.history import OLD
    from ..pipeline.checkpoint import sign_request

    data = readable(Path(file), "a checkpoint or consistency proof").read_bytes()
    head = data.partition(b"\n\n")[0] + b"\n\n" if data.startswith(OLD) else b""
    for key in keys:
        data = head + sign_request(data, key, policy).encode()
    return data[len(head) :]


def _document(made: Made) -> dict[str, object]:
    return {
        "file": str(made.file),
        "origin": made.checkpoint.origin,
        "blocks": made.checkpoint.size,
        "root": made.checkpoint.root.hex(),
        "signatures": [signature.name for signature in made.note.signatures],
        "verified_blocks": made.verified,
        "taken_blocks": made.taken,
        "tail": made.tail,
    }


def _words(made: Made) -> str:
    facts = [
        ("log", made.checkpoint.origin),
        ("root over all blocks", made.checkpoint.root.hex()),
        ("signatures", ", ".join(signature.name for signature in made.note.signatures)),
        ("read and verified now", plural(made.verified, "block")),
    ]
    if made.taken:
        taken = f"{plural(made.taken, 'block')}, whose hashes have the root that was signed then"
        facts.append(("taken from the last one", f"{taken}; --full reads them again"))
    if made.tail:
        facts.append(("not covered", f"{plural(made.tail, 'byte')} of an append under way or torn"))
    blocks = plural(made.checkpoint.size, "block")
    return f"Signed {blocks} in {made.file}; give it to others to keep\n{table(facts)}"
