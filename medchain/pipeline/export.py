"""Export a ledger as a table: its records, or its blocks, as CSV or Parquet.

Only what verified is exported; a ledger that does not hold is refused before a file is written.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, BinaryIO

from .. import fs
from ..errors import UsageError
from ..ledger.block import iso_time
from ..ledger.judge import Block
from ..ledger.lines import printable
from ..ledger.reader import open_ledger
from ..ledger.remarks import Remarks, read_ahead
from ..ledger.verify import Walk

Row = tuple[object, ...]

RECORDS = ["record", "block", "time", "batch", "model", "threshold"]
RECORDS += ["score", "anomaly", "seal", "row", "erased", "amended", "amended_anomaly"]
RECORDS += ["class", "said"]
BLOCKS = ["block", "time", "event", "batch", "model", "threshold", "first", "count", "anomalies"]
BLOCKS += ["bits", "nonce", "prev", "root", "hash", "offset", "drift"]


def export(
    ledger: str | Path,
    output: str | Path | BinaryIO,
    *,
    what: str = "records",
    format: str | None = None,
) -> int:
    """Write the ``records`` or the ``blocks`` of `ledger` to `output`; returns how many.

    `output` is a path or a binary file; `format` is ``csv`` or ``parquet`` (default: by the suffix
    of the path, else csv). Times are ISO 8601, UTC: of a record also when its row was erased, and
    when it was last amended and to which verdict. A file appears whole or not at all.

    Raises `LedgerTampered` where the ledger does not hold, `UsageError` for an unknown format.
    """
    columns, rows = _SHAPES.get(what, (None, None))
    if not columns or not rows:
        raise UsageError(f"a ledger has records and blocks, not {what!r}")
    write = _writer(output, format)
    with _twice(ledger) as stream:
        remarks = read_ahead(stream)
        lines = (row for block in Walk(stream) for row in rows(block, remarks))
        if isinstance(output, (str, Path)):
            with fs.replacing(Path(output)) as file:
                return write(file, columns, lines)
        return write(output, columns, lines)


@contextmanager
def _twice(ledger: str | Path) -> Iterator[IO[bytes]]:
    """A ledger to be read twice: what later events say of a record stands behind it."""
    with open_ledger(ledger) as stream:
        if str(ledger) == "-":
            with fs.spool(stream) as file:
                yield file
        else:
            yield stream


def _records(block: Block, remarks: Remarks) -> Iterator[Row]:
    header, event = block.header, block.event
    time = iso_time(header.time)
    about = event.get("batch"), event.get("model"), event.get("threshold")
    for record in block.rows():
        row = None if record.row is None else json.dumps(record.row)
        rest = record.score, record.anomaly, record.seal, row
        later = _later(record.number, remarks)
        other = record.category, record.said
        yield record.number, header.block, time, *about, *rest, *later, *other


def _later(record: int, remarks: Remarks) -> tuple[str | None, str | None, bool | None]:
    """When it was erased, when last amended, and to which verdict."""
    erasure, amendments = remarks.erased.get(record), remarks.amended.get(record, [])
    verdicts = [a.anomaly for a in amendments if a.anomaly is not None]
    return (
        iso_time(erasure.time) if erasure else None,
        iso_time(amendments[-1].time) if amendments else None,
        verdicts[-1] if verdicts else None,
    )


def _figure(value: object) -> float | None:
    # Unknown keys and values are legal in an event (docs/format.md), so this may be anything.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def _blocks(block: Block, _: Remarks) -> Iterator[Row]:
    header, event = block.header, block.event
    about = event.get("batch"), event.get("model"), event.get("threshold")
    yield (
        header.block,
        iso_time(header.time),
        printable(block.kind),
        *about,
        header.first,
        header.count,
        block.anomalies,
        header.bits,
        header.nonce,
        header.prev.hex(),
        header.root.hex(),
        block.hash.hex(),
        block.offset,
        _figure(event.get("drift")),
    )


_SHAPES: dict[str, tuple[list[str], Callable[[Block, Remarks], Iterator[Row]]]] = {
    "records": (RECORDS, _records),
    "blocks": (BLOCKS, _blocks),
}

Write = Callable[[IO[bytes], list[str], Iterator[Row]], int]


def _writer(output: str | Path | BinaryIO, format: str | None) -> Write:
    if format is None:
        suffix = Path(output).suffix.lower() if isinstance(output, (str, Path)) else ".csv"
        format = suffix.lstrip(".")
    writers: dict[str, Write] = {"csv": _csv, "parquet": _parquet}
    if format not in writers:
        raise UsageError(
            f"a table is written as csv or parquet, not {format or 'nothing'!r}",
            hint="end the file's name in .csv or .parquet",
        )
    return writers[format]


def _csv(file: IO[bytes], columns: list[str], rows: Iterator[Row]) -> int:
    with _text(file) as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        count = 0
        for row in rows:
            writer.writerow([_cell(value) for value in row])
            count += 1
        return count


@contextmanager
def _text(file: IO[bytes]) -> Iterator[io.TextIOWrapper]:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        yield text
        text.flush()
    finally:
        text.detach()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value


def _parquet(file: IO[bytes], columns: list[str], rows: Iterator[Row]) -> int:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed",
            hint="pip install 'medchain[parquet]', or export to .csv",
        ) from None
    schema = pa.schema([(name, _arrow_type(pa, name)) for name in columns])
    count = 0
    with pq.ParquetWriter(file, schema) as writer:
        while part := list(islice(rows, 65_536)):
            values = zip(*part, strict=True)
            arrays = [pa.array(v, f.type) for v, f in zip(values, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(part)
    return count


def _arrow_type(pa: Any, column: str) -> Any:
    if column in ("score", "threshold", "drift"):
        return pa.float64()
    if column in ("anomaly", "amended_anomaly"):
        return pa.bool_()
    if column in (
        "record",
        "block",
        "first",
        "count",
        "anomalies",
        "bits",
        "nonce",
        "offset",
        "class",
    ):
        return pa.int64()
    return pa.string()
