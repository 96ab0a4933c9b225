"""Score recorded rows again: does each event say of its model what the model's bundle says?

Compared are the threshold, every score, the drift of the block and the reasons of the anomalies.
What no given model accounts for is counted, and is a finding unless it was allowed by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ModelError
from ..ledger.judge import SCORED, Block, Finding
from ..ledger.lines import decimal, printable
from ..ledger.seals import Sealed

if TYPE_CHECKING:
    from ..detect.bundle import Bundle
    from ..detect.explain import Explainer
    from .declaration import Declaration

TOLERANCE = 2e-6
"""How far a score may lie from the recorded one when another machine computes it again."""

_DRIFT = 0.1001  # one step of its last decimal
_REASON = 5e-4  # a few steps of a reason's last decimal
_NAMED = 16  # kinds and models that are counted by name; a hostile ledger may hold any number

Rows = Mapping[int, Sealed]


def finding(kind: str, block: Block, message: str, index: int | None = None) -> Finding:
    """A finding about `block`, or about its record `index`."""
    height = block.header.block
    if index is None:
        return Finding(kind, height, block.line, block.offset, message)
    line, offset = block.line + 1 + index, block.record_offset(index)
    return Finding(kind, height, line, offset, message, record=block.header.first + index)


class Models:
    """The models that a reader gave, by their digests, and how many records each accounts for.

    `allowed` are kinds of events and digests of models whose records need no model given. With
    `model_key`, verifier keys, each model must be signed by one of them, else `ModelError`.
    """

    def __init__(
        self,
        folders: Sequence[str | Path],
        allowed: Collection[str],
        model_key: str | Sequence[str] = (),
    ) -> None:
        from .signed_model import model_keys

        self._keys = model_keys(model_key)
        self._signers: list[str] = []
        self._models: dict[str, _Model] = {}
        self._declared: dict[str, Declaration] = {}
        for folder in folders:
            self._load(Path(folder))
        self.signed_by = tuple(dict.fromkeys(self._signers)) if self._keys else None
        self._allowed = frozenset(allowed)
        self.repeated = self.others = self.erased = self.declared = 0
        self._unaccounted: dict[str, int] = {}
        self._first: Finding | None = None

    def _load(self, folder: Path) -> None:
        from .declaration import is_declared, load
        from .signed_model import signers

        if is_declared(folder):
            if self._keys:
                raise ModelError(
                    f"{folder} is a declaration, and carries no signature",
                    hint="verify declared models without --model-key",
                )
            declared = load(folder)
            self._declared[declared.digest] = declared
            return
        from ..detect.bundle import Bundle

        bundle = Bundle.load(folder)
        self._signers += signers(bundle, self._keys)
        self._models[bundle.digest] = _Model(bundle)

    def accounts_for(self, block: Block) -> bool:
        """Whether a given model is said to have scored `block`; else its records are counted."""
        known = self._declared if block.kind == "verdict" else self._models
        if block.kind in SCORED and block.event["model"] in known:
            return True
        if block.header.count:
            self._note(block)
        return False

    def check(self, block: Block, rows: Rows) -> Finding | None:
        """What the model of `block` contradicts in it; `rows` are those of its rows that are left.

        The block is one that a given model accounts for.
        """
        if block.kind == "verdict":
            self.declared += block.header.count
            from .declared import check_block

            return check_block(self._declared[str(block.event["model"])], block, dict(rows))
        self.erased += block.header.count - len(rows)
        self.repeated += len(rows)
        return self._models[str(block.event["model"])].check(block, rows)

    @property
    def unaccounted(self) -> Finding | None:
        """The first record that no given model accounts for, with how many there are."""
        if self._first is None:
            return None
        parts = [f"{count:,} {name}" for name, count in self._unaccounted.items()]
        message = "records that no given model accounts for: " + ", ".join(parts)
        return replace(self._first, message=message)

    def _note(self, block: Block) -> None:
        scored = block.kind in SCORED
        name = str(block.event["model"]) if scored else block.kind
        if scored:
            self.others += block.header.count
        if name in self._allowed:
            return
        words = f"of model {name}" if scored else f"in events of kind '{printable(name[:40])}'"
        if words not in self._unaccounted and len(self._unaccounted) >= _NAMED:
            words = "others"
        self._unaccounted[words] = self._unaccounted.get(words, 0) + block.header.count
        self._first = self._first or finding("unaccounted", block, "", 0)


class _Model:
    """One bundle, and what it says of the rows of a block."""

    def __init__(self, bundle: Bundle) -> None:
        from ..detect.scoring import Scorer

        self._scorer = Scorer(bundle)
        self._threshold = float(decimal(bundle.threshold))
        self._bound: tuple[str, ...] | None = None
        self._explainer: Explainer | None = None

    def check(self, block: Block, rows: Rows) -> Finding | None:
        if block.event["threshold"] != self._threshold:
            found = finding("threshold", block, "the model has another threshold")
            return replace(
                found, expected=decimal(self._threshold), found=str(block.event["threshold"])
            )
        if not rows:
            return None
        cells, wrong = self._cells(block, rows)
        return wrong or self._check_cells(block, rows, cells)

    def _cells(self, block: Block, rows: Rows) -> tuple[list[list[str]], Finding | None]:
        """The rows in the order of the first one's columns, each read by its own keys."""
        columns = tuple(next(iter(rows.values())).row)
        cells, first = list[list[str]](), block.header.first
        for number, sealed in rows.items():
            if sealed.row.keys() != set(columns):
                message = "the row has other columns than the first row of its block"
                return [], finding("columns", block, message, number - first)
            cells.append([sealed.row[name] for name in columns])
        if columns != self._bound:
            try:
                self._scorer.bind(columns)
            except ModelError:
                self._bound = None
                message = "the rows lack columns that the model reads"
                return [], finding("columns", block, message, min(rows) - first)
            self._bound = columns
        return cells, None

    def _check_cells(
        self, block: Block, rows: Rows, cells: Sequence[Sequence[str]]
    ) -> Finding | None:
        scores, _, bins = self._scorer.watch(cells)
        recorded = block.scores()
        for number, score in zip(rows, scores, strict=True):
            index = number - block.header.first
            if not abs(recorded[index] - score) <= TOLERANCE:
                found = finding("score", block, "the model gives this row another score", index)
                return replace(found, expected=f"{score:.6f}", found=f"{recorded[index]:.6f}")
        if len(rows) == block.header.count:
            import numpy as np

            drift = self._scorer.drift
            far = drift.figure(bins, np.array(recorded)) if drift else None
            if not _same_drift(block.event.get("drift"), far):
                message = "the model finds another drift in the rows of this block"
                return replace(
                    finding("drift", block, message),
                    expected=_figure(far),
                    found=_figure(block.event.get("drift")),
                )
        return self._check_reasons(block, rows, cells)

    def _check_reasons(
        self, block: Block, rows: Rows, cells: Sequence[Sequence[str]]
    ) -> Finding | None:
        first, verdicts = block.header.first, block.verdicts()
        explained = [
            (number - first, sealed.reasons, row)
            for (number, sealed), row in zip(rows.items(), cells, strict=True)
            if sealed.reasons is not None
        ]
        for index, _, _ in explained:
            if not verdicts[index]:
                return finding("reasons", block, "reasons for a row that is no anomaly", index)
        if not explained:
            return None
        from ..detect.explain import ASKED, TOP, Explainer

        self._explainer = self._explainer or Explainer(self._scorer)
        found = self._explainer([row for _, _, row in explained], ASKED)
        for (index, recorded, _), reasons in zip(explained, found, strict=True):
            if not _same_reasons(recorded, reasons, TOP):
                return finding("reasons", block, "the model gives other reasons", index)
        return None


def _same_drift(recorded: object, found: float | None) -> bool:
    if recorded is None or found is None:
        return recorded is found
    return type(recorded) in (int, float) and abs(recorded - found) <= _DRIFT  # type: ignore[operator]


def _figure(value: object) -> str:
    return f"{value:.1f}" if type(value) in (int, float) else "none"


def _same_reasons(recorded: Mapping[str, float], found: Mapping[str, float], top: int) -> bool:
    """Whether the `recorded` reasons are the first of those that were `found`, up to rounding."""
    if len(recorded) > top:
        return False
    for name, value in recorded.items():
        if not abs(value - found.get(name, 0.0)) <= _REASON + 1e-4 * abs(value):
            return False
    least = min(recorded.values()) if len(recorded) == top else 0.0
    missing = [value for name, value in found.items() if name not in recorded]
    return all(value <= least + _REASON + 1e-4 * least for value in missing)
