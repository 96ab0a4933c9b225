"""The reason that a person gives for an event: free text, but for what the ledger may not hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from ..errors import UsageError

LONGEST = 1000
SHORTEST_CELL = 4
"""A cell of fewer characters (``f``, ``61``) is a part of too many words to mean anyone."""

FEW_WORDS = 3
"""A cell of at most so many words may be a name: each of its words is looked for as well."""

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
    text = _plain(reason)
    words = set(re.findall(r"\w+", text))
    if any(_names(_plain(subject), text) for subject in subjects):
        raise UsageError("the reason names a person", hint=_HINT)
    for row in rows:
        for column, cell in row.items():
            if _quotes(_plain(cell), text, words):
                raise UsageError(
                    f"the reason quotes what the row says in column {column!r}", hint=_HINT
                )


def words_of(reason: str) -> set[str]:
    """The words of `reason` that may be somebody's id, as they stand and in either case."""
    words = {word.strip(_PUNCTUATION) for word in reason.split()}
    long = [word for word in words if len(word) >= SHORTEST_CELL]
    return {form for word in long for form in (word, word.upper(), word.lower())}


def _names(subject: str, text: str) -> bool:
    """Whether `subject` stands in `text`; a short one as a word of its own."""
    if len(subject) >= SHORTEST_CELL:
        return subject in text
    return bool(subject) and bool(re.search(rf"(?<!\w){re.escape(subject)}(?!\w)", text))


def _quotes(cell: str, text: str, words: set[str]) -> bool:
    if len(cell) < SHORTEST_CELL:
        return False
    parts = re.findall(r"\w+", cell)
    named = len(parts) <= FEW_WORDS and any(
        len(part) >= SHORTEST_CELL and part in words for part in parts
    )
    return named or cell in text


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
