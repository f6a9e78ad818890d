"""What ADF Studio writes on publish or export, to definitions: a template, a master with its parts, or a ZIP.

`ARMTemplateForFactory.json` holds everything; `linkedTemplates/ArmTemplate_master.json` deploys the parts
`ArmTemplate_0.json`, … beside it. Both are evaluated with the parameters that Studio wrote beside them.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from reconciler import armtemplate
from reconciler.adf.definitions import Definition, Definitions, Source, define, gather
from reconciler.adf.kinds import BY_TYPE, NAMESPACE, object_name
from reconciler.armtemplate import Context, Position, Template, TemplateError, Unknown
from reconciler.errors import Fault, InputError

MAIN: Final = ("ARMTemplateForFactory.json", "ArmTemplate_master.json")
PARAMETERS: Final = {
    "armtemplateforfactory.json": "ARMTemplateParametersForFactory.json",
    "armtemplate_master.json": "ArmTemplateParameters_master.json",
}
_PART: Final = re.compile(r"ArmTemplate_\d+\.json", re.IGNORECASE)
_MENTIONED: Final = re.compile(r"parameters\(\s*'([^']+)'\s*\)", re.IGNORECASE)
_LINKS: Final = "https://parts.invalid"
"""Where the master is told that its parts are; they are read from beside it."""
_MOST_BYTES: Final = 64 * 1024 * 1024
_MOST_TEMPLATE: Final = 4 * 1024 * 1024
_MOST_RESOURCES: Final = 800
_MOST_PARAMETERS: Final = 256
_CHUNK: Final = 50


@dataclass(frozen=True)
class Export:
    """The texts of an export. label: how messages name the folder or ZIP they are in; main: the template."""

    label: str
    main: str
    texts: Mapping[str, str] = field(repr=False)

    def text(self, name: str) -> str | None:
        return next((text for each, text in self.texts.items() if each.lower() == name.lower()), None)

    def place(self, name: str) -> str:
        return str(PurePosixPath(self.label) / name)


def export(path: Path, label: str) -> Export:
    """Find the template and what lies beside it. Raises InputError where there is none to read."""
    try:
        if path.suffix.lower() == ".zip":
            return _zipped(path, label)
        folder, main = (path, "") if path.is_dir() else (path.parent, path.name)
        near = {each.name: each for each in folder.iterdir() if each.is_file() and _belongs(each.name)}
        main = main or next((name for name in MAIN if name in near), "")
        if not main:
            raise _none(label)
        texts = {name: each.read_text("utf-8-sig") for name, each in near.items()}
        texts[main] = (folder / main).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError([Fault(label, "It cannot be read: it is not UTF-8.")]) from None
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError([Fault(label, f"It cannot be read: {reason}.")]) from None
    return Export(label if path.is_dir() else label.rpartition("/")[0], main, texts)


def _none(label: str) -> InputError:
    hint = f"Expected a folder such as `pipeline/`, or {MAIN[0]}."
    return InputError([Fault(label, "There are no definitions of a data factory here.", hint)])


def _belongs(name: str) -> bool:
    known = {each.lower() for each in (*MAIN, *PARAMETERS.values())}
    return name.lower() in known or _PART.fullmatch(name) is not None


def _zipped(path: Path, label: str) -> Export:
    """The template nearest to the top of the ZIP, and what lies beside it. Nothing is unpacked to disk."""
    with zipfile.ZipFile(path) as archive:
        entries = [each for each in archive.infolist() if not each.is_dir()]
        mains = [
            PurePosixPath(each.filename)
            for name in MAIN
            for each in sorted(entries, key=lambda each: each.filename.count("/"))
            if PurePosixPath(each.filename).name.lower() == name.lower()
        ]
        if not mains:
            raise _none(label)
        folder = mains[0].parent
        near = [each for each in entries if PurePosixPath(each.filename).parent == folder]
        wanted = [each for each in near if _belongs(PurePosixPath(each.filename).name)]
        if sum(each.file_size for each in wanted) > _MOST_BYTES:
            raise InputError([Fault(label, f"It holds more than {_MOST_BYTES >> 20} MB of templates.")])
        texts = {PurePosixPath(each.filename).name: archive.read(each).decode("utf-8-sig") for each in wanted}
    return Export(str(PurePosixPath(label) / folder), mains[0].name, texts)


def read(
    path: Path,
    label: str,
    factory: str = "",
    parameters: Mapping[str, Any] | None = None,
    *,
    context: Context | None = None,
    lenient: bool = False,
) -> Definitions:
    """Evaluate the export and take the factory's objects out of it. Faults of evaluation are in the result.

    parameters: win over those beside the template; `factoryName` is `factory`, where that is given. lenient:
    parameters without a value stay unknown, and one bad resource does not hide the others.
    Raises InputError where the template cannot be read at all."""
    found = export(path, label)
    try:
        template = armtemplate.parse(found.texts[found.main], found.place(found.main))
        if not isinstance(template.root, dict) or not isinstance(
            template.root.get("resources"), (list, dict)
        ):
            raise _none(found.place(found.main))
        given = _parameters(found, template, factory, parameters or {}, lenient)
        context = replace(context or Context(), linked_templates=_parts(found))
    except TemplateError as error:
        raise InputError(_faults(error)) from None
    made, faults = _evaluate(template, given, context, lenient)
    return _definitions(made, faults, {template.file: template, **_by_file(context)}, factory)


def _faults(error: TemplateError) -> Iterator[Fault]:
    for fault in error.faults:
        yield Fault(str(fault.position), str(fault).removeprefix(f"{fault.position}: "))


def _parts(found: Export) -> Mapping[str, Template]:
    return {
        f"{_LINKS}/{name}": armtemplate.parse(text, found.place(name))
        for name, text in found.texts.items()
        if name != found.main and _PART.fullmatch(name)
    }


def _by_file(context: Context) -> Mapping[str, Template]:
    return {template.file: template for template in context.linked_templates.values()}


def _parameters(
    found: Export, template: Template, factory: str, parameters: Mapping[str, Any], lenient: bool
) -> dict[str, Any]:
    declared = _declared(template)
    by_name = {name.lower(): name for name in declared}
    beside = PARAMETERS.get(found.main.lower(), PARAMETERS["armtemplate_master.json"])
    text = found.text(beside)
    said = dict(armtemplate.parse_parameters(text, found.place(beside))) if text is not None else {}
    given = {by_name[name.lower()]: value for name, value in said.items() if name.lower() in by_name}
    own = {"factoryname": factory} if factory else {}
    own |= {"containeruri": _LINKS, "containersastoken": ""} if _by_master(found) else {}
    given |= {by_name[name]: value for name, value in own.items() if name in by_name}
    given |= {by_name.get(name.lower(), name): value for name, value in parameters.items()}
    if lenient:
        needed = {
            name
            for name, each in declared.items()
            if not isinstance(each, dict) or "defaultValue" not in each
        } - given.keys()
        given |= {name: Unknown(f"parameters('{name}')") for name in sorted(needed)}
    return given


def _declared(template: Template) -> Mapping[str, Any]:
    """The template's parameters; none where that section is something else, which is told elsewhere."""
    declared = template.root.get("parameters")
    return declared if isinstance(declared, dict) else {}


