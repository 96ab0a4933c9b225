"""Time that does not depend on us: RFC 3161 tokens over checkpoint files.

A token says that these very bytes existed at a time, in the word of an authority that signs it. It
lies beside the checkpoint as ``FILE.tsr``, a whole TimeStampResp, and is checked offline.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from .. import fs
from ..errors import LedgerTampered, NoTimestamp, PolicyUnmet, UsageError
from ..ledger.lines import printable
from . import der
from .authority import ask, host_of

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import Accuracy, TimeStampResponse

LONGEST = 1 << 20
"""Bytes of a checkpoint, and of a token."""

_SHA256 = "2.16.840.1.101.3.4.2.1"  # FIPS 180-4; the OID is of RFC 5754, section 2.2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

UNNAMED = "(a signer whose certificate is not in the token)"


@dataclass(frozen=True, slots=True)
class Time:
    """What a token says: that the checkpoint existed at `time`, in the word of `authority`.

    `time` and `accuracy` (0 where the token names none) are in microseconds, the first since 1970,
    UTC. `verified` is whether that was checked against certificates that the reader trusts.
    """

    time: int
    accuracy: int
    authority: str
    policy: str
    serial: str
    verified: bool
    file: str = ""


def timestamp(
    checkpoint: str | Path,
    *,
    authority: str | None = None,
    certificates: str | Path | None = None,
    token: str | Path | None = None,
    check: bool = False,
) -> Time:
    """Get a token for the file `checkpoint` from `authority` (a URL), and store it beside it.

    With `check` the token that lies there is checked instead. `token` is its file (default: the
    checkpoint's name and ``.tsr``); `certificates` a PEM file of the roots that the reader trusts,
    and of what else the way to them needs.

    Raises `NoTimestamp` where the authority gives none, `LedgerTampered` where a token does not
    hold, `PolicyUnmet` where it is not by the authority of `certificates`, and `UsageError`.
    """
    data = _read(Path(checkpoint), "a checkpoint file")
    path = Path(token) if token else Path(f"{checkpoint}.tsr")
    trusted = _certificates(Path(certificates)) if certificates else []
    if check:
        if not trusted:
            raise UsageError(
                "whom to trust? A token is checked against the certificate of its authority",
                hint="--certificates FILE, which the authority itself publishes",
            )
        return replace(_checked(data, _read(path, "the token"), trusted, path), file=str(path))
    if not authority:
        raise UsageError(
            "which authority?", hint="--authority URL, or --check for a token there is"
        )
    if path.exists():
        raise UsageError(
            f"{path} exists already, and an older token is worth more than a newer one",
            hint="check it with --check, or name another file with --token",
        )
    answer, time = _ask(data, authority, trusted)
    fs.replace(path, answer)
    return replace(time, file=str(path))


def check(checkpoint: bytes, token: bytes, certificates: bytes) -> Time:
    """What `token` says of the bytes of a `checkpoint`, to whoever trusts `certificates` (PEM).

    Certificates must have been valid at the time that the token names. Raises `LedgerTampered`
    where the token does not hold, `PolicyUnmet` where the certificates do not vouch for it.
    """
    return _checked(checkpoint, token, _parsed(certificates, "the certificates"), "the token")


def _ask(data: bytes, authority: str, trusted: list[Certificate]) -> tuple[bytes, Time]:
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    host = host_of(authority)
    query = (
        TimestampRequestBuilder()
        .data(data)
        .hash_algorithm(HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=True)
        .build()
    )
    answer = ask(authority, query.as_bytes())
    what = f"the answer of {host}"
    try:
        response = _decoded(answer, what)
        _refuse_rejection(response, host)
        time = _read_token(response, data, trusted, what)
    except LedgerTampered as error:
        raise NoTimestamp(error.message, hint="ask another authority") from None
    if response.tst_info.nonce != query.nonce:
        raise NoTimestamp(
            f"{what} is to another question: its nonce is not ours",
            hint="somebody may be answering in its place: use its https URL",
        )
    return answer, _checked(data, answer, trusted, what) if trusted else time


def _refuse_rejection(response: TimeStampResponse, host: str) -> None:
    if response.status == 0:
        return
    words = printable(" ".join(response.status_string))[:200]
    raise NoTimestamp(
        f"{host} grants no time-stamp (status {response.status}){': ' + words if words else ''}",
        hint="ask another authority",
    )


def _checked(data: bytes, token: bytes, trusted: list[Certificate], what: str | Path) -> Time:
    from rfc3161_client import VerificationError, VerifierBuilder

    response = _decoded(token, what)
    time = _read_token(response, data, trusted, what)
    signer = _signer(response, trusted, what)
    if signer is None:
        raise PolicyUnmet(
            f"{what} does not hold the certificate of its signer, and it is not among those given",
            hint="add it to the file of certificates: the authority publishes it",
        )
    with _strangers_bytes(what):
        builder = VerifierBuilder(roots=trusted)
        if signer not in _embedded(response):  # so it is one of those trusted
            response, builder = _bare(response), builder.tsa_certificate(signer)
        try:
            builder.build().verify(response, sha256(data).digest())
        except VerificationError as error:
            if not any(word in str(error) for word in _NOT_VOUCHED):
                raise LedgerTampered(
                    f"{what} was altered: its signature does not hold", hint=_COPY
                ) from None
            raise PolicyUnmet(
                f"{what} is not by an authority that the certificates vouch for: the signer's "
                "chain does not lead to them, was not valid then, or is not for time-stamping",
                hint="name the file with the root and intermediate certificates of the authority",
            ) from None
    return replace(time, verified=True)


_COPY = "put the copy back that was stored, or get a new one with --authority"
_NOT_VOUCHED = ("certificate verify error", "EKU")


def _decoded(token: bytes, what: str | Path) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response

    with _strangers_bytes(what):
        return decode_timestamp_response(der.with_sorted_certificates(token))
    raise AssertionError


def _read_token(
    response: TimeStampResponse, data: bytes, trusted: Iterable[Certificate], what: str | Path
) -> Time:
    """What the token says, unverified but for the bytes that it speaks of."""
    signer = _signer(response, trusted, what)
    with _strangers_bytes(what):
        info = response.tst_info
        imprint = info.message_imprint
        mine = imprint.hash_algorithm.dotted_string == _SHA256
        mine = mine and imprint.message == sha256(data).digest()
        time = Time(
            time=(info.gen_time - _EPOCH) // timedelta(microseconds=1),
            accuracy=_microseconds(info.accuracy),
            authority=printable(signer.subject.rfc4514_string()) if signer else UNNAMED,
            policy=info.policy.dotted_string,
            serial=f"{info.serial_number:x}",
            verified=False,
        )
    if not mine:
        raise LedgerTampered(
            f"{what} is for other bytes than those of this checkpoint",
            hint="a token speaks of one file, byte for byte: find the one that it was made for",
        )
    return time


def _microseconds(accuracy: Accuracy | None) -> int:
    if accuracy is None:
        return 0
    parts = accuracy.seconds or 0, accuracy.millis or 0, accuracy.micros or 0
    return parts[0] * 1_000_000 + parts[1] * 1000 + parts[2]


def _signer(
    response: TimeStampResponse, trusted: Iterable[Certificate], what: str | Path
) -> Certificate | None:
    """The certificate of who signed, in the token or else among those trusted; no CA's."""
    with _strangers_bytes(what):
        info = next(iter(response.signed_data.signer_infos))
        signer = next(
            (
                one
                for one in chain(_embedded(response), trusted)
                if (one.issuer, one.serial_number) == (info.issuer, info.serial_number)
            ),
            None,
        )
        issues = signer is not None and _issues(signer)
    if issues:
        raise PolicyUnmet(
            f"{what} is signed with a certificate that issues others, but a signer of "
            "time-stamps has one for nothing else (RFC 3161, section 2.3)",
            hint="ask another authority",
        )
    return signer


def _embedded(response: TimeStampResponse) -> list[Certificate]:
    from cryptography.x509 import load_der_x509_certificate

    return [load_der_x509_certificate(one) for one in response.signed_data.certificates]


def _bare(response: TimeStampResponse) -> TimeStampResponse:
    """`response` without the certificates of its token, where none is its signer's."""
    signed = SimpleNamespace(certificates=set(), signer_infos=response.signed_data.signer_infos)
    bare = SimpleNamespace(
        status=response.status,
        tst_info=response.tst_info,
        time_stamp_token=response.time_stamp_token,
        signed_data=signed,
    )
    return cast("TimeStampResponse", bare)


def _issues(certificate: Certificate) -> bool:
    """Whether this is the certificate of a CA (RFC 5280, section 4.2.1.9)."""
    from cryptography.x509 import BasicConstraints

    found = [one.value for one in certificate.extensions]
    return any(isinstance(one, BasicConstraints) and one.ca for one in found)


@contextmanager
def _strangers_bytes(what: str | Path) -> Iterator[None]:
    """Whatever a parser raises over bytes that anyone may have written is one sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (LedgerTampered, PolicyUnmet):
            raise
        except Exception:
            raise LedgerTampered(
                f"{what} is no time-stamp token that can be read", hint=_COPY
            ) from None


def _certificates(path: Path) -> list[Certificate]:
    return _parsed(_read(path, "the certificates"), path)


def _parsed(pem: bytes, what: str | Path) -> list[Certificate]:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return list(dict.fromkeys(load_pem_x509_certificates(pem)))
    except ValueError:
        raise UsageError(
            f"{what} holds no certificate in PEM form",
            hint="openssl x509 -inform DER -in FILE -out FILE.pem turns one of DER form into it",
        ) from None


def _read(path: Path, what: str) -> bytes:
    with fs.readable(path, what).open("rb") as file:
        data = file.read(LONGEST + 1)
    if not data or len(data) > LONGEST:
        size = f"more than {LONGEST:,} bytes" if data else "empty"
        raise UsageError(f"{path} is {size}, not {what}", hint="check the path")
    return data
