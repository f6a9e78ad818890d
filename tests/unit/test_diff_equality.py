"""Two forms of one value, and two values that only look alike."""

from typing import Any

import pytest

from reconciler.equality import RULES, scalar
from reconciler.rules import for_type

ANY = for_type("Contoso.Any/things").root()
GUID = "1C793267-c310-d4ae-7BD5-000000000000"
ID = "/subscriptions/s/resourceGroups/g/providers/P/t/n"


@pytest.mark.parametrize(
    ("name", "sent", "seen", "rule"),
    [
        ("x", "Enabled", "enabled", "case"),
        ("x", GUID, GUID.lower(), "case"),
        ("x", ID, ID.upper(), "id"),
        ("x", "/providers/P/t/n", ID, "id"),
        ("x", "n", ID, "id"),
        ("location", "East US", "eastus", "location"),
        ("location", "northcentralusstage", "North Central US (Stage)", "location"),
        ("x", "SystemAssigned,UserAssigned", "SystemAssigned, UserAssigned", "space"),
        ("x", "<a><b/></a>", "<a>\r\n\t<b/>\r\n</a>", "space"),
        ("x", 30, 30.0, "number"),
        ("x", "7", 7, "number"),
        ("x", "1.0Gi", "1Gi", "number"),
        ("x", "True", True, "boolean"),
        ("x", "P1Y", "P365D", "duration"),
        ("x", "P1Y2M3DT3H11M2S", "P428DT3H11M2S", "duration"),
        ("x", "PT24H", "1.00:00:00", "duration"),
        ("x", "10:00 AM", "10:00", "duration"),
        ("x", "2020-01-01T00:00:00.0000000Z", "2020-01-01T00:00:00Z", "date"),
        ("x", "2020-01-01T01:00:00+01:00", "2020-01-01T00:00:00Z", "date"),
        ("x", "2020-01-01T00:00:00.12345678Z", "2020-01-01T00:00:00.123Z", "date"),
        ("x", "https://V.vault.azure.net:443", "https://v.vault.azure.net/", "url"),
        ("x", "contoso.com", "contoso.com.", "url"),
        ("x", '{"a": 1}', '{"a":1}', "json"),
        ("x", "A=1;AccountKey=abc;B=2", "A=1;B=2", "connection"),
        ("x", "A=1;AccountKey=abc", "A=1;AccountKey=***", "connection"),
        ("x", "anything", "**********", "masked"),
        ("x", "same", "same", ""),
        ("x", "1.30", "1.3", None),
        ("x", "1.2", "1.20", None),
        ("x", "P1D", "P2D", None),
        ("x", "2020-01-01T00:00:00Z", "2020-01-01T00:00:01Z", None),
        ("x", "East US", "eastus", None),
        ("x", "https://h/Path", "https://h/path", None),
        ("x", "A=1;AccountKey=abc", "A=2", None),
        ("x", "A=1;AccountKey=abc", "A=1;AccountKey=abd", None),
        ("x", 1, True, None),
        ("x", "a b", "ab", None),
        ("description", "Hello", "hello", None),
        ("x", "aGVsbG8gd29ybGQ=", "AGVSBG8GD29YBGQ=", None),
    ],
)
def test_forms(name: str, sent: Any, seen: Any, rule: str | None) -> None:
    assert scalar(sent, seen, ANY.key(name)) == rule
    assert rule is None or rule == "" or rule in RULES


@pytest.mark.parametrize(("sent", "seen"), [("Dev", "dev"), ("P1D", "PT24H"), ("a ", "a")])
def test_a_tag_is_compared_to_the_letter(sent: Any, seen: Any) -> None:
    assert scalar(sent, seen, ANY.key("tags").key("x")) is None


def test_what_an_author_wrote_for_data_factory_keeps_its_case_but_not_the_form_of_its_dates() -> None:
    spot = for_type("Microsoft.DataFactory/factories/triggers").root().key("properties").key("typeProperties")
    assert scalar("Hello", "hello", spot.key("value")) is None
    assert scalar("2017-04-14T13:00:00.0000000Z", "2017-04-14T13:00:00Z", spot.key("startTime")) == "date"
