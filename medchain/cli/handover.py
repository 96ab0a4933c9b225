"""The command line of the verifier to hand over: needs Python and the ledger package alone.

It never asks where it came from: whoever was given it may compare its SHA-256 with one that
`medchain verifier` printed elsewhere, or read it, for it is a zip file of sources.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..errors import (
    EXIT_CLOSED_PIPE,
    EXIT_INTERRUPTED,
    LedgerTampered,
    MedchainError,
    NotDurable,
    TornTail,
    UsageError,
)
from ..fs import discard_output, readable

# The rest is imported by the command that needs it: nothing is compiled ahead in this one file.
if TYPE_CHECKING:
    from ..ledger.lines import Record
    from ..ledger.policy import Policy
    from ..ledger.verify import Report


def main(arguments: list[str] | None = None) -> int:
    """Run the command in `arguments`; returns the exit code. Whoever reads may go at any time."""
    try:
        try:
            return _answer(arguments)
        finally:  # also behind the help, which ends in SystemExit
            if sys.stdout:
                sys.stdout.flush()
    except BrokenPipeError:
        discard_output()
        return EXIT_CLOSED_PIPE
    except OSError as error:
        _say(f"the system refused: {(error.strerror or '').lower()}")
        discard_output()
        return NotDurable.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _answer(arguments: list[str] | None) -> int:
    asked = _parser().parse_args(arguments)
    try:
        return int(asked.run(asked))
    except MedchainError as error:
        _say(error.message, error.hint)
        return error.exit_code


def _say(message: str, hint: str = "") -> None:
    print(f"medchain-verify: {message}", file=sys.stderr)
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)


def _verify(asked: argparse.Namespace) -> int:
    from dataclasses import asdict

    from .report import words

    report = _report(asked)
    if asked.json:
        print(json.dumps({"ok": report.ok, "exit_code": report.exit_code, **asdict(report)}))
    else:
        print(words(asked.ledger, report))
    return report.exit_code


def _report(asked: argparse.Namespace) -> Report:
    import time

    from ..ledger.anchor import Demand, parse_age, verify_anchored
    from ..ledger.reader import open_ledger
    from ..ledger.verify import verify

    if asked.policy is None:
        if asked.checkpoint:
            raise UsageError("whose signatures count, a policy says", hint="add --policy FILE")
        with open_ledger(asked.ledger) as stream:
            return verify(stream, now=time.time_ns() // 1000)
    if asked.checkpoint is None:
        raise UsageError("which checkpoint to compare with?", hint="add --checkpoint FILE")
    age = None if asked.max_age is None else parse_age(asked.max_age)
    note = _read(asked.checkpoint, "the checkpoint")
    demand = Demand(note, _policy(asked.policy), int(time.time()), age, asked.least_bits)
    return verify_anchored(asked.ledger, demand)


def _check(asked: argparse.Namespace) -> int:
    from ..ledger.check import check
    from .checked import checked

    old = _read(asked.old, "the older checkpoint") if asked.old else None
    later = [_read(path, "a later proof") for path in asked.later]
    facts = check(_read(asked.file, "a file to check"), _policy(asked.policy), old, later)
    print(json.dumps(facts) if asked.json else checked(facts))
    return 0


def _seal(asked: argparse.Namespace) -> int:
    from ..ledger.lines import parse_object, printable
    from ..ledger.seals import open_seal

    line = _read(asked.sealed, "a file with a sealed line").removesuffix(b"\n")
    try:
        number = parse_object(line).get("record")
    except ValueError as error:
        raise UsageError(f"{asked.sealed} holds no sealed line: it is {error}") from None
    record, ledger = _find(asked.ledger, number)
    try:
        row = open_seal(line, record.seal, record.number, ledger).row
    except ValueError as error:
        raise LedgerTampered(f"record {record.number}: {error}") from None
    facts = {**record._asdict(), "record": record.number, "row": row}
    if asked.json:
        print(json.dumps(facts))
    else:
        print(f"The sealed line is the one that record {record.number} commits to")
        for name, value in row.items():
            print(f"  {printable(name)}  {printable(value)}")
    return 0


def _find(ledger: str, number: object) -> tuple[Record, str]:
    """Record `number` of a ledger that holds to its end, and the ledger's id."""
    from ..ledger.reader import open_ledger
    from ..ledger.verify import Walk

    found = None
    with open_ledger(ledger) as stream:
        walk = Walk(stream)
        for block in walk:
            header = block.header
            if isinstance(number, int) and header.first <= number < header.first + header.count:
                found = list(block.rows())[number - header.first]
    if walk.tail:
        raise TornTail(f"{ledger} ends in bytes that no block line commits")
    if found is None:
        raise UsageError(f"{ledger} holds no record of the number in the sealed line")
    return found, str(walk.genesis["ledger"])


def _policy(path: str) -> Policy:
    from ..ledger import policy as policies

    try:
        return policies.parse(_read(path, "a policy file"))
    except policies.PolicyError as error:
        raise UsageError(f"{path}: {error}") from None


def _read(path: str, what: str) -> bytes:
    return readable(Path(path), what).read_bytes()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="medchain-verify",
        description="Verify a medchain ledger, check a proof, open a seal; trusts only a policy.",
        epilog="Exit codes: 0 holds, 2 wrong usage, 10 tampered, 11 torn tail, 12 policy unmet, "
        "13 newer format, 14 shorter than the checkpoint.",
    )
    parser.add_argument("--version", action="version", version=f"medchain-verify {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    ledger = commands.add_parser("verify", help="check every byte of a ledger")
    ledger.add_argument("ledger", metavar="LEDGER", help="a .jsonl, .gz or .zst file, or -")
    ledger.add_argument("--checkpoint", metavar="FILE", help="the checkpoint that you kept")
    ledger.add_argument("--policy", metavar="FILE", help="whose signatures count")
    ledger.add_argument("--max-age", metavar="AGE", help="how old it may be: 30d, 12h")
    ledger.add_argument("--least-bits", metavar="N", type=int, help="the least work of a block")
    file = commands.add_parser("check", help="check a proof, a checkpoint, evidence or a rotation")
    file.add_argument("file", metavar="FILE")
    file.add_argument("--policy", metavar="FILE", required=True, help="whose signatures count")
    file.add_argument("--from", metavar="FILE", dest="old", help="the older checkpoint")
    file.add_argument(
        "--later", metavar="FILE", action="append", default=[], help="a proof of a later event"
    )
    seal = commands.add_parser("seal", help="open a seal: is this line the one of its record?")
    seal.add_argument("ledger", metavar="LEDGER")
    seal.add_argument("sealed", metavar="SEALED", help="a file with the sealed line")
    for command, run in ((ledger, _verify), (file, _check), (seal, _seal)):
        command.add_argument("--json", action="store_true", help="print one JSON document")
        command.set_defaults(run=run)
    return parser


def run() -> None:
    """What the file runs."""
    sys.exit(main())
