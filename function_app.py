"""The triggers of the Function app: each reads what came, makes one call, and answers.

What is heavy is imported when it is first needed, so that the app starts quickly. All of this runs in
parallel threads of one process."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import azure.functions as func

from reconciler import redaction, settings

if TYPE_CHECKING:
    from reconciler import api
    from reconciler.dispatch import Queue
    from reconciler.engine import Reconciler

redaction.logs()
logging.getLogger("azure").setLevel(logging.WARNING)
SETTINGS = settings.read()
# Where App Service signs callers in, `api` looks at their roles; else a caller needs a key of the function.
CALLERS = func.AuthLevel.ANONYMOUS if SETTINGS.easy_auth else func.AuthLevel.FUNCTION
app = func.FunctionApp()
_one = threading.RLock()


def engine() -> Reconciler:
    with _one:
        return _engine()


def queue() -> Queue:
    with _one:
        return _queue()


@app.timer_trigger(arg_name="timer", schedule="%RECONCILE_SCHEDULE%", run_on_startup=False, use_monitor=True)
def reconcile_timer(timer: func.TimerRequest) -> None:
    """Queue the environments that are due."""
    from reconciler import dispatch

    queued = dispatch.queue_due(engine(), queue(), datetime.now(UTC))
    logging.info("timer ended past_due=%s queued=%s", timer.past_due, ",".join(queued))


@app.route("webhook/{source}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def webhook(req: func.HttpRequest) -> func.HttpResponse:
    """Take a push of GitHub or Azure DevOps: the sender is verified by its secret."""
    from reconciler import api

    source = req.route_params.get("source", "")
    secrets = SETTINGS.webhook_secrets
    return _http(api.webhook(engine, queue, secrets, source, req.method, req.headers, req.get_body()))


@app.queue_trigger(arg_name="message", queue_name="reconcile", connection="AzureWebJobsStorage")
def reconcile(message: func.QueueMessage) -> None:
    """One tick of one environment. What is raised brings the message back, and at last to the poisoned."""
    from reconciler import dispatch

    dispatch.work(engine(), queue(), message.get_body().decode())


@app.queue_trigger(arg_name="message", queue_name="reconcile-poison", connection="AzureWebJobsStorage")
def reconcile_poison(message: func.QueueMessage) -> None:
    """Tell of a message that was given up."""
    from reconciler import dispatch

    dispatch.poisoned(engine(), message.get_body().decode(errors="replace"))


@app.route("environments/{env?}/{view?}", methods=["GET"], auth_level=CALLERS)
def environments(req: func.HttpRequest) -> func.HttpResponse:
    """What is recorded of all environments or of one, and the plan of one."""
    from reconciler import api

    env, view = (req.route_params.get(name) or "" for name in ("env", "view"))
    return _http(api.environments(engine(), _caller(req), env, view, req.headers))


@app.route("dashboard/{env?}", methods=["GET"], auth_level=CALLERS)
def dashboard(req: func.HttpRequest) -> func.HttpResponse:
    """The page for people, of all environments or of one."""
    from reconciler import dashboard as pages

    env = req.route_params.get("env") or ""
    return _http(pages.answer(engine(), _caller(req), env, req.params, req.headers))


@app.route("environments/{env}/{verb}", methods=["POST"], auth_level=CALLERS)
def command(req: func.HttpRequest) -> func.HttpResponse:
    """Reconcile, suspend, resume or approve, by an operator: a program, or a form of the page."""
    from reconciler import dashboard as pages

    env, verb = (req.route_params.get(name, "") for name in ("env", "verb"))
    asked = req.get_body(), req.headers, req.params
    return _http(pages.command(engine(), queue(), _caller(req), env, verb, *asked))


@cache
def _engine() -> Reconciler:
    from reconciler.errors import SettingsError

    if not SETTINGS.state:
        message = (
            "name a container, https://ACCOUNT.blob.core.windows.net/CONTAINER: the app's disk is not kept."
        )
        raise SettingsError(message, where="RECONCILER_STATE")
    return settings.engine(SETTINGS)


@cache
def _queue() -> Queue:
    from reconciler import dispatch

    return dispatch.open_queue(SETTINGS.storage)


def _caller(req: func.HttpRequest) -> api.Caller | None:
    from reconciler import api

    return api.caller(req.headers, easy_auth=SETTINGS.easy_auth)


def _http(answer: api.Answer) -> func.HttpResponse:
    headers = dict(answer.headers)
    return func.HttpResponse(
        answer.text, status_code=answer.status, headers=headers, mimetype="application/json"
    )
