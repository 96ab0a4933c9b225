"""Who made a model: its signature lies in its folder, and whose count the reader says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from medchain.detect.bundle import CARD, MANIFEST, SIGNATURES, Bundle
from medchain.errors import MedchainError, ModelError, UsageError
from medchain.ledger import checkpoint as checkpoints
from medchain.ledger import note as notes
from medchain.ledger.history import BadHistory, check_rotation
from medchain.ledger.note import Note, VerifierKey
from medchain.ledger.policy import parse
from medchain.pipeline import keys
from medchain.pipeline.audit import verify
from medchain.pipeline.checkpoint import sign_request
from medchain.pipeline.ingest import ingest
from medchain.pipeline.signed_model import model_text, sign_model, signers

TRAINER, OTHER = "models.hospital.example", "somebody.example"


@pytest.fixture
def folder(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "signed"))


def made(tmp_path: Path, name: str = TRAINER, kind: str = "model") -> tuple[Path, VerifierKey]:
    path = tmp_path / f"{name}.{kind}.key"
    return path, keys.create(path, name, kind, None)


def test_a_signed_model_is_taken_by_ingest_and_verify(
    folder: Path, table: Path, tmp_path: Path
) -> None:
    (path, key), (_, other) = made(tmp_path), made(tmp_path, OTHER)
    digest = Bundle.load(folder).digest
    sign_model(folder, path)
    assert Bundle.load(folder).digest == digest
    ledger, wanted = tmp_path / "ledger.jsonl", [str(other), str(key)]
    done = ingest(table, model=folder, ledger=ledger, bits=0, model_key=wanted)
    assert done.signed_by == (TRAINER,)
    assert ingest(table, model=folder, ledger=ledger, model_key=str(key)).signed_by == (TRAINER,)
    report = verify(ledger, vault=True, model=folder, model_key=wanted)
    assert report.ok
    assert report.models_signed_by == (TRAINER,)
    assert verify(ledger, vault=True, model=folder).models_signed_by is None


def test_a_model_that_nobody_signed_or_somebody_else_is_refused(
    folder: Path, table: Path, tmp_path: Path
) -> None:
    (_, key), (path, _) = made(tmp_path), made(tmp_path, OTHER)
    ledger = tmp_path / "ledger.jsonl"
    with pytest.raises(ModelError, match=f"no signature, and one of {TRAINER} is asked"):
        ingest(table, model=folder, ledger=ledger, model_key=str(key))
    sign_model(folder, path)
    with pytest.raises(ModelError, match=f"signed, but not by {TRAINER}"):
        ingest(table, model=folder, ledger=ledger, model_key=str(key))
    assert not ledger.exists()
    ingest(table, model=folder, ledger=ledger, bits=0)
    with pytest.raises(ModelError, match="not by"):
        verify(ledger, vault=True, model=folder, model_key=str(key))


def test_the_signature_of_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    path, key = made(tmp_path)
    text = model_text("0" * 64)
    note = Note(text, (keys.load(path, keys.no_passphrase).sign(text, 0),))
    (folder / SIGNATURES).write_bytes(note.encode())
    with pytest.raises(ModelError, match="are those of something else"):
        signers(Bundle.load(folder), [key])
    with pytest.raises(ModelError, match="are those of something else"):
        sign_model(folder, path)


def test_a_signature_that_was_moved_to_an_altered_model_is_refused(
    folder: Path, tmp_path: Path
) -> None:
    path, key = made(tmp_path)
    sign_model(folder, path)
    about = Bundle.load(folder).manifest
    files = {name: (folder / name).read_bytes() for name in about["files"]} | {CARD: b"another"}
    rest = {key: about[key] for key in about if key not in ("format", "files", "seal")}
    signatures = (folder / SIGNATURES).read_bytes()
    Bundle.pack(files, rest).save(folder)
    assert not (folder / SIGNATURES).exists(), "a new model must not keep the old one's signature"
    (folder / SIGNATURES).write_bytes(signatures)
    with pytest.raises(ModelError, match="something else"):
        signers(Bundle.load(folder), [key])


def test_every_altered_byte_of_the_note_is_refused(folder: Path, tmp_path: Path) -> None:
    path, key = made(tmp_path)
    whole = sign_model(folder, path).encode()
    bundle = Bundle.load(folder)
    for at in range(len(whole)):
        bundle.signatures = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        with pytest.raises(ModelError):
            signers(bundle, [key])


@pytest.mark.parametrize("data", [b"", b"\xff", b"x\n", b"a\n\n" + b"z" * 99, b"\0" * 9])
def test_a_note_that_is_none_is_one_sentence(folder: Path, tmp_path: Path, data: bytes) -> None:
    _, key = made(tmp_path)
    (folder / SIGNATURES).write_bytes(data)
    assert signers(Bundle.load(folder), []) == ()
    with pytest.raises(ModelError, match="no signed note"):
        signers(Bundle.load(folder), [key])


def test_two_people_sign_one_model(folder: Path, tmp_path: Path) -> None:
    (first, one), (second, two) = made(tmp_path), made(tmp_path, OTHER)
    for path in (first, second, first):
        note = sign_model(folder, path)
    assert len(note.signatures) == 2
    assert signers(Bundle.load(folder), [one, two]) == (TRAINER, OTHER)


def test_what_signs_a_model_is_no_checkpoint_and_no_rotation(folder: Path, tmp_path: Path) -> None:
    path, key = made(tmp_path, kind="log")
    note = sign_model(folder, path)
    with pytest.raises(ValueError, match="no checkpoint"):
        checkpoints.parse(note.text)
    with pytest.raises(BadHistory):
        check_rotation(note, parse(f"log {key}\nquorum none\n".encode()))
    with pytest.raises(MedchainError):
        sign_request(note.encode(), keys.load(path, keys.no_passphrase))


def test_a_checkpoint_is_no_signature_of_a_model(folder: Path, tmp_path: Path) -> None:
    path, key = made(tmp_path, kind="log")
    text = checkpoints.Checkpoint(TRAINER, 1, b"x" * 32).encode()
    note = Note(text, (keys.load(path, keys.no_passphrase).sign(text, 0),))
    (folder / SIGNATURES).write_bytes(note.encode())
    with pytest.raises(ModelError, match="something else"):
        signers(Bundle.load(folder), [key])


def test_a_witness_signs_no_model(folder: Path, table: Path, tmp_path: Path) -> None:
    path, key = made(tmp_path, kind="witness")
    with pytest.raises(UsageError, match="witness"):
        sign_model(folder, path)
    with pytest.raises(UsageError, match="witness"):
        ingest(table, model=folder, ledger=tmp_path / "l.jsonl", model_key=str(key))


@pytest.mark.parametrize("text", ["", "a", "a+b+c", "PRIVATE+KEY+x+0+y", "\n"])
def test_a_model_key_that_is_none_is_refused(
    folder: Path, table: Path, tmp_path: Path, text: str
) -> None:
    with pytest.raises(UsageError, match="verifier key"):
        ingest(table, model=folder, ledger=tmp_path / "l.jsonl", model_key=[text])


def test_a_model_key_without_a_model_is_refused(tmp_path: Path) -> None:
    _, key = made(tmp_path)
    with pytest.raises(UsageError, match="where models are"):
        verify(tmp_path / "ledger.jsonl", model_key=str(key))


def test_a_bundle_saved_again_keeps_its_signatures(folder: Path, tmp_path: Path) -> None:
    path, key = made(tmp_path)
    sign_model(folder, path)
    Bundle.load(folder).save(tmp_path / "copy")
    assert signers(Bundle.load(tmp_path / "copy"), [key]) == (TRAINER,)
    assert (tmp_path / "copy" / MANIFEST).read_bytes() == (folder / MANIFEST).read_bytes()
    assert notes.parse((folder / SIGNATURES).read_bytes()).signatures
