"""The routes of dev.azure.com for pull requests, and the control routes that make them.

https://learn.microsoft.com/rest/api/azure/devops/git: pull-requests, pull-request-threads,
pull-request-thread-comments, statuses, pull-request-statuses."""

from __future__ import annotations

from typing import Any

from sandbox import repositories
from sandbox.clock import iso
from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.azuredevops import shapes
from sandbox.services.azuredevops.rules import CONTRIBUTE, READ, RIGHTS, TOKENS, caller_of, name, permitted
from sandbox.world import World

PULLS, THREADS, STATUSES = "azuredevops.pulls", "azuredevops.threads", "azuredevops.statuses"
CONTENT = 150_000
"""Characters of a comment."""
STATES = ("notSet", "pending", "succeeded", "failed", "error", "notApplicable")


def get_pull(world: World, request: Request) -> Response:
    permitted(world, request, READ)
    found, place = _pull(world, request), _place(request)
    head = found["sha"] or repositories.tip(world, place, found["head"])
    return Response(
        200, shapes.pull(found, request.params["name"], head, repositories.tip(world, place, found["base"]))
    )


def list_threads(world: World, request: Request) -> Response:
    permitted(world, request, READ)
    prefix = f"{_key(request, _pull(world, request)['number'])}/"
    return Response(200, shapes.listed([thread for _, thread in world.store.items(THREADS, prefix)]))


def add_thread(world: World, request: Request) -> Response:
    permitted(world, request, CONTRIBUTE)
    body, id_ = _object(request), world.store_serial()
    comments = [
        {
            "id": place,
            "content": _content(each),
            "author": caller_of(request),
            "commentType": "text",
            "isDeleted": False,
        }
        for place, each in enumerate(body.get("comments") or [], 1)
    ]
    if not comments:
        raise CloudError(
            400, "InvalidArgumentValueException", "A comment thread must have at least one comment."
        )
    made = {"id": id_, "status": body.get("status", "active"), "comments": comments, "isDeleted": False}
    key = f"{_key(request, _pull(world, request)['number'])}/{id_:012}"
    world.store.put(THREADS, key, made)
    return Response(200, made)


def change_comment(world: World, request: Request) -> Response:
    """Only its author may."""
    permitted(world, request, CONTRIBUTE)
    key = f"{_key(request, _pull(world, request)['number'])}/{int(request.params['thread']):012}"
    thread = world.store.get(THREADS, key)
    wanted = int(request.params["comment"])
    found = next((each for each in (thread or {}).get("comments", []) if each["id"] == wanted), None)
    if thread is None or found is None:
        raise CloudError(404, "GitPullRequestCommentThreadNotFoundException", "The comment does not exist.")
    if found["author"]["id"] != caller_of(request)["id"]:
        raise CloudError(403, "CommentUpdateException", "Only the author may update a comment.")
    found["content"] = _content(_object(request))
    world.store.put(THREADS, key, thread)
    return Response(200, found)


def add_commit_status(world: World, request: Request) -> Response:
    permitted(world, request, CONTRIBUTE)
    commit = request.params["commit"]
    if not repositories.has(world, _place(request), commit):
        raise CloudError(
            404, "GitCommitDoesNotExistException", f"TF401398: The commit {commit} does not exist."
        )
    return _add_status(world, request, f"{name(request).lower()}@{commit}")


def list_commit_statuses(world: World, request: Request) -> Response:
    permitted(world, request, READ)
    return _statuses(world, f"{name(request).lower()}@{request.params['commit']}")


def add_pull_status(world: World, request: Request) -> Response:
    permitted(world, request, CONTRIBUTE)
    return _add_status(world, request, _key(request, _pull(world, request)["number"]))


def list_pull_statuses(world: World, request: Request) -> Response:
    permitted(world, request, READ)
    return _statuses(world, _key(request, _pull(world, request)["number"]))


def connection(world: World, request: Request) -> Response:
    """Who the caller is."""
    return Response(200, {"authenticatedUser": caller_of(request), "authorizedUser": caller_of(request)})


def advertise(world: World, request: Request) -> Response:
    """Git's smart HTTP."""
    permitted(world, request, READ)
    return repositories.fetch(world, request, _place(request), "info/refs")


def upload(world: World, request: Request) -> Response:
    permitted(world, request, READ)
    return repositories.fetch(world, request, _place(request), "git-upload-pack")


# Control


