"""Verify a ledger, and on demand what stands behind it: its vault, and its model."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..fs import readable
from ..ledger import verify as ledger_verify
from ..ledger.judge import Block, Finding
from ..ledger.reader import open_ledger
from ..ledger.remarks import Remarks
from ..ledger.seals import Sealed
from ..ledger.verify import Report
from .rescoring import Models, finding

if TYPE_CHECKING:
    from ..ledger.vault import Vault
    from .anchored import Wanted

NO_WISHES = (None, None, None, None, False, None)


def verify(
    ledger: str | Path,
    *,
    vault: bool | str | Path = False,
    model: str | Path | Sequence[str | Path] | None = None,
    allow: Collection[str] = (),
    model_key: str | Sequence[str] = (),
    checkpoint: str | Path | None = None,
    policy: str | Path | None = None,
    max_age: str | None = None,
    least_bits: int | None = None,
    from_checkpoint: bool = False,
    certificates: str | Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Verify every byte of `ledger` (a path, or ``-`` for standard input).

    With `vault` (a path, or ``True`` for the one beside the ledger) every seal is opened as well,
    but those of erased rows, and the report says what was erased when and why;
    with `model`, a bundle's folder or several, the rows that each scored are scored again:
    threshold, score (within 2e-6), drift and reasons must be what the model says. A record that no
    given model accounts for is a finding, unless `allow` names the kind of its event or its model's
    digest. With `model_key`, one or more verifier keys, each model must be signed by one of them.
    With `policy`, a file that says whose signatures count, the ledger is compared with
    `checkpoint` (default: the one beside it), which may be of an age up to `max_age`, such as
    ``30d``; every block must have `least_bits` of work. With `from_checkpoint` what the checkpoint
    covers is not read again. With `certificates`, a PEM file of time-stamping authorities that the
    reader trusts, the checkpoint's token (its file's name and ``.tsr``) is checked. Whatever stands
    in the files becomes a finding of the report. `progress` is told the byte offset reached.

    Raises `UsageError` or `ModelError` only where a file that is named here cannot be used.
    """
    wishes = checkpoint, policy, max_age, least_bits, from_checkpoint, certificates
    demand = None if wishes == NO_WISHES else _demand(ledger, *wishes)
    checks = _Checks(_open_vault(ledger, vault), _models(model, allow, model_key))
    try:
        check = checks.check if checks.vault or checks.models else None
        if demand:
            from .anchored import verify_anchored

            return checks.complete(verify_anchored(ledger, demand, check, progress))
        with open_ledger(ledger) as stream:
            now = time.time_ns() // 1000
            report = ledger_verify.verify(stream, check=check, progress=progress, now=now)
        return checks.complete(report)
    finally:
        checks.close()


def _demand(
    ledger: str | Path,
    checkpoint: str | Path | None,
    policy: str | Path | None,
    max_age: str | None,
    least_bits: int | None,
    incremental: bool,
    certificates: str | Path | None,
) -> Wanted:
    if policy is None:
        raise UsageError(
            "a checkpoint says nothing to a reader who does not say whose signatures count",
            hint="name a policy: --policy FILE",
        )
    from .anchored import demand

    return demand(ledger, checkpoint, policy, max_age, least_bits, incremental, certificates)


