"""The pure parts of the ARM sandbox: ids, filters, what-if's comparison, names as ARM spells them."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.service import CloudError
from sandbox.services.arm import ids, lists, regions
from sandbox.services.arm.deployments import shapes, whatif

GROUP = "/subscriptions/s/resourceGroups/g"


@pytest.mark.parametrize(
    ("text", "type_", "names", "scope"),
    [
        (f"{GROUP}/providers/A.B/c/d", "A.B/c", ("d",), GROUP),
        (f"{GROUP}/providers/A.B/c/d/e/f", "A.B/c/e", ("d", "f"), GROUP),
        (f"{GROUP}/providers/A.B/c/d/providers/X.Y/z/w", "X.Y/z", ("w",), f"{GROUP}/providers/A.B/c/d"),
        ("/providers/A.B/c/d", "A.B/c", ("d",), ""),
    ],
)
def test_an_id_is_taken_apart_and_put_together(
    text: str, type_: str, names: tuple[str, ...], scope: str
) -> None:
    """Nested, extension and tenant resources."""
    found = ids.parse(text)
    assert found is not None
    assert (found.type, found.names, found.scope, found.id) == (type_, names, scope, text)


@pytest.mark.parametrize(
    "text", ["", GROUP, f"{GROUP}/providers/A.B/c", f"{GROUP}/providers/A.B/c/d/listKeys"]
)
def test_what_names_no_resource_is_none(text: str) -> None:
    """Scopes, collections and actions."""
    assert ids.parse(text) is None


def test_ancestors_go_up_to_the_tenant() -> None:
    """Roles and locks are looked up along this line."""
    text = f"{GROUP}/providers/A.B/c/d/e/f"
    expected = [text, f"{GROUP}/providers/A.B/c/d", GROUP, "/subscriptions/s", ""]
    assert ids.ancestors(text) == expected
    assert ids.ancestors("/providers/Microsoft.Management/managementGroups/m")[1:] == [""]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("NewNSG", "newNSG"),
        ("VMSS", "vmss"),
        ("Empty", "empty"),
        ("acrName", "acrName"),
        ("IDValue", "idValue"),
    ],
)
def test_names_of_outputs_lose_their_first_capitals(name: str, shown: str) -> None:
    """The first three are recorded."""
    assert shapes.camel(name) == shown


@pytest.mark.parametrize(
    ("type_", "shown"), [("securestring", "SecureString"), ("int", "Int"), ("secureObject", "SecureObject")]
)
def test_types_are_spelt_as_arm_does(type_: str, shown: str) -> None:
    """Whatever the template's spelling."""
    assert shapes.spelt(type_) == shown


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name eq 'A'", True),
        ("name ne 'A'", False),
        ("substringof('a', name)", True),
        ("tagName eq 'T' and tagValue eq 'v'", True),
        ("tagName eq 't' and tagValue eq 'w'", False),
        ("location eq 'westeurope' and resourceType eq 'a.b/C'", True),
        ("resourceGroup eq 'g'", True),
    ],
)
def test_filters_pick(text: str, found: bool) -> None:
    """Names without case, values of tags with it."""
    item = {"id": f"{GROUP}/providers/A.B/c/a", "name": "a", "type": "A.B/c", "location": "West Europe"}
    assert lists.matcher(text)({**item, "tags": {"t": "v"}}) is found


def test_an_unknown_filter_is_refused() -> None:
    """Never silently ignored."""
    with pytest.raises(CloudError, match="InvalidFilterInQueryString"):
        lists.matcher("size gt 3")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [("a.b", "Modify")]),
        ({"a": 1}, {"c": 1}, [("a", "Delete"), ("c", "Create")]),
        ({"a": [1]}, {"a": [1, 2]}, [("a", "Array")]),
    ],
)
def test_what_if_compares_property_by_property(
    before: dict[str, Any], after: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """Paths with dots; arrays as a whole with children."""
    found = whatif.compare(before, after)
    assert [(one["path"], one["propertyChangeType"]) for one in found] == expected


def test_what_if_tells_which_item_of_an_array_changed() -> None:
    """By its index."""
    (array,) = whatif.compare({"a": [{"x": 1}, 2]}, {"a": [{"x": 2}]})
    children = [(one["path"], one["propertyChangeType"]) for one in array["children"]]
    assert children == [("0", "Modify"), ("1", "Delete")]
    assert array["children"][0]["children"][0]["path"] == "x"


def test_every_region_has_a_place_on_earth() -> None:
    """And older versions tell less of it."""
    assert {"westeurope", "eastus"} <= set(regions.NAMES)
    assert regions.normal("West Europe") == "westeurope"
    new, old = regions.listed("s", "2022-12-01")[0], regions.listed("s", "2019-11-01")[0]
    assert new.keys() - old.keys() == {"type", "availabilityZoneMappings"}
    assert new["metadata"].keys() - old["metadata"].keys() == {"geography"}
