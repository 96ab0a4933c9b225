"""Words and signs of cells: missing values, booleans, sexes, and one spelling for each."""

from __future__ import annotations

import unicodedata

from ..cells import MISSING

NOT_APPLICABLE = frozenset({"n.a.", "#n/a", "<na>", "<null>", r"\n", "nil"})
SHEET_ERRORS = frozenset(
    {
        "#div/0!",
        "#value!",
        "#ref!",
        "#name?",
        "#num!",
        "#null!",
        "#n/a!",
        "#getting_data",
        "#spill!",
    }
)
MISSING_ANYWHERE = MISSING | NOT_APPLICABLE | SHEET_ERRORS
"""Said by a cell of any column, in upper or lower case, that its value is not known."""

MISSING_NUMBER = MISSING_ANYWHERE | {
    ".",
    "-",
    "--",
    "---",
    "..",
    "...",
    "*",
    "nd",
    "n.d.",
    "n/d",
    "nr",
    "n/r",
    "unk",
    "unknown",
    "missing",
    "pending",
    "blank",
    "empty",
    "not applicable",
    "not available",
    "not done",
    "not known",
    "not measured",
    "not recorded",
    "not tested",
    "no data",
    "k.a.",
    "k. a.",
    "o.b.",
    "unbekannt",
    "nicht bekannt",
    "inconnu",
    "desconocido",
}
"""Said by a cell among numbers, dates or pairs; among words such a cell may be a level."""

TRUE = ("yes", "y", "true", "t", "1", "ja", "j", "oui", "si", "sí", "x", "on", "wahr", "vrai")
FALSE = ("no", "n", "false", "f", "0", "nein", "non", "off", "falsch", "faux")
YES, NO = "yes", "no"

SEXES = {"m": "male", "man": "male", "f": "female", "w": "female", "woman": "female"}

_SIGNS = {
    **dict.fromkeys((0x2212, 0x2013, 0x2012, 0x2010, 0x2011, 0xFE63, 0xFF0D), "-"),
    **dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x200E, 0x200F, 0x61C), None),
    **{0xFF0C: ",", 0xFF0E: ".", 0x2019: "'", 0x2BC: "'", 0xFF05: "%", 0x66A: "%", 0x3BC: "µ"},
    **{0x2264: "<=", 0x2265: ">=", 0x2A7D: "<=", 0x2A7E: ">=", 0xFF1C: "<", 0xFF1E: ">"},
    0xFF0B: "+",
}


def ascii_signs(cell: str) -> str:
    """A cell trimmed, with minus signs, blanks and digits of all scripts as ASCII has them."""
    if cell.isascii():
        return cell.strip()
    return "".join(map(_ascii, cell.translate(_SIGNS))).strip()


def _ascii(character: str) -> str:
    if character.isascii():
        return character
    if character.isspace():
        return " "
    digit = unicodedata.digit(character, None)
    decimal = unicodedata.category(character) == "Nd"
    return str(digit) if decimal and digit is not None else character


def folded(cell: str) -> str:
    """One spelling for cells that differ in case or blanks."""
    if cell.isascii():
        return " ".join(cell.split()).lower()
    return " ".join(unicodedata.normalize("NFC", cell).split()).casefold()


def whole(text: str) -> str | None:
    """The digits of a whole number, however it is written (``1.0``, ``1``); None for all else."""
    digits, point, zeros = text.partition(".")
    return digits if digits.isdigit() and (not point or not zeros.strip("0")) else None


def boolean(text: str) -> str | None:
    """`YES` or `NO` for a folded word that says so."""
    if text in TRUE:
        return YES
    return NO if text in FALSE else None
