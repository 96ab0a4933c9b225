"""Check a small file without the ledger: a proof, a checkpoint, a fork, or a rotation of keys.

Which of them it is, its first bytes say; whose word counts, the reader's policy alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import PolicyUnmet, UsageError
from . import checkpoint as checkpoints
from . import clocks, history, proof
from . import note as notes
from .block import iso_seconds, iso_time
from .history import BadHistory
from .lines import Record, spoken
from .note import Note
from .policy import Endorsed, Policy
from .proof import Proved
from .remarks import Remarks, remarks_on

Facts = dict[str, object]


def check(
    data: bytes, policy: Policy, old: bytes | None = None, later: Sequence[bytes] = ()
) -> Facts:
    """What the file `data` proves under `policy`, with its ``kind``; times are ISO 8601, UTC.

    `old` is an older checkpoint, which a consistency proof starts from. `later` are proofs of
    events: they say whether the record was ``erased`` or ``amended`` since. Raises `BadProof` or
    `BadHistory` where the file does not hold, `PolicyUnmet`, and `UsageError` for a lacking `old`.
    """
    if data.startswith(proof.HEAD.encode()):
        return _proof(data, policy, later)
    if later:
        raise UsageError("later events are of a record", hint="check them with a record's proof")
    if data.startswith(history.OLD):
        return _extension(data, policy, old)
    if data.startswith(history.FORK.encode()):
        return _fork(data, policy)
    if data.startswith(history.ROTATION.encode()):
        return _rotation(data, policy)
    return {"kind": "checkpoint", **_endorsed(policy.judge(_note(data, "this checkpoint")))}


def _proof(data: bytes, policy: Policy, later: Sequence[bytes]) -> Facts:
    found, endorsed = _proved(data, policy)
    if found.record is None:
        if later:
            raise UsageError("later events are of a record", hint="name the record's proof first")
        return _event(found, endorsed)
    facts = _record(found, found.record, endorsed)
    if not later:
        return facts
    remarks = Remarks()
    for other, at in sorted((_proved(one, policy) for one in later), key=_height):
        if at.checkpoint.origin != endorsed.checkpoint.origin:
            raise BadHistory("this later proof", "it is of another log")
        if other.record is not None or other.header.block <= found.header.block:
            raise BadHistory("this later proof", "it proves no later event")
        remarks.visit(other.event, other.header)
    return {**facts, **remarks_on(found.record.number, remarks)}


def _height(proved: tuple[Proved, Endorsed]) -> int:
    return proved[0].header.block


def _proved(data: bytes, policy: Policy) -> tuple[Proved, Endorsed]:
    parsed = proof.parse(data)
    found, endorsed = proof.check(parsed), policy.judge(parsed.note)
    if why := clocks.contradiction("the quorum's word", endorsed.stamped, found.header.time):
        raise PolicyUnmet(why, hint="ask the log and its witnesses whose clock was wrong")
    return found, endorsed


def _event(found: Proved, endorsed: Endorsed) -> Facts:
    return {
        "kind": "event",
        "event": found.event["event"],
        "fields": {key: value for key, value in found.event.items() if key != "event"},
        **_block(found),
        "checkpoint": _endorsed(endorsed),
    }


def _block(found: Proved) -> Facts:
    return {
        "block": found.header.block,
        "time": iso_time(found.header.time),
        "bits": found.header.bits,
        "hash": found.hash.hex(),
    }


def _record(found: Proved, record: Record, endorsed: Endorsed) -> Facts:
    event = found.event
    row: Facts = {} if found.row is None else {"row": found.row}
    seal: Facts = {} if record.seal is None else {"seal": record.seal}
    return {
        "kind": "record",
        "record": record.number,
        **spoken(record),
        **seal,
        "opened": found.opened,
        **row,
        "event": event["event"],
        **{key: event.get(key) for key in ("threshold", "model", "batch")},
        **_block(found),
        "checkpoint": _endorsed(endorsed),
    }


def _extension(data: bytes, policy: Policy, old: bytes | None) -> Facts:
    extension = history.parse_extension(data)
    if extension.note is None:
        raise BadHistory("this consistency proof", "nobody has signed its checkpoint")
    if old is None:
        raise UsageError(
            "a consistency proof says nothing without the older checkpoint that it starts from",
            hint="name that with --from FILE",
        )
    start = policy.judge(_note(old, "the older checkpoint"))
    end = policy.judge(extension.note)
    if (start.checkpoint.origin, start.checkpoint.size) != (end.checkpoint.origin, extension.old):
        raise BadHistory("this consistency proof", "it starts from another checkpoint")
    extension.check(start.checkpoint.root)
    return {"kind": "consistency", "from": _endorsed(start), "checkpoint": _endorsed(end)}


def _fork(data: bytes, policy: Policy) -> Facts:
    earlier, later = history.parse_fork(data).check(policy)
    return {
        "kind": "fork",
        "origin": earlier.origin,
        "blocks": earlier.size,
        "root": earlier.root.hex(),
        "blocks_of_the_other": later.size,
        "root_of_the_other": later.root.hex(),
    }


def _rotation(data: bytes, policy: Policy) -> Facts:
    old, new = history.check_rotation(_signed(data, "this rotation"), policy)
    return {"kind": "rotation", "origin": old.name, "old": str(old), "new": str(new)}


def _endorsed(endorsed: Endorsed) -> Facts:
    found, time = endorsed.checkpoint, endorsed.time
    return {
        "origin": found.origin,
        "blocks": found.size,
        "root": found.root.hex(),
        "logs": [str(key) for key in endorsed.logs],
        "witnesses": {name: iso_seconds(at) for name, at in endorsed.witnesses.items()},
        "witnessed": None if time is None else iso_seconds(time),
    }


def _note(data: bytes, what: str) -> Note:
    note = _signed(data, what)
    try:
        checkpoints.parse(note.text)
    except ValueError as error:
        raise BadHistory(what, str(error)) from error
    return note


def _signed(data: bytes, what: str) -> Note:
    try:
        return notes.parse(data)
    except ValueError as error:
        raise BadHistory(what, str(error)) from error
