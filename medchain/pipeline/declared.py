"""Records against the declaration of their model: what can be checked where nothing repeats."""

from __future__ import annotations

from ..ledger.judge import Block, Finding
from ..ledger.lines import Record, decimal
from ..ledger.seals import Sealed
from ..ledger.verdicts import CLASS, ERROR, SCORES
from .declaration import Declaration


def check_block(model: Declaration, block: Block, rows: dict[int, Sealed]) -> Finding | None:
    """The first thing in `block` that contradicts `model`; `rows` are those that were opened."""
    from .rescoring import finding

    event = block.event
    if (event["says"], event["threshold"]) != (model.says, model.threshold):
        return finding("declared", block, "the event says other things of its model than that does")
    for index, record in enumerate(block.rows()):
        if record.category is not None and record.category >= len(model.classes):
            return finding("declared", block, "the model declares no class of this number", index)
        sealed = rows.get(record.number)
        if sealed and not _same(model, record, sealed.verdict.get("output")):
            return finding("declared", block, "the record is not what the sealed line says", index)
    return None


def _same(model: Declaration, record: Record, output: object) -> bool:
    """Whether a record says what the sealed `output` does."""
    if record.said == ERROR:
        return isinstance(output, dict) and "error" in output
    if record.said is not None:
        return True
    if model.says == CLASS:
        name = output.get("class") if isinstance(output, dict) else None
        return record.category is not None and name == model.classes[record.category]
    number = type(output) in (int, float) and model.says in SCORES
    return number and float(decimal(output)) == record.score  # type: ignore[arg-type]
