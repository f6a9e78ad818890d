"""From an environment and a snapshot to the graph of desired resources. Pure after the files are read.

Every fault of the input is told at once, with its place."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reconciler import armtemplate, bicep, factory
from reconciler import secrets as secrets_
from reconciler import workspace as workspace_
from reconciler.armid import group_id, key_of
from reconciler.armtemplate import Context, Evaluation, TemplateError, Unknown
from reconciler.environment import Deployment, Environment, did_you_mean
from reconciler.errors import Fault, InputError
from reconciler.graph import Graph
from reconciler.parameters import (
    Unset,
    defaults,
    filled,
    in_clear,
    misplaced,
    remember_secure,
    secure_in,
    unset_in,
)
from reconciler.referring import Facts, References, deployments_read
from reconciler.resolve import unknowns
from reconciler.resource import Key, Resource, Secret


@dataclass(frozen=True)
class Desired:
    """What Git wants of one environment.

    secure: values of secure template parameters, by the name under which the deployment is made.
    contents: what is imported into the workspace, by SHA-256. libraries: those of the workspace, by path.
    workspace: where it is. put_in: puts the references in a value of the environment, at a path in it.
    blocked: resources that cannot be written since a secret is not set, with the reason."""

    environment: Environment
    graph: Graph
    outputs: Mapping[str, Mapping[str, Any]]
    secure: Mapping[str, Mapping[str, Any]] = field(repr=False)
    blocked: Mapping[Key, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    libraries: tuple[str, ...] = ()
    workspace: Mapping[str, Any] | None = None
    put_in: Callable[[Any, str], Any] = field(default=lambda value, _: value, repr=False)


def _parameter(path: str, message: str) -> str:
    """The template's parameter whose value a fault is about, or "" where it is about something else."""
    found = re.fullmatch(r"\$\.parameters\.(\w+)", path) or re.match(
        r"the parameter '(\w+)' is not declared in the template; ", message
    )
    return found[1] if found else ""


def deployment_name(environment: str, deployment: str) -> str:
    """The one fixed name under which a template of an environment is deployed (64 characters at most)."""
    name = f"reconciler-{environment}-{deployment}"
    return name if len(name) <= 64 else f"{name[:55]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def build(environment: Environment, root: Path, facts: Facts) -> Desired:
    """Evaluate everything that the environment names. Raises InputError with all faults of all files."""
    faults: list[Fault] = []
    builder = _Builder(environment, root, facts, faults)
    builder.deployments()
    builder.rotations()
    builder.place()
    builder.key_vault()
    builder.data_factory()
    builder.databricks()
    builder.checks()
    if faults:
        raise InputError(faults)
    graph = Graph(builder.resources.values())
    return Desired(
        environment,
        graph,
        builder.outputs,
        builder.secure,
        builder.blocked,
        tuple(builder.warnings),
        builder.contents,
        builder.libraries,
        builder.workspace.at if builder.workspace is not None else None,
        builder.references.value,
    )


