"""Reasons: free text that names nobody and quotes nothing."""

from __future__ import annotations

import pytest

from medchain.errors import UsageError
from medchain.pipeline.reason import LONGEST, checked, refuse_identifiers, words_of

ROW = {
    "patient_id": "P-00042",
    "name": "Anna Müller-Lüdenscheidt",
    "born": "1961-04-05",
    "sex": "f",
    "age": "61",
    "note": "came in with pain in the chest, sent home",
    "ward": "",
    "chol": "603",
    "serum_creatinine": "0.90",
    "code": "A61",
    "delta": "-250",
}


@pytest.mark.parametrize(
    "reason",
    [
        "GDPR art. 17, request of 2026-11-22",
        "the retention period is over",
        "wrong file, sent home by mistake",  # some words of a long cell name nobody
        "f",
        "61 days after discharge",
        "Ärztliche Anordnung № 12",
        "GDPR article 61",  # as old as an article is numbered
        "sex was wrong",
        "chol was wrong, and 603.5, 1603 and 6.03 are other numbers",
        "age 6 and age 611 are other numbers",
    ],
)
def test_a_reason_that_names_nobody_passes(reason: str) -> None:
    refuse_identifiers(reason, ["P-00042", "7"], [ROW])


@pytest.mark.parametrize(
    "reason",
    [
        "asked by P-00042",
        "asked by p-00042.",
        "asked by patient 7",
        "Anna Müller-Lüdenscheidt asked",
        "ANNA asked",
        "frau mu\u0308ller bat darum",  # a letter and its diaeresis, two characters
        "born 1961-04-05",
        "came in with pain in the  CHEST, sent home",
        "chol 603 was wrong",
        "603",
        "603mg/dl was wrong",
        "(603)",
        "603/604",
        "0603.00 was wrong",
        "of 250 too low",
        "age 61 was wrong",
        "Age: 61.0",
        "sex=F was wrong",
        "creatinine 0,9 was wrong",
        "0.90 was wrong",
        "a61",
    ],
)
def test_a_reason_that_names_or_quotes_is_refused_without_showing_it(reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        refuse_identifiers(reason, ["P-00042", "7"], [ROW])
    said = caught.value.message + caught.value.hint
    assert caught.value.hint
    for cell in ("00042", "Anna", "ANNA", "ller", "1961", "chest", "603", "61", reason):
        assert cell not in said


def test_words_that_may_be_the_id_of_anyone() -> None:
    found = words_of("asked by P-00042/p-00043, (Ab1) and 17 of ward 603.")
    assert {"P-00042", "p-00042", "P-00043", "Ab1", "AB1", "ab1", "603"} <= found
    assert "17" not in found


def test_white_space_is_one_space_and_none_is_no_reason() -> None:
    assert checked("  as\n asked\t") == "as asked"
    for nothing in ("", " \n"):
        with pytest.raises(UsageError, match="needs a reason"):
            checked(nothing)
    with pytest.raises(UsageError, match="at most"):
        checked("x" * (LONGEST + 1))