class _Checks:
    """What is asked about each block beyond its own bytes."""

    def __init__(self, vault: Vault | None, models: Models | None) -> None:
        self.vault = vault
        self.models = models
        self._opened = 0
        self._end = 0
        self._remarks = Remarks()
        self._missing = _Missing()
        self._kept: Finding | None = None

    def close(self) -> None:
        if self.vault:
            self.vault.__exit__()

    def check(self, block: Block) -> Finding | None:
        self._end = block.offset + block.size
        rows: dict[int, Sealed] = {}
        return self._check_vault(block, rows) or self._check_scores(block, rows)

    def complete(self, report: Report) -> Report:
        """The report with what was counted here, and the vault's word on the ledger's length."""
        if self.vault:
            finding = report.finding or self._cut_short(report) or self._unaccounted(report)
            report = replace(
                report,
                seals_opened=self._opened,
                erasures=tuple(self._remarks.erasures),
                finding=finding,
            )
        if self.models:
            report = replace(
                report,
                scores_repeated=self.models.repeated,
                scores_of_other_models=self.models.others,
                scores_of_erased=self.models.erased,
                models_signed_by=self.models.signed_by,
                verdicts_declared=self.models.declared,
                finding=report.finding or self.models.unaccounted,
            )
        return report

    def _check_vault(self, block: Block, rows: dict[int, Sealed]) -> Finding | None:
        if not self.vault:
            return None
        if block.header.block == 0 and self.vault.ledger != block.event["ledger"]:
            return finding("vault", block, "the vault belongs to another ledger")
        if self.vault.head == (block.header.block, block.hash.hex()):
            return self._check_seals(block, rows)
        if self.vault.head and self.vault.head[0] == block.header.block:
            return finding("vault", block, "this is not the block that the vault has seen here")
        return self._check_seals(block, rows)

    def _check_seals(self, block: Block, rows: dict[int, Sealed]) -> Finding | None:
        assert self.vault
        gaps: list[int] = []
        finding = self.vault.open_seals(block, gaps.append, rows if self.models else None)
        self._opened += block.header.count - len(gaps)
        self._missing.add(block, gaps)
        self._check_erased(block)
        return finding

    def _check_erased(self, block: Block) -> None:
        assert self.vault
        erasure = self._remarks.visit(block.event, block.header)
        kept = self.vault.kept(erasure.records) if erasure else []
        if kept and not self._kept:
            message = (
                f"record {kept[0]} was erased in the ledger, but its row is still in the vault"
            )
            self._kept = replace(finding("erase", block, message), record=kept[0])

    def _unaccounted(self, report: Report) -> Finding | None:
        """Rows that are missing though no event erased them, or here though one did."""
        assert self.vault
        missing = self._missing.first(self._remarks.erased)
        if missing or self._kept or not self.vault.leftover:
            return missing or self._kept
        message = f"an erasure was interrupted: {self.vault.leftover} may hold what was erased"
        return Finding("erase", report.blocks, 0, self._end, message)

    def _cut_short(self, report: Report) -> Finding | None:
        assert self.vault
        if self.vault.head is None or self.vault.head[0] < report.blocks:
            return None
        message = f"the ledger ends here, but its vault has seen block {self.vault.head[0]}"
        return Finding("short", report.blocks, 0, self._end, message)

    def _check_scores(self, block: Block, rows: dict[int, Sealed]) -> Finding | None:
        if not self.models or not self.models.accounts_for(block):
            return None
        if not self.vault and block.kind == "score" and any(m["seal"] for m in block.matches):
            raise UsageError(
                "the rows of this ledger are sealed: without its vault none is scored again",
                hint="add --vault",
            )
        opened = {r.number: Sealed(r.row, None) for r in block.rows() if r.row is not None}
        return self.models.check(block, dict(sorted({**rows, **opened}.items())))


class _Missing:
    """Records whose rows the vault does not have, 32 bytes each: it may have none at all."""

    def __init__(self) -> None:
        self._places = array("q")

    def add(self, block: Block, gaps: list[int]) -> None:
        """Note the records of `block` at the indices `gaps`."""
        if not gaps:
            return
        lengths = (match.end() + 1 for match in block.matches)
        offsets = list(accumulate(lengths, initial=block.records_offset))
        for index in gaps:
            place = block.header.block, block.line + 1 + index, offsets[index]
            self._places.extend((block.header.first + index, *place))

    def first(self, erased: Collection[int]) -> Finding | None:
        """The first that is not among the `erased`."""
        from ..ledger.vault import NO_ROW

        for start in range(0, len(self._places), 4):
            record, height, line, offset = self._places[start : start + 4]
            if record not in erased:
                return Finding("seal", height, line, offset, NO_ROW, record=record)
        return None


def _open_vault(ledger: str | Path, vault: bool | str | Path) -> Vault | None:
    if vault is False:
        return None
    from ..ledger.vault import Vault, vault_path

    if vault is True and str(ledger) == "-":
        raise UsageError(
            "a ledger on standard input has no vault beside it", hint="name it with --vault-file"
        )
    path = vault_path(Path(ledger)) if vault is True else Path(vault)
    return Vault(readable(path, "the vault"), readonly=True)


def _models(
    model: str | Path | Sequence[str | Path] | None,
    allow: Collection[str],
    model_key: str | Sequence[str],
) -> Models | None:
    folders = [model] if isinstance(model, (str, Path)) else list(model or ())
    if not folders and allow:
        raise UsageError("records are allowed where models are asked", hint="add --model")
    if not folders and model_key:
        raise UsageError("a model's key is asked for where models are", hint="add --model")
    return Models(folders, allow, model_key) if folders else None
