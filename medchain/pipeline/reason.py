"""The reason that a person gives for an event: free text, but for what the ledger may not hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from ..errors import UsageError

LONGEST = 1000
SHORTEST_CELL = 4
"""A cell of fewer characters (``f``, ``603``) is a part of too many words to mean anyone."""

SHORTEST_WORD = 3
"""A cell or an id of fewer is no quote even as a word of its own, unless its column is named too.

So ``GDPR article 17`` stays a reason for those who are 17, and ``age 17`` is none.
"""

FEW_WORDS = 3
"""A cell of at most so many words may be a name: each of its words is looked for as well."""

_WORD, _NAME, _ID = re.compile(r"\w+"), re.compile(r"[^\W_]+"), re.compile(r"[\w-]+")
_NUMBER, _DECIMAL = re.compile(r"\d+(?:[.,]\d+)?"), re.compile(r"\d+[.,]\d+")
_PUNCTUATION = ".,:;!?()[]'\""
_HINT = "the ledger never forgets: say why, and not who or what the row says"


def checked(reason: str) -> str:
    """`reason` without white space around it. Raises `UsageError` if none is left, or too much."""
    text = " ".join(reason.split())
    if not text:
        raise UsageError(
            "an erasure or an amendment needs a reason", hint='for example --reason "GDPR art. 17"'
        )
    if len(text) > LONGEST:
        raise UsageError(f"a reason has at most {LONGEST} characters, not {len(text)}")
    return text


def refuse_identifiers(
    reason: str, subjects: Iterable[str], rows: Iterable[Mapping[str, str]]
) -> None:
    """Raise `UsageError` where `reason` names one of `subjects`, or quotes a cell of one of `rows`.

    Upper and lower case, and Unicode's ways to write the same letters, are one. No message shows
    what was found.
    """
    text = _Text(reason)
    if any(_names(_plain(subject), text.plain) for subject in subjects):
        raise UsageError("the reason names a person", hint=_HINT)
    for row in rows:
        for column, cell in row.items():
            if text.quotes(column, cell):
                raise UsageError(
                    f"the reason quotes what the row says in column {column!r}", hint=_HINT
                )


def words_of(reason: str) -> set[str]:
    """The words of `reason` that may be somebody's id, as they stand and in either case."""
    words = {word.strip(_PUNCTUATION) for word in reason.split()} | set(_ID.findall(reason))
    long = [word for word in words if len(word) >= SHORTEST_WORD]
    return {form for word in long for form in (word, word.upper(), word.lower())}


def _names(subject: str, text: str) -> bool:
    """Whether `subject` stands in `text`; a short one as a word of its own."""
    if len(subject) >= SHORTEST_CELL:
        return subject in text
    return bool(subject) and bool(re.search(rf"(?<!\w){re.escape(subject)}(?!\w)", text))


class _Text:
    """A reason, as its words and numbers are compared."""

    def __init__(self, reason: str) -> None:
        self.plain = _plain(reason)
        self.words = set(_WORD.findall(self.plain))
        alone = _WORD.findall(_DECIMAL.sub(" ", self.plain))
        self.tokens = set(map(_normal, [*alone, *_NUMBER.findall(self.plain)]))

    def quotes(self, column: str, cell: str) -> bool:
        """Whether the reason holds the `cell` of `column`."""
        cell = _plain(cell)
        return self._has_long(cell) or self._has_word(column, _normal(cell.lstrip("+-")))

    def _has_long(self, cell: str) -> bool:
        if len(cell) < SHORTEST_CELL:
            return False
        parts = _WORD.findall(cell)
        named = len(parts) <= FEW_WORDS and any(
            len(part) >= SHORTEST_CELL and part in self.words for part in parts
        )
        return named or cell in self.plain

    def _has_word(self, column: str, cell: str) -> bool:
        if cell not in self.tokens:
            return False
        return len(cell) >= SHORTEST_WORD or any(
            name in self.words for name in _NAME.findall(_plain(column))
        )


def _normal(token: str) -> str:
    """One form of a number: ``603`` for ``603.0`` and ``0603``; any other token as it is."""
    if not _NUMBER.fullmatch(token):
        return token
    whole, _, rest = token.replace(",", ".").partition(".")
    return f"{whole.lstrip('0') or '0'}.{rest.rstrip('0')}".rstrip(".")


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
