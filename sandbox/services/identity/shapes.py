"""Bodies as App Service answers them."""

from __future__ import annotations

from sandbox.service import CloudError, Response


def error(fault: CloudError) -> Response:
    """`{"statusCode", "message", "correlationId"?}`, as MSAL reads it."""
    return Response(fault.status, {"statusCode": fault.status, "message": fault.message}, fault.headers)


def token(access_token: str, expires_on: int, resource: str, client_id: str) -> Response:
    """A token; `expires_on` is Unix time and sent as text (App Service REST reference)."""
    return Response(
        200,
        {
            "access_token": access_token,
            "expires_on": str(expires_on),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": client_id,
        },
    )
