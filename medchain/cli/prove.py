"""`medchain prove`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import UsageError
from .checked import remark_sentences
from .key import Output, write
from .output import note_core, say


def prove(
    ledger: Annotated[str, typer.Argument(metavar="LEDGER", help="The ledger: a .jsonl file.")],
    record: Annotated[int | None, typer.Option(help="Prove the record of this number.")] = None,
    block: Annotated[
        int | None,
        typer.Option(help="Prove the event of this block: an erasure, an amendment."),
    ] = None,
    open_seal: Annotated[
        bool, typer.Option("--open-seal", help="Show its row too, from the vault.")
    ] = False,
    vault_file: Annotated[
        str | None, typer.Option(help="The vault (default: the one beside the ledger).")
    ] = None,
    old: Annotated[
        str | None,
        typer.Option("--from", help="Prove that the checkpoint extends this older one."),
    ] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(help="The checkpoint (default: the last one, beside the ledger)."),
    ] = None,
    output: Output = "-",
) -> None:
    """Prove one record, or that a checkpoint extends an older one.

    Whoever has the checkpoint's policy checks the proof without the ledger: medchain check.
    """
    from ..pipeline import prove as pipeline

    if [record, block, old].count(None) != 2:
        raise UsageError("prove either a --record, a --block, or a checkpoint --from an older one")
    note_core()
    if record is not None:
        found = pipeline.prove_record(
            ledger, record, checkpoint=checkpoint, open_seal=open_seal, vault=vault_file
        )
        _note_remarks(pipeline.remarks_since(ledger, found))
        # A row that is shown is shown to whom its owner gives the file.
        write(found.encode(), output, mode=0o600 if open_seal else 0o644)
    elif block is not None:
        write(pipeline.prove_event(ledger, block, checkpoint=checkpoint).encode(), output)
    elif old is not None:
        write(pipeline.prove_extension(ledger, old, checkpoint=checkpoint).encode(), output)


def _note_remarks(remarks: dict[str, object]) -> None:
    """Say what the ledger says of the record since; the proof itself cannot know."""
    for sentence in remark_sentences(remarks):
        say(f"{sentence} (the proof cannot say so)")