def put_repository(world: World, request: Request) -> Response:
    """Let a bare repository of this disk be one of Azure Repos. members: rights by the id of who has them."""
    body = _object(request)
    repositories.register(world, f"dev.azure.com/{body['repository']}", str(body["path"]))
    for member, rights in dict(body.get("members") or {}).items():
        world.store.put(RIGHTS, f"{body['repository']}@{member}".lower(), {"rights": list(rights)})
    return Response(201, {})


def put_token(world: World, request: Request) -> Response:
    """Make a personal access token."""
    body = request.json() or {}
    world.store.put(
        TOKENS, str(body["token"]), {"id": str(body["id"]), "name": str(body.get("name", "person"))}
    )
    return Response(201, {})


def put_pull(world: World, request: Request) -> Response:
    """Open a pull request, or change the one with a number. sha: of a fork, whose branches are not here."""
    body = _object(request)
    number = int(body.get("number") or world.store_serial())
    key = f"{str(body['repository']).lower()}#{number}"
    before = {"number": number, "status": "active", "title": "", "fork": "", "sha": ""}
    known = world.store.get(PULLS, key) or before
    world.store.put(
        PULLS, key, {**known, **{part: body[part] for part in (*before, "head", "base") if part in body}}
    )
    return Response(201, {"number": number})


def _add_status(world: World, request: Request, of: str) -> Response:
    body, id_ = _object(request), world.store_serial()
    context = body.get("context")
    if body.get("state") not in STATES or not isinstance(context, dict) or not context.get("name"):
        raise CloudError(
            400, "InvalidArgumentValueException", "A status has a state and a context with a name."
        )
    made = {"id": id_, **body, "createdBy": caller_of(request), "creationDate": iso(world.now())}
    world.store.put(STATUSES, f"{of}/{id_:012}", made)
    return Response(201, made)


def _statuses(world: World, of: str) -> Response:
    return Response(200, shapes.listed([each for _, each in world.store.items(STATUSES, f"{of}/")]))


def _pull(world: World, request: Request) -> dict[str, Any]:
    number = request.params["number"]
    found = world.store.get(PULLS, f"{name(request).lower()}#{number}")
    if found is None:
        text = f"TF401180: The requested pull request was not found. {number}"
        raise CloudError(404, "GitPullRequestNotFoundException", text)
    return found


def _key(request: Request, number: int) -> str:
    return f"{name(request).lower()}#{number}"


def _place(request: Request) -> str:
    return f"dev.azure.com/{name(request)}"


def _object(request: Request) -> dict[str, Any]:
    body = request.json()
    if not isinstance(body, dict):
        raise CloudError(400, "InvalidArgumentValueException", "the body is a JSON object")
    return body


def _content(comment: dict[str, Any]) -> str:
    text = comment.get("content")
    if not isinstance(text, str) or not text or len(text) > CONTENT:
        raise CloudError(
            400, "InvalidArgumentValueException", "A comment has a content of 150000 characters at most."
        )
    return text


_GIT = "/{organisation}/{project}/_apis/git/repositories/{name}"
_REPOSITORY = "/{organisation}/{project}/_git/{name}"
ROUTES = (
    Route("GET", f"{_GIT}/pullRequests/{{number}}", get_pull),
    Route("GET", f"{_GIT}/pullRequests/{{number}}/threads", list_threads),
    Route("POST", f"{_GIT}/pullRequests/{{number}}/threads", add_thread),
    Route("PATCH", f"{_GIT}/pullRequests/{{number}}/threads/{{thread}}/comments/{{comment}}", change_comment),
    Route("POST", f"{_GIT}/pullRequests/{{number}}/statuses", add_pull_status),
    Route("GET", f"{_GIT}/pullRequests/{{number}}/statuses", list_pull_statuses),
    Route("POST", f"{_GIT}/commits/{{commit}}/statuses", add_commit_status),
    Route("GET", f"{_GIT}/commits/{{commit}}/statuses", list_commit_statuses),
    Route("GET", "/{organisation}/_apis/connectionData", connection),
    Route("GET", f"{_REPOSITORY}/info/refs", advertise),
    Route("POST", f"{_REPOSITORY}/git-upload-pack", upload, write=False),
)
CONTROL = (
    Route("POST", "/_sandbox/azuredevops/repositories", put_repository),
    Route("POST", "/_sandbox/azuredevops/tokens", put_token),
    Route("POST", "/_sandbox/azuredevops/pulls", put_pull),
)
