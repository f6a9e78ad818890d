"""The app's HTTP answers as values, and who may have them. Nothing here knows of a web framework."""

from __future__ import annotations

import base64
import binascii
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from reconciler import dispatch, forms, render, webhooks
from reconciler.dispatch import Queue
from reconciler.engine import Reconciler
from reconciler.environment import UNKNOWN
from reconciler.errors import InputError, ReconcilerError, StateLocked
from reconciler.redaction import cleaned

READER, OPERATOR = "reader", "operator"
GRANTS = {READER: frozenset({READER, OPERATOR}), OPERATOR: frozenset({OPERATOR})}
"""By the role that is needed: the roles that hold it."""
PRINCIPAL = "x-ms-client-principal"
LONGEST = 16 << 10
"""Bytes of a command's body, and characters of a header that names a caller."""
AT_ONCE = 8
"""States that are read at the same time, where all environments are told."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Caller:
    """Who calls, for the record, and the roles that they hold."""

    name: str
    roles: frozenset[str]


@dataclass(frozen=True)
class Answer:
    """body: a JSON document; {} for none. text: it, without any secret."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return json.dumps(cleaned(self.body), ensure_ascii=False, default=str)


KEY = Caller("function key", frozenset({OPERATOR}))
"""Who holds a key of a function: Functions has checked it, and tells nobody whose it is."""


def caller(headers: Mapping[str, str], *, easy_auth: bool) -> Caller | None:
    """Who calls; None for nobody. easy_auth: App Service signs callers in, and takes the header away from
    everybody else (https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities);
    without that the header is anybody's to write, and is not read."""
    if not easy_auth:
        return KEY
    text = next((value for name, value in headers.items() if name.lower() == PRINCIPAL), "")
    try:
        principal = json.loads(base64.b64decode(text[:LONGEST], validate=True))
        claims = [(str(claim["typ"]), str(claim["val"])) for claim in principal["claims"]]
        role, name = str(principal.get("role_typ") or "roles"), str(principal.get("name_typ") or "name")
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    known = dict(reversed(claims))
    who = known.get(name) or known.get("preferred_username") or known.get("appid") or known.get("sub")
    return Caller(who, frozenset(value for kind, value in claims if kind in (role, "roles"))) if who else None