def _by_master(found: Export) -> bool:
    return found.main.lower() == MAIN[1].lower()


def _evaluate(
    template: Template, given: Mapping[str, Any], context: Context, lenient: bool
) -> tuple[list[armtemplate.Resource], list[Fault]]:
    """Evaluate in one go where Azure would take it so. An export of a large factory is over the limits of a
    template, which do not bind us, since its objects are written one by one."""
    resources = template.root["resources"]
    many = len(resources) > _MOST_RESOURCES or len(_declared(template)) > _MOST_PARAMETERS
    large = many or len(template.text.encode()) > _MOST_TEMPLATE
    if not large or not isinstance(resources, list):
        made, faults = _attempt(template, given, context)
        if not faults or not lenient or not isinstance(resources, list):
            return made, faults
    made, faults = [], []
    for start in range(0, len(resources), _CHUNK):
        end = min(start + _CHUNK, len(resources))
        found, wrong = _attempt(*_piece(template, given, start, end), context)
        if wrong and lenient:
            pieces = [_attempt(*_piece(template, given, at, at + 1), context) for at in range(start, end)]
            found = [each for some, _ in pieces for each in some]
        made += found
        faults += wrong
    return made, faults


def _attempt(
    template: Template, given: Mapping[str, Any], context: Context
) -> tuple[list[armtemplate.Resource], list[Fault]]:
    try:
        return list(armtemplate.evaluate(template, given, context).resources), []
    except TemplateError as error:
        return [], list(_faults(error))


