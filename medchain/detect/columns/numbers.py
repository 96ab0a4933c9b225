"""Numbers as people and programs write them, read by value.

Read in any column: a sign in front (also a minus sign, a dash), blanks or apostrophes between
groups of three digits, an exponent, the digits of other scripts, a decimal point, a decimal comma,
and thousands separators, as long as only one reading is possible. ``1.234`` and ``1,234`` have two:
the column's `Notation` decides, and where it does not, the cell is not read. Units and censored
values (``<0.5``) are read where the notation has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite, nan
from typing import NamedTuple

from ..schema import MIN_PATIENTS
from .words import FALSE, MISSING_NUMBER, TRUE, ascii_signs

MARKS = (".", ",")
LONGEST = 400
"""No number that `float` writes is longer, and no unit makes it so."""

SEPARATORS = ("", ",", ".", " ", "'")
BELOW, ABOVE = "below", "above"
TEXT = "text in a numeric column"
AMBIGUOUS = "a number that may be read in two ways, with thousands or with decimals"

_CELL = re.compile(
    r"(?P<side>[<>]=?)? ?(?P<sign>[+-]?) ?(?P<digits>\d[\d., '٫٬]*|[.,٫]\d+)(?P<power>e[+-]?\d+)?"
    r" *(?P<unit>[^\d\s.,].*)?",
    re.ASCII | re.IGNORECASE,
)
_GROUPS = re.compile(r"[1-9]\d{0,2}(?:(?P<mark>[.,])\d{3})(?:(?P=mark)\d{3})*", re.ASCII)
_BLANKS = re.compile(
    r"\d{1,3}(?:(?P<mark>[ '])\d{3})(?:(?P=mark)\d{3})*(?P<rest>[.,]\d+)?", re.ASCII
)


class Number(NamedTuple):
    """What a cell holds: NaN where missing; which side of the limit `value`; or why it is none."""

    value: float | None
    side: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Notation:
    """How the numbers of a column are written.

    `thousands` is None where nobody knows: a mark that may be one is then not read. `units` are
    spelt as `unit_key` has them, each with the factor that its numbers are multiplied by; a number
    without a unit is taken as it is, unless ``""`` has a factor. `missing` are words and numbers
    that say so beyond those of `MISSING_NUMBER`. With `boolean`, words such as ``yes`` are 1 and 0.
    """

    decimal: str = "."
    thousands: str | None = None
    units: tuple[tuple[str, float], ...] = ()
    censored: bool = False
    missing: tuple[str, ...] = field(default=(), repr=False)
    boolean: bool = False

    @property
    def plain(self) -> bool:
        """Whether nearly every cell is a number that `float` reads, and means what that says."""
        return self == Notation(boolean=self.boolean)

    @cached_property
    def _factors(self) -> dict[str, float]:
        return dict(self.units)

    @cached_property
    def _words(self) -> frozenset[str]:
        return MISSING_NUMBER | {word.casefold() for word in self.missing}

    @cached_property
    def _codes(self) -> frozenset[float]:
        """The numbers among the missing words, so that -999 and -999.0 are the same."""
        others = Notation(self.decimal, self.thousands)
        found = (others.read(word).value for word in self.missing)
        return frozenset(value for value in found if value is not None and value == value)

    def read(self, cell: str) -> Number:
        """The number in `cell`."""
        text = ascii_signs(cell)
        word = text.casefold()
        if word in self._words:
            return Number(nan)
        if self.boolean and word in _TRUTH:
            return Number(_TRUTH[word])
        found = _match(text)
        if not found:
            infinite = word.lstrip("+-") in ("inf", "infinity")
            return Number(None, reason="infinite, not a finite number" if infinite else TEXT)
        return self._censored(found)

    def _censored(self, found: re.Match[str]) -> Number:
        side, unit = found["side"] or "", unit_key(found["unit"] or "")
        if side and not self.censored:
            return Number(None, reason="a limit (< or >) where the column has none")
        if unit and unit not in self._factors:
            return Number(None, reason="a unit or a word beside the number" if unit else TEXT)
        digits = self._digits(found["digits"].strip(), bool(found["power"]))
        if digits is None:
            marks = {*found["digits"]} & {*MARKS}
            twofold = len(marks) == 1 and _GROUPS.fullmatch(found["digits"].strip())
            return Number(None, reason=AMBIGUOUS if twofold else TEXT)
        value = float(found["sign"] + digits + (found["power"] or ""))
        value *= self._factors.get(unit, 1.0)
        if not isfinite(value):
            return Number(None, reason="too large for a number")
        if not side and value in self._codes:
            return Number(nan)
        return Number(value, {"<": BELOW, ">": ABOVE}.get(side[:1], ""))

    def _digits(self, text: str, power: bool) -> str | None:
        """The digits with a point before the decimals, or None where they are no one number."""
        if text.isdigit():
            return text
        text = text.replace("٬", "").replace("٫", self.decimal)
        if blanks := _BLANKS.fullmatch(text):
            rest = blanks["rest"] or ""
            whole = text[: len(text) - len(rest)].replace(blanks["mark"], "")
            return whole + rest.replace(",", ".")
        marks = [mark for mark in MARKS if mark in text]
        if len(marks) == 2:
            return _both(text)
        if len(marks) != 1 or not text.replace(marks[0], "").isdigit():
            return None
        return self._one(text, marks[0], power)

    def _one(self, text: str, mark: str, power: bool) -> str | None:
        """Of digits with one kind of mark."""
        groups = not power and _GROUPS.fullmatch(text)
        if text.count(mark) > 1:
            return text.replace(mark, "") if groups else None
        if mark == self.thousands:
            return text.replace(mark, "") if groups else None
        if groups and mark != self.decimal and self.thousands is None:
            return None
        if text.endswith(",") or text == ".":
            return None
        return text.replace(mark, ".")


def _match(text: str) -> re.Match[str] | None:
    # Of long cells the expression would try each way to share blanks among its parts.
    return _CELL.fullmatch(text) if len(text) <= LONGEST else None


def unit_of(cell: str) -> str | None:
    """The unit behind a number as `unit_key` spells it; None where there is no number."""
    found = _match(ascii_signs(cell))
    return unit_key(found["unit"] or "") if found else None


def unit_key(text: str) -> str:
    """One spelling of a unit: without blanks, in lower case."""
    return "".join(text.split()).casefold()


def _both(text: str) -> str | None:
    """Of digits with points and commas: the last mark is the decimal one."""
    place = max(map(text.rfind, MARKS))
    whole, rest = text[:place], text[place + 1 :]
    if not rest.isdigit() or text[place] in whole or not _GROUPS.fullmatch(whole):
        return None
    return re.sub("[.,]", "", whole) + "." + rest


_TRUTH = {**dict.fromkeys(TRUE, 1.0), **dict.fromkeys(FALSE, 0.0)}


@dataclass
class Marks:
    """How often the cells of a column hold what only one notation can mean, and what two can."""

    decimals: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MARKS, 0))
    thousands: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MARKS, 0))
    unclear: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MARKS, 0))
    units: dict[str, int] = field(default_factory=dict)
    sides: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Marks:
        """Of cells, each with how often it occurs."""
        marks = cls()
        for cell, count in counts.items():
            if found := _match(ascii_signs(cell)):
                marks._add(found, count)
        return marks

    def _add(self, found: re.Match[str], count: int) -> None:
        self.sides += count if found["side"] else 0
        if unit := unit_key(found["unit"] or ""):
            self.units[unit] = self.units.get(unit, 0) + count
        text = found["digits"].strip()
        present = [mark for mark in MARKS if mark in text]
        if not present:
            return
        last = text[max(map(text.rfind, MARKS))]
        if len(present) == 2 and _both(text):
            self.decimals[last] += count
            self.thousands["," if last == "." else "."] += count
        elif len(present) == 1 and text.count(last) > 1:
            self.thousands[last] += count if _GROUPS.fullmatch(text) else 0
        elif len(present) == 1:
            unclear = _GROUPS.fullmatch(text) and not found["power"]
            (self.unclear if unclear else self.decimals)[last] += count

    def notation(self, hint: str | None, units: Iterable[str]) -> Notation:
        """The notation of such a column; `hint` is the decimal mark of the rest of the table.

        A few cells that may be thousands are no evidence that they are.
        """
        decimal = self._decimal(hint)
        other = "," if decimal == "." else "."
        thousands = None
        mixed = self.decimals[other] > 0
        if self.thousands[other] or (self.unclear[other] >= MIN_PATIENTS and not mixed):
            thousands = other
        factors = tuple((unit, 1.0) for unit in units)
        return Notation(decimal, thousands, factors, self.sides > 0)

    def _decimal(self, hint: str | None) -> str:
        point, comma = (self.decimals[mark] for mark in MARKS)
        if point != comma:
            return "." if point > comma else ","
        if self.thousands[","] != self.thousands["."]:
            return "." if self.thousands[","] > self.thousands["."] else ","
        return hint or "."
