"""Resources: loops, conditions, children, order, scopes, symbolic names, nested and linked templates."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.templates import CONTEXT, SCHEMA, run, template, thing, thing_id

from reconciler.armtemplate import Context, TemplateError, evaluate, parse

LOOP = {"name": "loop", "count": 3}


def waits(source: dict[str, Any], context: Context = CONTEXT) -> dict[str, list[str]]:
    """For each resource's name those that it waits for."""
    made = evaluate(source, {}, context)
    return {item.name: [one.rpartition("/")[2] for one in item.depends_on] for item in made.resources}


def messages(source: Any) -> list[str]:
    with pytest.raises(TemplateError) as caught:
        run(source)
    return [fault.message for fault in caught.value.faults]


def test_fields() -> None:
    """A resource keeps its own fields and loses those that only steer the deployment."""
    made = run(
        parse(json.dumps(template(thing(tags={"a": "[concat('b')]"}, comments="c", sku={"name": "s"}))), "t")
    )
    item = made.resources[0]
    assert (item.id, item.scope, item.deployment_scope) == (
        thing_id("x"),
        "/subscriptions/S/resourceGroups/G",
        "/subscriptions/S/resourceGroups/G",
    )
    assert item.body == {"tags": {"a": "b"}, "sku": {"name": "s"}}
    assert (item.origin.file, item.origin.line) == ("t", 1)


def test_resource_loop_is_parallel_or_serial() -> None:
    """Instances of a serial loop wait for the batch before; those of a parallel loop for nothing."""
    looped = thing("[concat('x', copyIndex(1))]", copy=LOOP)
    assert waits(template(looped)) == {"x1": [], "x2": [], "x3": []}
    serial = thing("[concat('x', copyIndex())]", copy={**LOOP, "mode": "serial", "batchSize": 2})
    assert waits(template(serial)) == {"x0": [], "x1": [], "x2": ["x0", "x1"]}
    longer = {**serial, "copy": {**serial["copy"], "count": 5}}
    assert waits(template(longer))["x4"] == ["x2", "x3"]


def test_waiting_for_a_loop_is_waiting_for_all_of_it() -> None:
    """`dependsOn` with the name of a loop means every instance; an empty loop means none."""
    after = thing("after", dependsOn=["loop"])
    source = template(after, thing("[concat('x', copyIndex())]", copy=LOOP))
    assert waits(source)["after"] == ["x0", "x1", "x2"]
    empty = template(after, thing("[concat('x', copyIndex())]", copy={"name": "loop", "count": 0}))
    assert waits(empty) == {"after": []}


def test_property_loops_nest() -> None:
    """A loop over a property sees the resource's index and those of the loops around."""
    inner = {
        "name": "in",
        "count": 2,
        "input": "[add(mul(copyIndex('out'), 10), add(copyIndex('in'), copyIndex()))]",
    }
    outer = {"name": "out", "count": 2, "input": {"copy": [inner]}}
    source = template(
        thing("[concat('x', copyIndex())]", copy={"name": "r", "count": 2}, properties={"copy": [outer]})
    )
    assert [item.body["properties"]["out"] for item in run(source).resources] == [
        [{"in": [0, 1]}, {"in": [10, 11]}],
        [{"in": [1, 2]}, {"in": [11, 12]}],
    ]


def test_a_property_named_copy_stays() -> None:
    """Only a list of loops is a loop; a property may have that name."""
    item = run(template(thing(properties={"copy": {"a": 1}, "list": {"copy": ["x"]}}))).resources[0]
    assert item.body["properties"] == {"copy": {"a": 1}, "list": {"copy": ["x"]}}


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (801, "must be from 0 to 800"),
        (-1, "must be from 0 to 800"),
        ("x", "must be an integer, but it is a string"),
        ("[deployer().objectId]", "must be known before the deployment"),
    ],
)
def test_loop_counts(count: Any, message: str) -> None:
    """A loop turns from 0 to 800 times, and that must be known before."""
    assert (
        message
        in messages(template(thing("[concat('x', copyIndex())]", copy={"name": "l", "count": count})))[0]
    )


def test_conditions() -> None:
    """What a condition leaves out is gone, nothing waits for it, and its children have conditions of their own."""
    child = {"type": "parts", "apiVersion": "v", "name": "p"}
    source = template(
        thing("no", condition="[equals(1, 2)]", resources=[child]),
        thing("yes", condition=True, dependsOn=["no", "[resourceId('A.B/things', 'no')]"]),
    )
    assert waits(source) == {"no/p": [], "yes": []}


def test_children() -> None:
    """A child inside of its parent gets the parent's type and name, and stands beside it in the same scope."""
    child = {"type": "parts", "apiVersion": "v", "name": "p", "resources": [{**thing("q"), "type": "bits"}]}
    made = run(template(thing("x", resources=[child]))).resources
    assert [(item.type, item.name) for item in made[1:]] == [
        ("A.B/things/parts", "x/p"),
        ("A.B/things/parts/bits", "x/p/q"),
    ]
    assert made[2].id == thing_id("x") + "/parts/p/bits/q"
    assert made[2].scope == made[0].scope