def environments(
    engine: Reconciler,
    by: Caller | None,
    name: str = "",
    view: str = "",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """GET environments, environments/NAME, environments/NAME/plan. A plan calls Azure: another site may not
    have a browser ask for one."""
    if refused := _refused(by, READER):
        return refused
    if view not in ("", "plan"):
        return _fault(404, "not-found", f"there is no {view!r} of an environment. There is: plan.")
    if view and by is not KEY and forms.foreign(headers or {}):
        return ANOTHER_SITE
    return answered(lambda: _told(engine, name, view))


def command(
    engine: Reconciler,
    queue: Queue,
    by: Caller | None,
    name: str,
    verb: str,
    content: bytes,
    headers: Mapping[str, str],
) -> Answer:
    """POST environments/NAME/VERB, with {"why": TEXT} for suspend and {"digest": TEXT} for approve.

    Takes JSON, and the forms of the dashboard. What another site may have had a browser post is refused."""
    if refused := _refused(by, OPERATOR):
        return refused
    assert by is not None
    if verb not in COMMANDS:
        return _fault(404, "not-found", f"there is no {verb!r}. There is: {', '.join(COMMANDS)}.")
    is_form = forms.kind(headers) == forms.FORM
    # Who shows a key knows it: no other site does. A sign-in is shown by the browser itself.
    if (is_form or by is not KEY) and forms.foreign(headers):
        return ANOTHER_SITE
    if is_form:
        return answered(lambda: _of_form(engine, queue, by, name, verb, content))
    if by is not KEY and forms.kind(headers) != forms.JSON:
        return _fault(415, "content-type", f"say what the body is: Content-Type: {forms.JSON}.")
    try:
        said = json.loads(content[:LONGEST] or b"{}")
    except (ValueError, RecursionError):
        said = None
    return _said(engine, queue, by, name, verb, said)


def _of_form(engine: Reconciler, queue: Queue, by: Caller, name: str, verb: str, content: bytes) -> Answer:
    said = forms.fields(content[:LONGEST])
    token = said.get(forms.TOKEN, "")
    if not forms.holds(token, engine.store.key(), by.name, name, datetime.now(UTC)):
        told = (
            "this form is too old, or not of our page. Nothing was done. Load the page again, and resend it."
        )
        return _fault(403, "form-token", told)
    return _said(engine, queue, by, name, verb, said)


def _said(engine: Reconciler, queue: Queue, by: Caller, name: str, verb: str, said: Any) -> Answer:
    needs = COMMANDS[verb]
    if not isinstance(said, dict) or (needs and not str(said.get(needs) or "").strip()):
        wanted = f', with a text as "{needs}"' if needs else ""
        return _fault(400, "invalid-input", f"the body is a JSON object{wanted}.")
    text = str(said.get(needs) or "") if needs else ""
    return answered(lambda: _commanded(engine, queue, by, name, verb, text))


COMMANDS = {"reconcile": "", "suspend": "why", "resume": "", "approve": "digest"}
"""Verbs, and the text that each needs."""


def webhook(
    engine: Callable[[], Reconciler],
    queue: Callable[[], Queue],
    secrets: tuple[str, ...],
    source: str,
    method: str,
    headers: Mapping[str, str],
    body: bytes,
) -> Answer:
    """POST webhook/SOURCE: 202 with what is queued, or with why nothing is; the status of `webhooks.read`."""
    found = webhooks.read(source, method, headers, body, secrets)
    if isinstance(found, webhooks.Answer):
        log.info("webhook answered source=%s status=%s reason=%s", source, found.status, found.reason)
        return Answer(found.status, {"version": 1, "queued": [], "reason": found.reason})

    def queued() -> Answer:
        came = dispatch.pushed(engine(), queue(), source, found)
        log.info(
            "webhook taken source=%s event=%s queued=%s ignored=%s",
            source, found.event, ",".join(came.queued), came.ignored,
        )  # fmt: skip
        if came.ignored:
            return Answer(202, {"version": 1, "queued": [], "reason": f"ignored: {came.ignored}"})
        told = {"queued": came.queued, "waits": came.waits, "unchanged": came.unchanged}
        return Answer(202, {"version": 1, **told})

    return answered(queued)


def _told(engine: Reconciler, name: str, view: str) -> Answer:
    if not name:
        known = engine.known()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            states = pool.map(engine.status, known)
            every = [render.state_json(each, state) for each, state in zip(known, states, strict=True)]
        return Answer(200, {"version": 1, "environments": every})
    state = engine.status(name)
    if state is None:
        engine.checkout.expect(name)
    if view == "plan":
        engine.checkout.fetch()
        planned = engine.plan(name)
        return Answer(200, render.plan_json(planned.plan, planned.calls, planned.warnings))
    return Answer(200, {"version": 1, **render.state_json(name, state)})


def _commanded(engine: Reconciler, queue: Queue, by: Caller, name: str, verb: str, text: str) -> Answer:
    if engine.status(name) is None:
        engine.checkout.expect(name)
    if verb == "suspend":
        engine.suspend(name, text)
    elif verb == "resume":
        engine.resume(name)
    elif verb == "approve":
        engine.approve(name, text, by.name)
    if verb != "suspend":
        queue.put(dispatch.ask(name, verb, by.name))
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"), "commit": "", "seconds": 0.0,
        "result": verb, "reason": text, "by": by.name,
    }  # fmt: skip
    engine.store.append_history(name, cleaned(line))
    log.info("command taken environment=%s verb=%s by=%s", name, verb, by.name)
    return Answer(202, {"version": 1, "environment": name, "verb": verb, "queued": verb != "suspend"})


def _refused(by: Caller | None, role: str) -> Answer | None:
    if by is None:
        return _fault(401, "sign-in", "sign in first.")
    if not by.roles & GRANTS[role]:
        return _fault(403, "forbidden", f"{by.name} has not the role {role}.")
    return None


STATUSES = {"environment-name": 404, StateLocked.code: 409, "source-unreachable": 503}
"""By the code of an error; any other one is of something behind us."""


def answered(call: Callable[[], Answer]) -> Answer:
    """What a call gives; an error of ours as a JSON document with its status."""
    try:
        return call()
    except InputError as error:
        unknown = any(fault.message == UNKNOWN for fault in error.faults)
        return Answer(404 if unknown else 422, render.error_json(error))
    except ReconcilerError as error:
        status = STATUSES.get(error.code, 502)
        log.warning("request failed code=%s status=%s", error.code, status)
        return Answer(status, render.error_json(error), {"Retry-After": "30"} if error.retry else {})


def _fault(status: int, code: str, message: str) -> Answer:
    return Answer(status, {"version": 1, "error": {"code": code, "message": message, "where": ""}})


ANOTHER_SITE = _fault(403, "another-site", "another site had your browser send this. Nothing was done.")