def _piece(
    template: Template, given: Mapping[str, Any], start: int, end: int
) -> tuple[Template, dict[str, Any]]:
    """A template of some of the resources, without `dependsOn`, and with the parameters that they mention."""
    root = template.root
    marks = dict(template.marks)

    def copied(node: Any, value: Any) -> Any:
        if id(node) in marks:
            marks[id(value)] = (value, marks[id(node)][1])
        return value

    resources = [
        copied(each, {name: value for name, value in each.items() if name != "dependsOn"})
        if isinstance(each, dict)
        else each
        for each in root["resources"][start:end]
    ]
    held = marks.get(id(root["resources"]))
    if held is not None:
        marks[id(resources)] = (resources, {i: held[1][start + i] for i in range(len(resources))})
    text = json.dumps([resources, root.get("variables")])
    mentioned = {name.lower() for name in _MENTIONED.findall(text)}
    parameters = {
        name: value for name, value in (root.get("parameters") or {}).items() if name.lower() in mentioned
    }
    made = copied(root, {**root, "resources": resources, "parameters": parameters})
    made.pop("outputs", None)
    used = {name: value for name, value in given.items() if name in parameters}
    return replace(template, root=made, text="", marks=marks), used


def _definitions(
    made: list[armtemplate.Resource], faults: list[Fault], templates: Mapping[str, Template], factory: str
) -> Definitions:
    objects: list[Definition] = []
    factories: list[Definition] = []
    globals_: dict[str, Any] = {}
    warnings: list[str] = []
    others: dict[str, int] = {}
    indices = {file: _indices(template) for file, template in templates.items()}
    for each in made:
        type_ = each.type.lower()
        source = _source(each.origin, templates, indices)
        _, *names = each.name.split("/")
        body: dict[str, Any] = {"name": "/".join(names) or each.name, **each.body}
        if type_ in BY_TYPE:
            kind, name = BY_TYPE[type_].folder, object_name(names)
            objects.append(define(kind, name, {**body, "name": names[-1]}, source))
        elif type_ == NAMESPACE.lower():
            factories.append(define("factory", each.name, body, source))
        elif type_ == f"{NAMESPACE}/globalParameters".lower():
            globals_ |= each.body.get("properties") or {}
        else:
            others[each.type] = others.get(each.type, 0) + 1
    for type_, count in sorted(others.items()):
        warnings.append(
            f"{count} resource{'s' if count > 1 else ''} of type {type_} are not deployed with a factory."
        )
    found, twice = gather(objects)
    own = _factory(factories, globals_, factory, templates)
    return Definitions(found, own, tuple(warnings), (*faults, *twice))


def _factory(
    factories: list[Definition], globals_: Mapping[str, Any], name: str, templates: Mapping[str, Template]
) -> Definition | None:
    """The factory with its global parameters, which an export may hold as an object of their own."""
    own = factories[0] if factories else None
    if not globals_:
        return own
    body: dict[str, Any] = dict(own.body) if own else {"name": name}
    body["properties"] = {**(body.get("properties") or {}), "globalParameters": dict(globals_)}
    source = own.source if own else Source(next(iter(templates)))
    return define("factory", own.name if own else name, body, source)


def _indices(template: Template) -> Mapping[Position, int | str]:
    resources = template.root.get("resources") if isinstance(template.root, dict) else None
    steps = range(len(resources)) if isinstance(resources, list) else resources or ()
    return {template.position(("resources", step)): step for step in steps}


def _source(
    origin: Position, templates: Mapping[str, Template], indices: Mapping[str, Mapping[Position, int | str]]
) -> Source:
    template = templates.get(origin.file)
    index = indices.get(origin.file, {}).get(origin)
    if template is None or index is None:
        return Source(origin.file, first=str(origin))
    return Source(origin.file, template.text, ("resources", index), str(origin))
