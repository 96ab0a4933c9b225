"""Tells from the first bytes of a file that it is no text table, and what it is instead."""

from __future__ import annotations

from ..errors import TableError

GZIP = b"\x1f\x8b\x08"
UTF8_BOM = b"\xef\xbb\xbf"
HEAD = 4096

# Magics of letters alone go on to where a header cannot: PAR1 is a receptor, too.
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook (.xlsx)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Office file (.xls)"),
    (b"PAR1\x15", "a Parquet file"),
    (b"ARROW1\0\0", "an Arrow or Feather file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\x28\xb5\x2f\xfd", "a file packed with zstd"),
    (b"BZh91AY&SY", "a file packed with bzip2"),
    (b"\xfd7zXZ\0", "a file packed with xz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (GZIP, "a file packed with gzip twice"),
    (b"\x7fELF", "a program"),
)
_CONTROLS = bytes(sorted(set(range(1, 32)) - set(b"\t\n\v\f\r\x1b\x1c\x1d\x1e\x1f")))
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
_EXPORT = "export the table as CSV in UTF-8 (packed with gzip at most), then repeat the command"


def refuse_foreign(head: bytes, name: str) -> None:
    """Raise `TableError` if `head`, the first bytes of the file `name`, are not those of a table.

    A single NUL byte in what is otherwise text passes: the reader names its line.
    """
    if not head.removeprefix(UTF8_BOM):
        raise TableError("is empty", file=name, hint="a table has a header line, then its rows")
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise TableError(f"is {what}, not a CSV table", file=name, hint=_EXPORT)
    if head.startswith(_WIDE_BOMS) or _looks_wide(head):
        raise TableError(
            "is UTF-16 or UTF-32 text, not UTF-8",
            file=name,
            hint="convert it first, for example: iconv -f UTF-16 -t UTF-8 OLD.csv > NEW.csv",
        )
    if b"\0" in head and (head.translate(None, _CONTROLS) != head or not _is_utf8(head)):
        raise TableError("is a binary file, not a CSV table", file=name, hint=_EXPORT)


def _looks_wide(head: bytes) -> bool:
    """Whether every second byte is (nearly always) NUL: UTF-16 of Latin text without a mark."""
    even, odd = head[0::2], head[1::2]
    few, many = sorted((even.count(0) / len(even), odd.count(0) / max(len(odd), 1)))
    return many > 0.7 and few < 0.1


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return len(head) >= HEAD and error.start > len(head) - 4
    return True