class _Builder:
    """One build under way: collects resources, outputs and faults."""

    def __init__(self, environment: Environment, root: Path, facts: Facts, faults: list[Fault]) -> None:
        self.environment, self.root, self.facts, self.faults = environment, root, facts, faults
        self.resources: dict[Key, Resource] = {}
        self.outputs: dict[str, Mapping[str, Any]] = {}
        self.references = References(environment, facts, self.outputs, faults)
        self.secure: dict[str, Mapping[str, Any]] = {}
        self.blocked: dict[Key, str] = {}
        self.warnings: list[str] = []
        self.contents: Mapping[str, bytes] = {}
        self.libraries: tuple[str, ...] = ()
        self.workspace: workspace_.Workspace | None = None
        self.unlisted = False
        self.implied: set[Key] = set()
        """Groups that a template does not name itself."""

    def deployments(self) -> None:
        azure = self.environment.azure
        if azure is None:
            return
        waiting = list(enumerate(azure.deployments))
        names = {deployment.name for deployment in azure.deployments}
        broken = self.references.broken
        while waiting:
            ready = [
                (index, deployment)
                for index, deployment in waiting
                if not (deployments_read(deployment.parameters) & names) - self.outputs.keys()
            ]
            if not ready:
                told = ", ".join(deployment.name for _, deployment in waiting)
                place = self.environment.where(f"azure.deployments[{waiting[0][0]}]")
                self.faults.append(
                    Fault(place, f"The deployments {told} need each other's outputs.", "Break the circle.")
                )
                return
            for index, deployment in ready:
                waiting.remove((index, deployment))
                self.outputs[deployment.name] = {}
                before = len(self.faults)
                if not deployments_read(deployment.parameters) & broken:
                    self._deployment(index, deployment)
                if len(self.faults) > before or deployments_read(deployment.parameters) & broken:
                    broken.add(deployment.name)  # what reads its outputs would only show its faults again
        self._group(azure.resource_group, "azure.resourceGroup")

    # The data factory

    def data_factory(self) -> None:
        azure, section = self.environment.azure, self.environment.data_factory
        if azure is None or section is None:
            return
        before = len(self.faults)
        overrides = {
            name: {
                path: self.references.value(value, f'dataFactory.set["{name}"]["{path}"]')
                for path, value in said.items()
            }
            for name, said in section.overrides.items()
        }
        if len(self.faults) > before:
            return
        declared = self.resources.get(key_of(factory.id_of(self.environment)))
        group = self._group(azure.resource_group, "azure.resourceGroup")
        found = factory.wanted(self.environment, self.root, overrides, declared, group)
        self.faults.extend(found.faults)
        self.warnings.extend(found.warnings)
        for resource in found.resources:
            needs = {*resource.needs, *(self._needed_by_values(resource.spec) - {resource.key})}
            self.resources[resource.key] = replace(resource, needs=tuple(sorted(needs)))

    # Storage keys and the key vault

    def rotations(self) -> None:
        found = list(secrets_.rotations(self.environment, self.resources))
        self.resources.update({resource.key: resource for resource in found})

    def key_vault(self) -> None:
        place = self.workspace
        self._take_secrets(
            secrets_.vault_secrets(
                self.environment,
                self.resources,
                self.facts.unset,
                self.references.value,
                (place.at, place.needs) if place is not None else ({}, ()),
            )
        )

    def _take_secrets(self, found: secrets_.Wanted) -> None:
        self.faults.extend(found.faults)
        self.blocked.update(found.blocked)
        self.resources.update({resource.key: resource for resource in found.resources})

    # The Databricks workspace

    def place(self) -> None:
        """Where the workspace is; not set where that has faults of its own."""
        section = self.environment.databricks
        if section is None:
            return
        before = len(self.faults)
        host = self.references.value(section.workspace, "databricks.workspace")
        resource_id = self.references.value(section.resource_id, "databricks.resourceId")
        if len(self.faults) > before or host is None:
            return  # a deployment that this reads has faults of its own
        try:
            self.workspace = workspace_.workspace(
                section, host, resource_id, self._needed_by_values([host, resource_id])
            )
        except ValueError:
            told = f"{section.workspace} is {host!r}, which is not the address of a Databricks workspace."
            hint = "Let the output give the property `workspaceUrl` of the workspace."
            self.faults.append(Fault(self.environment.where("databricks.workspace"), told, hint))

    def databricks(self) -> None:
        place = self.workspace
        if place is None:
            return
        found = workspace_.wanted(self.environment, self.root, place)
        self.faults.extend(found.faults)
        self.warnings.extend(found.warnings)
        self.resources.update({resource.key: resource for resource in found.resources})
        self.contents, self.libraries = found.contents, found.libraries
        self.unlisted = bool(found.faults)
        self._take_secrets(
            secrets_.scope_resources(
                self.environment,
                place.scope,
                place.at,
                place.needs,
                self.resources,
                self.facts.unset,
                self.references.value,
            )
        )

    # Checks

    def checks(self) -> None:
        """Only for their faults: they are put together once the environment is as Git says."""
        notebooks = {key.name for key in self.resources if key.kind == "databricks.notebook"}
        section = self.environment.databricks
        folders = [entry.to for entry in section.notebooks] if section is not None else []
        for index, check in enumerate(self.environment.checks):
            path = check.databricks_notebook
            if self.unlisted:
                pass  # a faulty section lists no notebook: nothing is told twice
            elif path and path not in notebooks and any(path.startswith(f"{folder}/") for folder in folders):
                place = self.environment.where(f"checks[{index}].databricksNotebook")
                hint = did_you_mean(path, notebooks) or "Add it to the folder that goes there."
                self.faults.append(Fault(place, f"There is no notebook {path} in what goes there.", hint))
            self.references.value(check.parameters, f"checks[{index}].parameters")
            self.references.value(check.http, f"checks[{index}].http")

    # One deployment

    def _deployment(self, index: int, deployment: Deployment) -> None:
        azure = self.environment.azure
        assert azure is not None
        here = f"azure.deployments[{index}]"
        path = self.root / deployment.template
        group = deployment.resource_group or azure.resource_group
        in_group = deployment.scope == "resourceGroup"
        before = len(self.faults)
        parameters = {
            name: self.references.value(value, f"{here}.parameters.{name}")
            for name, value in deployment.parameters.items()
        }
        if deployment.parameters_file:
            parameters = {**self._parameter_file(deployment.parameters_file), **parameters}
        unset = {name.lower(): found for name, value in parameters.items() if (found := unset_in(value))}
        parameters = {n: filled(value) for n, value in parameters.items()}
        if len(self.faults) > before:
            return
        try:
            text = self._text(path, here)
            template = armtemplate.parse(text, deployment.template)
            given = {name.lower() for name in parameters}
            parameters |= {n: value for n, value in defaults(template).items() if n.lower() not in given}
            remember_secure(template, parameters)
            evaluation = armtemplate.evaluate(template, parameters, self._context(deployment, group, path))
        except TemplateError as error:
            self.faults.extend(self._template_faults(error, here, deployment))
            return
        except InputError as error:
            self.faults.extend(error.faults)
            return
        except (OSError, UnicodeDecodeError) as error:
            place = self.environment.where(f"{here}.template")
            self.faults.append(Fault(place, f"{deployment.template} cannot be read: {error}."))
            return
        self.faults.extend(misplaced(self.environment, here, deployment, template, parameters, evaluation))
        self.warnings.extend(map(str, in_clear(self.environment, here, deployment, template)))
        self.warnings.extend(str(warning) for warning in evaluation.warnings)
        name = deployment_name(self.environment.name, deployment.name)
        values = {n.lower(): value for n, value in parameters.items()}
        group_key = self._group(group, here) if in_group else None
        self._take(evaluation, deployment, name, values, group_key, unset)
        self.outputs[deployment.name] = {
            output: Secret(self._fingerprint(armtemplate.to_json(found.value)))
            if found.secure
            else found.value
            for output, found in evaluation.outputs.items()
        }
        self.secure[name] = parameters

    def _text(self, path: Path, here: str) -> str:
        """A template's text; that of Bicep is what it compiles to, and places in it are lines of that."""
        if path.suffix.lower() != ".bicep":
            return path.read_text("utf-8-sig")
        return bicep.compiled(path, self.root, self.environment.where(f"{here}.template"))

    def _context(self, deployment: Deployment, group: str, path: Path) -> Context:
        azure = self.environment.azure
        assert azure is not None
        location = deployment.location or azure.location
        return Context(
            subscription_id=azure.subscription,
            resource_group=group,
            location=azure.location,
            tenant_id=self.facts.tenant,
            deployment_name=deployment_name(self.environment.name, deployment.name),
            deployment_location=location,
            scope=deployment.scope,
            utc_now=self.facts.time,
            root=self.root,
            opaque_secure=True,
        )

    def _template_faults(self, error: TemplateError, here: str, deployment: Deployment) -> Iterable[Fault]:
        """What is wrong with a value that the environment gives is placed there, not in the template."""
        place = self.environment.where(here)
        given = {name.lower(): name for name in deployment.parameters}
        for fault in error.faults:
            name = _parameter(fault.path, fault.message) if fault.position.file == deployment.template else ""
            said = given.get(name.lower(), "")
            if said or (name and "neither a value nor a default" in fault.message):
                value = self.environment.where(f"{here}.parameters.{said}" if said else f"{here}.parameters")
                template = fault.position if fault.path != "$" else deployment.template
                yield Fault(value, f"{fault.message} ({template}).")
                continue
            told = str(fault).removeprefix(f"{fault.position}: ")
            yield Fault(str(fault.position) if fault.position.file else place, told)

    def _take(
        self,
        evaluation: Evaluation,
        deployment: Deployment,
        name: str,
        values: Mapping[str, Any],
        group: Key | None,
        unset: Mapping[str, tuple[Unset, ...]],
    ) -> None:
        azure = self.environment.azure
        assert azure is not None
        deployed = [found for found in evaluation.resources if not found.existing]
        keys = {found.id.lower(): key_of(found.id) for found in deployed}
        for found in deployed:
            key = keys[found.id.lower()]
            needs = {keys[id_.lower()] for id_ in found.depends_on if id_.lower() in keys}
            needs |= self._needed_by_values(found.body) - {key}
            if group is not None:
                needs.add(group)
            hangs_on = found.scope if found.scope.lower() != found.deployment_scope.lower() else ""
            mentioned = secure_in(found.body)
            spec = self._sealed(found.body, values)
            resource = Resource(
                key=key,
                type=found.type,
                spec=spec,
                at={
                    "id": found.id,
                    "type": found.type,
                    "name": found.name,
                    "apiVersion": found.api_version,
                    "scope": found.deployment_scope,
                    "hangsOn": hangs_on,
                    "deployment": name,
                    "location": deployment.location or azure.location,
                },
                needs=tuple(sorted(needs)),
                batch="" if key.kind == "arm.group" else f"{found.deployment_scope.lower()} {name}",
                origin=str(found.origin),
            )
            if key in self.implied:
                self.implied.discard(key)
                del self.resources[key]
            first = self.resources.setdefault(key, resource)
            if first is not resource:
                self.faults.append(
                    Fault(
                        resource.origin,
                        f"{key} is there twice; the other is at {first.origin}.",
                        "Remove one.",
                    )
                )
            missing = [secret for p in sorted(mentioned) for secret in unset.get(p.lower(), ())]
            if missing:
                self.blocked[key] = f"{'; '.join(dict.fromkeys(map(str, missing)))}."

    def _needed_by_values(self, body: Any) -> set[Key]:
        """Resources of earlier deployments that this one's values wait for."""
        found = set()
        for id_ in (*(id_ for unknown in unknowns(body) for id_ in unknown.references), *_ids(body)):
            try:
                key = key_of(id_)
            except ValueError:
                continue
            if key in self.resources:
                found.add(key)
        return found

    def _group(self, group: str, here: str) -> Key:
        azure = self.environment.azure
        assert azure is not None
        key = Key("arm.group", azure.subscription, group)
        spec: dict[str, Any] = {"location": azure.location}
        if azure.tags:
            spec["tags"] = dict(azure.tags)
        id_ = group_id(azure.subscription, group)
        if key in self.resources:
            return key
        self.implied.add(key)
        self.resources.setdefault(
            key,
            Resource(
                key,
                "Microsoft.Resources/resourceGroups",
                spec,
                {"id": id_, "scope": f"/subscriptions/{azure.subscription}"},
                origin=self.environment.where(here),
            ),
        )
        return key

    # Values

    def _parameter_file(self, path: str) -> Mapping[str, Any]:
        try:
            return armtemplate.parse_parameters((self.root / path).read_text("utf-8-sig"), path)
        except TemplateError as error:
            self.faults.extend(Fault(str(fault.position), fault.message) for fault in error.faults)
        except (OSError, UnicodeDecodeError) as error:
            self.faults.append(Fault(path, f"It cannot be read: {error}."))
        return {}

    def _sealed(self, value: Any, values: Mapping[str, Any]) -> Any:
        """Unknowns that mention secure parameters become Secrets: their hash tells a change."""
        if isinstance(value, Mapping):
            return {name: self._sealed(item, values) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._sealed(item, values) for item in value]
        if isinstance(value, Unknown) and value.parameters:
            used = {name: values.get(name.lower()) for name in sorted(value.parameters)}
            return Secret(self._fingerprint([value.expression, used]), value.expression)
        return value

    def _fingerprint(self, value: Any) -> str:
        text = json.dumps(value, sort_keys=True, default=str)
        return hmac.new(self.facts.key, text.encode(), hashlib.sha256).hexdigest()


def _ids(value: Any) -> Iterator[str]:
    """Texts in a value that are ids of resources: what refers to another resource by its id needs it."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _ids(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _ids(item)
    elif isinstance(value, str) and value.lower().startswith("/subscriptions/"):
        yield value
