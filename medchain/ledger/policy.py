"""Trust policies: whose signatures make a checkpoint good (C2SP tlog-policy).

A checkpoint is good when one of the listed logs signed it under its own origin, and the witnesses
that cosigned it satisfy the quorum. A policy that lists no log, or names no quorum, would accept
anything or nothing, and is refused when it is read. Keys come from here alone, never from a ledger.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..errors import PolicyUnmet
from . import checkpoint as checkpoints
from . import note as notes
from .checkpoint import Checkpoint
from .lines import printable
from .note import COSIGNATURE, ED25519, Note, VerifierKey

NONE = "none"
_FOREIGN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Endorsed:
    """A checkpoint that a policy accepts, and who stands behind it.

    `logs` are the log keys that signed, `witnesses` the names of those that cosigned with their
    times, in seconds since 1970. At `time` the quorum had seen this checkpoint; ``None`` where the
    policy asks for no witness.
    """

    note: Note
    checkpoint: Checkpoint
    logs: tuple[VerifierKey, ...]
    witnesses: dict[str, int]
    time: int | None

    @property
    def stamped(self) -> int | None:
        """`time` in microseconds."""
        return None if self.time is None else self.time * 1_000_000


def _unsigned() -> PolicyUnmet:
    return PolicyUnmet("no log of the policy signed this checkpoint", hint=_TRUST)


_TRUST = "give the policy the log's verifier key, from a source that you trust"


class PolicyError(ValueError):
    """A policy that cannot be read; the message names the line."""


@dataclass
class Policy:
    """Logs, witnesses by name, groups (how many of which members), and the quorum's name."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    groups: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    quorum: str = ""

    def judge(self, note: Note) -> Endorsed:
        """Accept the checkpoint in `note`, or raise `PolicyUnmet` with the reason."""
        found, logs, witnesses = self.signers(note)
        if not logs:
            raise _unsigned()
        if not self._quorum(witnesses):
            raise PolicyUnmet(
                f"the quorum {printable(self.quorum)!r} has not cosigned the checkpoint: "
                f"{_plural(len(witnesses))} of the policy did",
                hint="have it cosigned: medchain checkpoint --cosign",
            )
        return Endorsed(note, found, logs, witnesses, self._time(witnesses))

    def signers(self, note: Note) -> tuple[Checkpoint, tuple[VerifierKey, ...], dict[str, int]]:
        """The checkpoint in `note`, the listed logs and the listed witnesses that signed it."""
        try:
            found = checkpoints.parse(note.text)
            logs = notes.check(note, [key for key in self.logs if key.name == found.origin])
            times = notes.check(note, self.witnesses.values())
        except ValueError as error:
            raise PolicyUnmet(
                f"the checkpoint does not hold: {error}",
                hint="fetch it again from whoever keeps it",
            ) from error
        witnesses = {name: times[key] for name, key in self.witnesses.items() if key in times}
        return found, tuple(logs), {name: time or 0 for name, time in witnesses.items()}

    def logged(self, note: Note) -> Checkpoint:
        """The checkpoint in `note`, which a listed log signed, witnesses or not."""
        found, logs, _ = self.signers(note)
        if not logs:
            raise _unsigned()
        return found

    def demand_log(self, key: VerifierKey) -> None:
        """Raise `PolicyUnmet` unless `key` is that of a listed log."""
        if key not in self.logs:
            raise PolicyUnmet(
                "the old key is not one that the policy lists",
                hint=_TRUST,
            )

    def _quorum(self, witnesses: Iterable[str]) -> bool:
        return self._witnessed(self.quorum, set(witnesses))

    def _witnessed(self, name: str, seen: set[str]) -> bool:
        if name == NONE:
            return True
        if name in self.witnesses:
            return name in seen
        least, members = self.groups[name]
        return sum(self._witnessed(member, seen) for member in members) >= least

    def _time(self, witnesses: dict[str, int]) -> int | None:
        """The latest moment that a whole quorum vouches for, so that no single clock decides."""
        if self.quorum == NONE:
            return None
        later = sorted(set(witnesses.values()), reverse=True)
        return next(
            time for time in later if self._quorum(n for n, t in witnesses.items() if t >= time)
        )


def parse(data: bytes) -> Policy:
    """The policy in `data`; raises `PolicyError` on anything that is not exactly one."""
    if _FOREIGN.search(data):
        raise PolicyError("a policy holds no control characters; its lines end in LF alone")
    if data and not data.endswith(b"\n"):
        raise PolicyError("the last line is not ended")
    reader = _Reader()
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        items = re.findall(r"[^ \t]+", line)
        if items and not items[0].startswith("#"):
            try:
                reader.read(*items)
            except (ValueError, TypeError) as error:
                # A line of too few or too many items fits no function below.
                why = "a line of another form" if isinstance(error, TypeError) else str(error)
                raise PolicyError(f"line {number}: {why}") from error
    if not reader.policy.quorum:
        raise PolicyError("a policy needs a line with its quorum; it may be: quorum none")
    if not reader.policy.logs:
        raise PolicyError("a policy needs a line with the key of a log: log KEY")
    return reader.policy


class _Reader:
    """A policy that grows line by line."""

    def __init__(self) -> None:
        self.policy = Policy()
        self.members: set[str] = set()

    def read(self, keyword: str, *items: str) -> None:
        lines: dict[str, Callable[..., None]] = {
            "log": self._log,
            "witness": self._witness,
            "group": self._group,
            "quorum": self._quorum,
        }
        if keyword not in lines:
            raise ValueError("a line begins with log, witness, group, quorum or #")
        lines[keyword](*items)

    def _log(self, key: str, _url: str = "") -> None:
        self.policy.logs.append(_key(key, ED25519, "log", self.policy.logs))

    def _witness(self, name: str, key: str, _url: str = "") -> None:
        self._new(name)
        others = self.policy.witnesses.values()
        self.policy.witnesses[name] = _key(key, COSIGNATURE, "witness", others)

    def _group(self, name: str, least: str, *members: str) -> None:
        self._new(name)
        for member in members:
            self._defined(member)
            if member in self.members:
                raise ValueError("a name that is a member twice")
            self.members.add(member)
        count = {"any": 1, "all": len(members)}.get(least)
        count = checkpoints.whole(least) if count is None else count
        if not 1 <= count <= len(members):
            raise ValueError("a group that asks for none or for more than all of its members")
        self.policy.groups[name] = count, members

    def _quorum(self, name: str) -> None:
        if self.policy.quorum:
            raise ValueError("a second quorum")
        if name != NONE:
            self._defined(name)
        self.policy.quorum = name

    def _new(self, name: str) -> None:
        if name == NONE or name in self.policy.witnesses or name in self.policy.groups:
            raise ValueError("a name that is taken already")

    def _defined(self, name: str) -> None:
        if name not in self.policy.witnesses and name not in self.policy.groups:
            raise ValueError("a name that no line before this one defines")


def _key(text: str, type: int, owner: str, others: Iterable[VerifierKey]) -> VerifierKey:
    key = notes.parse_key(text)
    if key.type != type:
        raise ValueError(f"the key of a {owner} is of type {type}, not {key.type}")
    if key.public in [other.public for other in others]:
        raise ValueError(f"a {owner} whose key stands there already")
    return key


def _plural(count: int) -> str:
    """``1 witness``, ``2 witnesses``, ``no witness``."""
    return f"{count or 'no'} witness" + ("" if count < 2 else "es")
