"""Functions, by the rules of their documentation."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from support.templates import CONTEXT, run, template, value_of

from reconciler.armtemplate import TemplateError, evaluate

GIVES = [
    # Strings are compared without case where the documentation says so, and only there.
    ("startsWith('Straße', 'STRAß')", True),
    ("endsWith('abc', 'BC')", True),
    ("contains('abc', 'B')", False),
    ("indexOf('abcABC', 'C')", 2),
    ("lastIndexOf('abcABC', 'a')", 3),
    ("indexOf(createArray('a', 'A'), 'A')", 1),
    ("equals('a', 'A')", False),
    ("contains(createObject('Key', 1), 'kEY')", True),
    ("createObject('Key', 1).kEY", 1),
    # Text
    ("concat('a', 1, true())", "a1True"),
    ("split('a;b,c', createArray(';', ','))", ["a", "b", "c"]),
    ("split('abc', '')", ["abc"]),
    ("substring('abc', 1)", "bc"),
    ("take('abc', -1)", ""),
    ("skip('abc', 5)", ""),
    ("toUpper('straße')", "STRAßE"),
    ("padLeft(7, 3, '0')", "007"),
    ("string(createObject('a', createArray(1, null())))", '{"a":[1,null]}'),
    ("string(true())", "True"),
    ("trim('  a ')", "a"),
    ("uriComponent('a b/ü!')", "a%20b%2F%C3%BC%21"),
    ("json('{\"a\": [1, 1.5, null]}')", {"a": [1, 1.5, None]}),
    ("base64ToJson(base64('{\"a\":1}'))", {"a": 1}),
    ("like('abcdef', 'A*c*')", True),
    ("like('abc', 'a*bb*c')", False),
    # .NET formats
    ("format('{0,5}|{0,-5}|{0:D4}|{0:X}', 42)", "   42|42   |0042|2A"),
    ("format('{0:N2} {1:0.0#} {{{2}}}', 1234, 5, 'x')", "1,234.00 5.0 {x}"),
    ("format('{0}', createArray(1, 'a'))", "[1,'a']"),
    # Numbers: division truncates towards zero, the remainder has the dividend's sign
    ("div(-7, 2)", -3),
    ("mod(-7, 2)", -1),
    ("int('42')", 42),
    ("float('1.5')", 1.5),
    ("max(createArray(1, 3, 2))", 3),
    # Comparison of strings follows the culture: small letters before capitals
    ("less('a', 'A')", True),
    ("less('B', 'a')", False),
    # Arrays and objects
    ("union(createArray(1, 2), createArray(2, 3))", [1, 2, 3]),
    ("intersection(createObject('a', 1, 'b', 2), createObject('A', 1, 'b', 3))", {"a": 1}),
    ("flatten(createArray(createArray(1), createArray(2, createArray(3))))", [1, 2, [3]]),
    ("first(createArray())", None),
    ("last('')", ""),
    ("indexFromEnd(createArray(1, 2, 3), 1)", 3),
    ("tryIndexFromEnd(createArray(1), 5)", None),
    ("items(createObject('b', 1, 'a', 2))", [{"key": "a", "value": 2}, {"key": "b", "value": 1}]),
    ("objectKeys(createObject('b', 1, 'A', 2))", ["A", "b"]),
    ("tryGet(createArray(createObject('a', 1)), 0, 'A')", 1),
    ("coalesce(null(), 0)", 0),
    ("distinct(createArray(1, '1', 1, true()))", [1, "1", True]),
    ("length('😀')", 2),
    ("empty(null())", True),
    # Lambdas see the variables of those around them
    (
        "map(range(0, 2), lambda('a', map(range(0, 2), lambda('b', add(lambdaVariables('a'), lambdaVariables('b'))))))",
        [[0, 1], [1, 2]],
    ),
    (
        "sort(createArray(2, 1, 3), lambda('a', 'b', greater(lambdaVariables('a'), lambdaVariables('b'))))",
        [3, 2, 1],
    ),
    ("reduce(createArray(), 5, lambda('a', 'b', 1))", 5),
    # Dates: a year has 365 days, a month 30
    ("dateTimeAdd('2020-04-07 14:53:14Z', 'P3Y')", "2023-04-07T14:53:14Z"),
    ("dateTimeAdd('2024-01-01 00:00:00Z', 'P1Y')", "2024-12-31T00:00:00Z"),
    ("dateTimeAdd('20240101T000000Z', 'P1M')", "2024-01-31T00:00:00Z"),
    ("dateTimeAdd('2024-01-15T12:00:00.50+05:30', 'P0D')", "2024-01-15T12:00:00.50+05:30"),
    ("dateTimeAdd('2024-01-15T12:00:00+05:30', 'P0D', 'u')", "2024-01-15 06:30:00Z"),
    ("dateTimeAdd('2020-04-07T14:53:14Z', '-PT1H', 'yyyy/M/d h:mm tt')", "2020/4/7 1:53 PM"),
    ("dateTimeToEpoch(dateTimeFromEpoch(1683040573))", 1683040573),
    # Names of real resources are made with these, so they must be Azure's own values
    ("uniqueString('hello', 'world')", "a7wkljktk6wne"),
    (
        "uniqueString('/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/myRg')",
        "js26ofeqkqeve",
    ),
    ("guid('foo', 'bar', 'baz')", "2ed86837-7c7c-5eaa-9864-dd077fd19b0d"),
    # Address ranges
    ("cidrSubnet('10.144.0.0/20', 24, 1)", "10.144.1.0/24"),
    ("cidrHost('10.144.3.0/24', 0)", "10.144.3.1"),
    ("parseCidr('10.0.0.0/31').lastUsable", "10.0.0.1"),
    # Short circuits: what is not taken may be wrong
    ("if(true(), 1, fail('never'))", 1),
    ("or(true(), fail('never'))", True),
    ("and(false(), fail('never'))", False),
    ("coalesce(1, fail('never'))", 1),
    # The language
    ("CONCAT ( 'it''s' ,\n 'x' )", "it'sx"),
    ("createArray(1, -2)[1]", -2),
    ("createObject('a b', 1)['a b']", 1),
]


@pytest.mark.parametrize(("expression", "wanted"), GIVES, ids=[pair[0][:60] for pair in GIVES])
def test_gives(expression: str, wanted: Any) -> None:
    """A call gives the documented value, of the documented type."""
    got = value_of(expression)
    assert got == wanted
    assert type(got) is type(wanted)


REFUSES = [
    ("add('1', 2)", "the function 'add' takes an integer, but was given a string"),
    ("add(9223372036854775807, 1)", "the result does not fit into 64 bits"),
    ("div(1, 0)", "the function 'div' cannot divide by zero"),
    ("substring('abc', 2, 5)", "the index 2 and length 5 given to 'substring' must be within the string"),
    ("createArray(1)[1]", "the array index '1' is out of bounds"),
    ("createObject('a', 1).b", "the property 'b' does not exist; available properties are 'a'"),
    ("int('x')", "the function 'int' was given text that is not an integer"),
    ("json('{')", "the function 'json' was given text that is not JSON"),
    ("range(0, 10001)", "the count given to 'range' must be from 0 to 10000"),
    ("format('{1}', 1)", "the text given to 'format' names {1}"),
    ("concat('a', createArray())", "joins either strings or arrays"),
    ("cidrSubnet('10.0.0.0/24', 16, 0)", "must be from 24 to 32"),
    ("parseCidr('10.0.0.0')", "not an address range"),
    ("dateTimeAdd('2020-01-01T00:00:00Z', '3 days')", "takes an ISO 8601 duration"),
    ("nope(1)", "there is no function 'nope'"),
    ("toLower()", "the function 'toLower' takes 1 arguments, but was given 0"),
    ("if('x', 1, 2)", "the function 'if' takes booleans, but was given a string"),
    ("filter(createArray(1), lambda('a', 1))", "the lambda of 'filter' must give a boolean"),
    ("utcNow()", "can only be used in the default value of a parameter"),
    ("copyIndex()", "can only be used inside of a copy loop"),
    ("fail('my words')", "my words"),
    ("parameters('none')", "the parameter 'none' is not declared"),
    ("lambda('a', 1)", "a lambda can only be an argument"),
]


@pytest.mark.parametrize(("expression", "message"), REFUSES, ids=[pair[0][:60] for pair in REFUSES])
def test_refuses(expression: str, message: str) -> None:
    """A wrong call is refused with what is wrong."""
    with pytest.raises(TemplateError) as caught:
        value_of(expression)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "column"),
    [("[add(1, nope('a'))]", 9), ("[add(1 2)]", 8), ("[concat('a]", 9), ("[int('a').x[]", 13)],
)
def test_fault_names_the_column(text: str, column: int) -> None:
    """The column of a fault counts in the expression as the template shows it, bracket included."""
    with pytest.raises(TemplateError) as caught:
        run(template(outputs={"o": {"type": "int", "value": text}}))
    fault = caught.value.faults[0]
    assert (fault.expression, fault.expression_column, fault.path) == (text, column, "$.outputs.o.value")


def test_what_is_no_expression() -> None:
    """Only text in single brackets is one; a doubled first bracket stands for itself."""
    texts = {"a": "[[x]", "b": "[x] y", "c": "[[x] y", "d": "[", "e": " [concat('a')]"}
    made = run(template(outputs={"o": {"type": "object", "value": texts}}))
    assert made.outputs["o"].value == {
        "a": "[x]",
        "b": "[x] y",
        "c": "[[x] y",
        "d": "[",
        "e": " [concat('a')]",
    }


def test_time_and_new_guid_come_from_the_context() -> None:
    """The evaluator reads no clock and rolls no dice itself."""
    source = template(
        parameters={
            "now": {"type": "string", "defaultValue": "[utcNow('yyyy-MM-dd')]"},
            "id": {"type": "string", "defaultValue": "[newGuid()]"},
        },
        outputs={
            "now": {"type": "string", "value": "[parameters('now')]"},
            "id": {"type": "string", "value": "[parameters('id')]"},
        },
    )
    guid = "6b1c0000-0000-4000-8000-000000000001"
    context = replace(CONTEXT, utc_now=datetime(2026, 1, 31, 20, 15, tzinfo=UTC), new_guid=lambda: guid)
    made = evaluate(source, {}, context)
    assert (made.outputs["now"].value, made.outputs["id"].value) == ("2026-01-31", guid)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("resourceId('A.B/c/d', 'x', 'y')", "/subscriptions/S/resourceGroups/G/providers/A.B/c/x/d/y"),
        ("resourceId('R', 'A.B/c', 'x')", "/subscriptions/S/resourceGroups/R/providers/A.B/c/x"),
        ("resourceId('T', 'R', 'A.B/c', 'x')", "/subscriptions/T/resourceGroups/R/providers/A.B/c/x"),
        ("resourceId('Microsoft.Resources/resourceGroups', 'R')", "/subscriptions/S/resourceGroups/R"),
        ("subscriptionResourceId('A.B/c', 'x')", "/subscriptions/S/providers/A.B/c/x"),
        ("tenantResourceId('A.B/c', 'x')", "/providers/A.B/c/x"),
        (
            "managementGroupResourceId('m', 'A.B/c', 'x')",
            "/providers/Microsoft.Management/managementGroups/m/providers/A.B/c/x",
        ),
        ("extensionResourceId('/base', 'A.B/c', 'x')", "/base/providers/A.B/c/x"),
    ],
)
def test_ids(expression: str, wanted: str) -> None:
    """Ids interleave the type's segments with the names, under the scope that the function is for."""
    assert value_of(expression) == wanted