def test_dependson_in_every_form() -> None:
    """An entry is a name, a child's short name, an id, or a type with a name."""
    child = {"type": "parts", "apiVersion": "v", "name": "p", "dependsOn": ["x"]}
    forms = ["x", "p", thing_id("x").upper(), "[concat('A.B/things/', 'x')]", "A.B/things/x/parts/p"]
    for form, wanted in zip(forms, ["x", "p", "x", "x", "p"], strict=True):
        source = template(thing("x", resources=[child]), thing("after", dependsOn=[form]))
        assert waits(source)["after"] == [wanted]


def test_reading_is_waiting() -> None:
    """A reference makes an order, also where the resource is named by its id; so does a list function."""
    for expression in (
        "reference('x').a",
        "reference(resourceId('A.B/things', 'x'), 'v').a",
        "listKeys('x', 'v').a",
    ):
        source = template(thing("x"), thing("after", properties={"a": f"[{expression}]"}))
        assert waits(source)["after"] == ["x"]


def test_circles_and_strangers_are_refused() -> None:
    """A circle is told with its path; a name that nothing has, with the name."""
    circle = template(thing("a", dependsOn=["b"]), thing("b", properties={"x": "[reference('a').y]"}))
    assert "A.B/things/a -> A.B/things/b -> A.B/things/a" in messages(circle)[0]
    assert messages(template(thing("a", dependsOn=["c", "a"]))) == [
        "'dependsOn' names 'c', which is not defined in the template",
        "the resource 'a' depends on itself",
    ]


def test_twins_are_a_warning() -> None:
    """Two resources of one id cannot both be; which one is meant is for the author to say."""
    made = run(template(thing("a"), thing("A")))
    assert "is defined twice" in made.warnings[0].message


def test_scopes() -> None:
    """An extension lies below what it extends, whichever way that is written."""
    lock = {"type": "Microsoft.Authorization/locks", "apiVersion": "v", "name": "l"}
    wanted = thing_id("x") + "/providers/Microsoft.Authorization/locks/l"
    for field in (thing_id("x"), "A.B/things/x", "[resourceId('A.B/things', 'x')]"):
        item = run(template(thing("x"), {**lock, "scope": field})).resources[1]
        assert (item.id, item.scope) == (wanted, thing_id("x"))
    inside = run(template(thing("x", resources=[{**lock, "name": "l"}]))).resources[1]
    assert inside.id.startswith(thing_id("x") + "/providers/Microsoft.Authorization/locks/")
    legacy = {"type": "A.B/things/providers/locks", "apiVersion": "v", "name": "x/Microsoft.Authorization/l"}
    assert run(template(legacy)).resources[0].id == wanted


def test_subscription_scope() -> None:
    """A template for a subscription makes groups, and deploys into them."""
    schema = SCHEMA.replace("deploymentTemplate", "subscriptionDeploymentTemplate")
    inner = template(
        thing("[resourceGroup().location]"),
        outputs={"o": {"type": "string", "value": "[resourceGroup().id]"}},
    )
    source = template(
        {"type": "Microsoft.Resources/resourceGroups", "apiVersion": "v", "name": "R", "location": "north"},
        nested("d", inner, resourceGroup="R", dependsOn=["R"]),
        outputs={
            "o": {
                "type": "string",
                "value": "[reference(resourceId('S', 'R', 'Microsoft.Resources/deployments', 'd'), 'v').outputs.o.value]",
            }
        },
    )
    source["$schema"] = schema
    made = run(source)
    assert [item.id for item in made.resources] == [
        "/subscriptions/S/resourceGroups/R",
        "/subscriptions/S/resourceGroups/R/providers/A.B/things/north",
    ]
    assert made.resources[1].depends_on == ("/subscriptions/S/resourceGroups/R",)
    assert made.outputs["o"].value == "/subscriptions/S/resourceGroups/R"


def nested(name: str, inner: dict[str, Any], scope: str = "inner", **fields: Any) -> dict[str, Any]:
    properties = {"mode": "Incremental", "expressionEvaluationOptions": {"scope": scope}, "template": inner}
    given = fields.pop("parameters", None)
    if given is not None:
        properties["parameters"] = given
    return {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "v",
        "name": name,
        "properties": properties,
        **fields,
    }


def test_inner_and_outer_scope() -> None:
    """An inner template has its own names; an outer one those of the template around."""
    variables = {"v": "outside"}
    inner = template(thing("[variables('v')]"), variables={"v": "inside"})
    for scope, wanted in (("inner", "inside"), ("outer", "outside")):
        made = run(template(nested("d", inner, scope), variables=variables))
        assert [item.name for item in made.resources] == [wanted]


def test_order_through_nested_deployments() -> None:
    """A nested deployment is replaced by what it holds, on both ends of a dependency."""
    inner = template(thing("in1"), thing("in2", dependsOn=["in1"]))
    source = template(
        thing("before"), nested("d", inner, dependsOn=["before"]), thing("after", dependsOn=["d"])
    )
    assert waits(source) == {
        "before": [],
        "in1": ["before"],
        "in2": ["in1", "before"],
        "after": ["in1", "in2"],
    }


