"""Patient tables in, batches of text cells out; knows no ledger and no model."""

from __future__ import annotations

from .rows import Batch, Reject, Row
from .table import Table, open_table

__all__ = ["Batch", "Reject", "Row", "Table", "open_table"]
