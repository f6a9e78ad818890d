"""Pull requests, their comments, statuses of commits, and Git itself.

https://docs.github.com/en/rest/pulls/pulls, …/issues/comments, …/commits/statuses. A pull request's comments
are those of its issue."""

from __future__ import annotations

from typing import Any

from sandbox import repositories
from sandbox.clock import iso
from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.github import shapes
from sandbox.services.github.rules import permitted
from sandbox.world import World

PULLS, COMMENTS, STATUSES = "github.pulls", "github.comments", "github.statuses"
BODY, DESCRIPTION = 65536, 140
"""Characters of a comment, and of a status's description."""
STATES = ("error", "failure", "pending", "success")
PER_PAGE, MOST = 30, 100


def get_pull(world: World, request: Request) -> Response:
    permitted(world, request, pull_requests="read")
    found = _pull(world, request)
    repository = _name(request)
    head = found["sha"] or repositories.tip(world, repository, found["head"])
    base = repositories.tip(world, repository, found["base"])
    return Response(200, shapes.pull(found, repository, head, base))


def list_comments(world: World, request: Request) -> Response:
    """A page of them, the oldest first, with a header `Link` where there is another."""
    permitted(world, request, pull_requests="read", issues="read")
    number = _pull(world, request)["number"]
    size = min(int(request.query.get("per_page", PER_PAGE)), MOST)
    page = max(int(request.query.get("page", "1")), 1)
    prefix = f"{_name(request).lower()}#"
    found = [each for _, each in world.store.items(COMMENTS, prefix) if each["number"] == number]
    shown = found[(page - 1) * size : page * size]
    following = f"{request.url.partition('?')[0]}?per_page={size}&page={page + 1}"
    headers = {"Link": f'<{following}>; rel="next"'} if len(found) > page * size else {}
    return Response(200, [shapes.comment(each) for each in shown], headers)


def add_comment(world: World, request: Request) -> Response:
    held = permitted(world, request, pull_requests="write", issues="write")
    number, body = _pull(world, request)["number"], _body(request)
    id_, now = world.store_serial(), iso(world.now().replace(microsecond=0))
    made = {
        "id": id_, "number": number, "body": body, "user": shapes.user(held), "app": held.get("app"),
        "created": now, "updated": now,
    }  # fmt: skip
    world.store.put(COMMENTS, f"{_name(request).lower()}#{id_:012}", made)
    return Response(201, shapes.comment(made))


def change_comment(world: World, request: Request) -> Response:
    permitted(world, request, pull_requests="write", issues="write")
    key = f"{_name(request).lower()}#{int(request.params['id']):012}"
    found = world.store.get(COMMENTS, key)
    if found is None:
        raise CloudError(404, "404", "Not Found")
    changed = {**found, "body": _body(request), "updated": iso(world.now().replace(microsecond=0))}
    world.store.put(COMMENTS, key, changed)
    return Response(200, shapes.comment(changed))


def add_status(world: World, request: Request) -> Response:
    held = permitted(world, request, statuses="write")
    body, sha = request.json() or {}, request.params["sha"]
    if body.get("state") not in STATES or len(str(body.get("description") or "")) > DESCRIPTION:
        raise CloudError(422, "422", "Validation Failed")
    if not repositories.has(world, _name(request), sha):
        raise CloudError(422, "422", f"No commit found for SHA: {sha}")
    id_ = world.store_serial()
    made = {
        "id": id_, "state": body["state"],
        "description": body.get("description"), "target_url": body.get("target_url"),
        "context": body.get("context", "default"), "created_at": iso(world.now().replace(microsecond=0)),
        "creator": shapes.user(held),
    }  # fmt: skip
    world.store.put(STATUSES, f"{_name(request).lower()}@{sha}#{id_:012}", made)
    return Response(201, shapes.status(made))


def list_statuses(world: World, request: Request) -> Response:
    """Those of a commit, the newest first."""
    permitted(world, request, statuses="read")
    found = [
        each for _, each in world.store.items(STATUSES, f"{_name(request).lower()}@{request.params['sha']}#")
    ]
    return Response(200, [shapes.status(each) for each in reversed(found)])


def advertise(world: World, request: Request) -> Response:
    """Git's smart HTTP, at github.com."""
    permitted(world, request, contents="read")
    return repositories.fetch(world, request, _name(request), "info/refs")


def upload(world: World, request: Request) -> Response:
    permitted(world, request, contents="read")
    return repositories.fetch(world, request, _name(request), "git-upload-pack")


# Control


def put_repository(world: World, request: Request) -> Response:
    """Let a bare repository of this disk be one of github.com."""
    body = _object(request)
    repositories.register(world, body["repository"], str(body["path"]))
    return Response(201, {})


def put_pull(world: World, request: Request) -> Response:
    """Open a pull request, or change the one with a number. sha: of a fork, whose branches are not here."""
    body = _object(request)
    repository = str(body["repository"])
    number = int(body.get("number") or world.store_serial())
    key = f"{repository.lower()}#{number}"
    before = {"number": number, "state": "open", "merged": False, "title": "", "fork": "", "sha": ""}
    known = world.store.get(PULLS, key) or before
    world.store.put(
        PULLS, key, {**known, **{name: body[name] for name in (*before, "head", "base") if name in body}}
    )
    return Response(201, {"number": number})


def _object(request: Request) -> dict[str, Any]:
    body = request.json()
    if not isinstance(body, dict) or not isinstance(body.get("repository"), str):
        raise CloudError(400, "BadRequest", 'takes {"repository": "OWNER/NAME", …}')
    return body


def _pull(world: World, request: Request) -> dict[str, Any]:
    found = world.store.get(PULLS, f"{_name(request).lower()}#{request.params['number']}")
    if found is None:
        raise CloudError(404, "404", "Not Found")
    return found


def _name(request: Request) -> str:
    return f"{request.params['owner']}/{request.params['name'].removesuffix('.git')}"


def _body(request: Request) -> str:
    text = (request.json() or {}).get("body")
    if not isinstance(text, str) or not text or len(text) > BODY:
        raise CloudError(422, "422", f"Validation Failed: body is too long (maximum is {BODY} characters)")
    return text


ROUTES = (
    Route("GET", "/repos/{owner}/{name}/pulls/{number}", get_pull),
    Route("GET", "/repos/{owner}/{name}/issues/{number}/comments", list_comments),
    Route("POST", "/repos/{owner}/{name}/issues/{number}/comments", add_comment),
    Route("PATCH", "/repos/{owner}/{name}/issues/comments/{id}", change_comment),
    Route("POST", "/repos/{owner}/{name}/statuses/{sha}", add_status),
    Route("GET", "/repos/{owner}/{name}/commits/{sha}/statuses", list_statuses),
    Route("GET", "/{owner}/{name}/info/refs", advertise),
    Route("POST", "/{owner}/{name}/git-upload-pack", upload, write=False),
)
CONTROL = (
    Route("POST", "/_sandbox/github/repositories", put_repository),
    Route("POST", "/_sandbox/github/pulls", put_pull),
)