def test_order_through_an_empty_deployment() -> None:
    """A deployment that only has outputs passes the order on."""
    source = template(
        thing("before"), nested("d", template(), dependsOn=["before"]), thing("after", dependsOn=["d"])
    )
    assert waits(source)["after"] == ["before"]


def test_outputs_of_nested_deployments_are_known() -> None:
    """Outputs flow into the template around, and into the next deployment's parameters."""
    first = template(outputs={"o": {"type": "string", "value": "made"}})
    second = template(thing("[parameters('p')]"), parameters={"p": {"type": "string"}})
    source = template(
        nested("a", first),
        nested("b", second, parameters={"p": {"value": "[reference('a').outputs.o.value]"}}),
    )
    made = run(source)
    assert [item.name for item in made.resources] == ["made"]
    assert [item.name for item in made.deployments] == ["a", "b"]


def test_nested_loops_have_their_own_parameters() -> None:
    """Each instance of a looped deployment gets its own values."""
    inner = template(thing("[parameters('p')]"), parameters={"p": {"type": "string"}})
    looped = nested(
        "[concat('d', copyIndex())]",
        inner,
        copy=LOOP,
        parameters={"p": {"value": "[concat('x', copyIndex())]"}},
    )
    assert [item.name for item in run(template(looped)).resources] == ["x0", "x1", "x2"]


def test_symbolic_names() -> None:
    """Resources by symbol: references, loops, existing ones, and information without a call."""
    resources = {
        "sa": thing("[format('x{0}', copyIndex())]", copy={"name": "sa", "count": 2}),
        "kv": thing("kv", existing=True, resourceGroup="R"),
        "site": thing(
            "site",
            dependsOn=["sa", "kv"],
            properties={
                "all": "[map(references('sa'), lambda('s', lambdaVariables('s').a))]",
                "one": "[reference('sa[1]').a]",
                "id": "[resourceInfo('sa[0]').id]",
            },
        ),
    }
    made = run({**template(), "languageVersion": "2.0", "resources": resources})
    by_name = {item.name: item for item in made.resources}
    assert by_name["kv"].existing
    assert by_name["kv"].id == "/subscriptions/S/resourceGroups/R/providers/A.B/things/kv"
    properties = by_name["site"].body["properties"]
    assert properties["id"] == thing_id("x0")
    assert properties["one"].references == (thing_id("x1"),)
    assert [item.references for item in properties["all"]] == [(thing_id("x0"),), (thing_id("x1"),)]
    assert by_name["site"].depends_on == (thing_id("x0"), thing_id("x1"), by_name["kv"].id)


def test_user_functions() -> None:
    """Functions of the template call each other and lambdas, and see only their own parameters."""
    functions = [
        {
            "namespace": "my",
            "members": {
                "twice": {
                    "parameters": [{"name": "n", "type": "int"}],
                    "output": {"type": "int", "value": "[mul(parameters('n'), 2)]"},
                },
                "all": {
                    "parameters": [{"name": "list", "type": "array"}],
                    "output": {
                        "type": "array",
                        "value": "[map(parameters('list'), lambda('x', my.twice(lambdaVariables('x'))))]",
                    },
                },
            },
        }
    ]
    source = template(
        functions=functions, outputs={"o": {"type": "array", "value": "[MY.ALL(createArray(1, 2))]"}}
    )
    assert run(source).outputs["o"].value == [2, 4]


def test_outputs() -> None:
    """Outputs have conditions, loops and checked types; what holds a secret is one."""
    outputs = {
        "no": {"type": "string", "condition": "[equals(1, 2)]", "value": "x"},
        "loop": {"type": "array", "copy": {"count": 2, "input": "[copyIndex()]"}},
        "key": {"type": "string", "value": "[listKeys('x', 'v').a]"},
    }
    made = run(template(thing("x"), outputs=outputs)).outputs
    assert (list(made), made["loop"].value, made["key"].secure) == (["loop", "key"], [0, 1], True)
    assert messages(template(outputs={"o": {"type": "int", "value": "x"}})) == [
        "the output 'o' must be an integer, but is a string"
    ]


def test_all_faults_of_a_template_at_once() -> None:
    """Faults do not hide each other, and what follows from one is not told again."""
    text = json.dumps(
        template(
            thing("[variables('bad')]", properties={"a": "[nope()]", "b": "[variables('bad')]"}),
            thing("y", properties={"a": ["[add(1, 'x')]"]}),
            {"name": "z", "apiVersion": "v"},
            variables={"bad": "[parameters('none')]"},
        ),
        indent=1,
    )
    found = messages(parse(text, "t"))
    assert found == [
        "The template variable 'bad' is not valid: the parameter 'none' is not declared in the template.",
        "the resource has no 'type'",
        "the function 'add' takes an integer, but was given a string",
        "there is no function 'nope'",
    ]


def test_extensions_are_refused_by_name() -> None:
    """Resources of other systems are named as what is not supported."""
    source = template({"import": "kubernetes", "type": "core/Service@v1", "properties": {}})
    assert messages(source) == [
        "the resource belongs to the extension 'kubernetes'; only Azure resources are supported"
    ]
