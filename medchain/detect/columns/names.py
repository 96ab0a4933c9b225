"""What the name of a column tells of its cells."""

from __future__ import annotations

import re


def _named(words: str) -> re.Pattern[str]:
    """Names that hold one of the words by itself: between signs, digits, or capitals."""
    return re.compile(rf"(?:^|[^a-z])(?:{words})(?:$|[^a-z])")


PHONE = _named("phone|telephone|telefon|tel|mobile|cell ?phone|fax|handy|pager")
CONTACT = _named("e ?mail|mail|url|ip|address|adresse|street|strasse|straße")
INSURANCE = _named(
    "ssn|social security|nhs|insurance|versicherung|kvnr|kvnummer|passport|iban|account|medicare"
    "|medicaid|mbi|policy|licen[cs]e|nino|chi|bsn|nir|cpr"
)
COORDINATE = _named("lat|latitude|lon|long|lng|longitude|gps|coord|coordinates?|easting|northing")
BIRTH = _named("birth ?date|date of birth|birth|born|birthday|dob|geburt|geburtsdatum|naissance")
DATED = _named("date|datum|day|on|at|dt|time|timestamp|admitted|discharged|birthday|dob")
PRESSURE = _named("bp|nibp|blood ?pressure|pressure|rr|blutdruck")
NOMINAL = _named(
    "race|gender|sex|ethnic|ethnicity|ethnic group|religion|marital|marital status|nationality"
    "|language|blood ?type|blood ?group|occupation|insurance|ward|department|site|centre|center"
    "|hospital|clinic|country|region|admission type|discharge type|geschlecht|station"
)
PATIENT = re.compile(
    r"(?:patient|patienten|pat|subject|subj|person|participant|proband|case|record|client|member"
    r"|individual|study|encounter|hadm|visit|hospital|medical record)"
    r" ?(?:id|ids|nr|no|num|number|key|identifier|nummer)$"
    r"|^(?:id|ids|uid|uuid|guid|mrn|patient|pid|subject|patnr)$"
)
COMPLETE = re.compile(r".+_complete$|^redcap_(?:event_name|repeat_instrument|repeat_instance)$")


def spoken(name: str) -> str:
    """A column's name as words in lower case: ``patientID`` is ``patient id``."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.split(r"[^\w]+|_+", apart)).strip().lower()
