"""The routes of login.microsoftonline.com that confidential clients use."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

from sandbox.service import Request, Response, Route
from sandbox.services.entra import rules, shapes
from sandbox.world import World

# "The default lifetime … ranges between 60-90 minutes" (learn.microsoft.com, access tokens).
LIFETIME = timedelta(minutes=75)


def discover(world: World, request: Request) -> Response:
    """Instance discovery of MSAL."""
    path = urlsplit(request.query.get("authorization_endpoint", "")).path
    return Response(200, shapes.instance_discovery(path.strip("/").split("/")[0] or "common"))


def configuration(world: World, request: Request) -> Response:
    """OpenID configuration of the tenant, or of the templates `common` and `organizations`."""
    tenant = request.params["tenant"]
    template = tenant.lower() in ("common", "organizations")
    if not template:
        rules.tenant(world, tenant)
    version = "/v2.0" if "/v2.0/" in request.path else ""
    issuer = "{tenantid}" if template else world.tenant_id
    return Response(200, shapes.openid_configuration(tenant, issuer, version))


def keys(world: World, request: Request) -> Response:
    """The public signing keys."""
    return Response(200, world.tokens.jwks())


def token(world: World, request: Request) -> Response:
    """The client credentials grant with a secret, v1.0 and v2.0."""
    form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    rules.tenant(world, request.params["tenant"])
    grant = form.get("grant_type", "")
    if not grant:
        raise rules.refusal(900144, "grant_type")
    if grant != "client_credentials":
        raise rules.refusal(70003, grant)
    identity = rules.client(world, form)
    v1 = "/v2.0/" not in request.path
    if v1 and "resource" not in form:
        raise rules.refusal(900144, "resource")
    audience = rules.audience(form if v1 else {k: v for k, v in form.items() if k != "resource"})
    if not rules.known_resource(world, audience):
        raise rules.refusal(500011, audience)
    access_token = world.tokens.issue(identity, audience, LIFETIME)
    seconds = int(LIFETIME.total_seconds())
    return Response(200, shapes.token(access_token, audience, seconds, int(world.now().timestamp()), v1))


ROUTES = (
    Route("GET", "/{any}/discovery/instance", discover),
    Route("GET", "/{tenant}/v2.0/.well-known/openid-configuration", configuration),
    Route("GET", "/{tenant}/.well-known/openid-configuration", configuration),
    Route("GET", "/{tenant}/discovery/v2.0/keys", keys),
    Route("GET", "/{tenant}/discovery/keys", keys),
    Route("POST", "/{tenant}/oauth2/v2.0/token", token, write=False),
    Route("POST", "/{tenant}/oauth2/token", token, write=False),
)
