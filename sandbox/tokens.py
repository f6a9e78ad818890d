"""Bearer tokens: RS256, signed by a key that the state folder keeps, judged by the world's clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from sandbox.authority import keep
from sandbox.clock import Clock
from sandbox.identities import Identity
from sandbox.service import Caller, TokenError


class Tokens:
    """Issues and checks the tokens of one tenant."""

    def __init__(self, folder: Path, clock: Clock, tenant_id: str) -> None:
        self._file = folder / "signing-key.pem"
        self._clock = clock
        self._tenant_id = tenant_id
        self._verified: dict[str, Mapping[str, Any]] = {}

    @cached_property
    def _key(self) -> RSAPrivateKey:
        key = serialization.load_pem_private_key(keep(self._file, _new_key), password=None)
        assert isinstance(key, RSAPrivateKey)
        return key

    @cached_property
    def _key_id(self) -> str:
        return sha256(str(self._key.public_key().public_numbers().n).encode()).hexdigest()[:27]

    def jwks(self) -> dict[str, Any]:
        """The public key as the JSON Web Key Set that login answers."""
        key = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        issuer = f"https://login.microsoftonline.com/{self._tenant_id}/v2.0"
        return {"keys": [{"kid": self._key_id, "use": "sig", "kty": "RSA", "n": key["n"], "e": key["e"],
                          "alg": "RS256", "issuer": issuer}]}  # fmt: skip

    def issue(self, identity: Identity, audience: str, lifetime: timedelta) -> str:
        """A v1.0 access token, as Azure's own services are given."""
        now = int(self._clock.now().timestamp())
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{self._tenant_id}/",
            "iat": now,
            "nbf": now,
            "exp": now + int(lifetime.total_seconds()),
            "appid": identity.client_id,
            "appidacr": "2" if identity.secret is None else "1",
            "idp": f"https://sts.windows.net/{self._tenant_id}/",
            "idtyp": "app",
            "oid": identity.object_id,
            "sub": identity.object_id,
            "tid": self._tenant_id,
            "uti": uuid4().hex[:22],
            "ver": "1.0",
            "app_displayname": identity.name,
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._key_id})

    def check(self, header: str | None, audiences: tuple[str, ...]) -> Caller:
        """Who an Authorization header speaks for. Raises TokenError.

        `nbf` is not looked at: only the reset of an advanced clock makes a token early.
        """
        claims = self._claims(header)
        now, expiry = self._clock.now(), datetime.fromtimestamp(claims["exp"], UTC)
        if expiry <= now:
            text = "The access token expiry UTC time '{}' is earlier than current UTC time '{}'."
            raise TokenError("expired", text.format(_us(expiry), _us(now)))
        if claims["tid"] != self._tenant_id:
            raise TokenError("tenant", f"The access token is from the wrong issuer '{claims['iss']}'.")
        if str(claims["aud"]).rstrip("/") not in {a.rstrip("/") for a in audiences}:
            raise TokenError("audience", str(claims["aud"]))
        return self._caller(claims)

    def peek(self, header: str | None) -> Caller | None:
        """Whose token it is, if it is one of ours at all; for the journal."""
        try:
            return self._caller(self._claims(header))
        except TokenError:
            return None

    def _claims(self, header: str | None) -> Mapping[str, Any]:
        if not header:
            raise TokenError("missing", "Authentication failed. The 'Authorization' header is missing.")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenError("malformed", "Authentication failed. The 'Authorization' header is invalid.")
        token = token.strip()
        if token not in self._verified:
            self._verified[token] = self._decode(token)
        return self._verified[token]

    def _decode(self, token: str) -> Mapping[str, Any]:
        options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._key.public_key(), algorithms=["RS256"], options=options
            )
            if not {"exp", "aud", "tid", "oid", "appid", "iss"} <= claims.keys():
                raise TokenError("malformed", "The access token is invalid.")
        except jwt.PyJWTError:
            raise TokenError("malformed", "The access token is invalid.") from None
        return claims

    @staticmethod
    def _caller(claims: Mapping[str, Any]) -> Caller:
        return Caller(
            claims["oid"], claims["appid"], claims["tid"], claims.get("app_displayname", ""), claims["aud"]
        )


def _new_key() -> bytes:
    return generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _us(moment: datetime) -> str:
    """As `5/6/2024 7:08:09 PM`, the form of ARM's message."""
    clock = f"{moment.hour % 12 or 12}:{moment:%M:%S %p}"
    return f"{moment.month}/{moment.day}/{moment.year} {clock}"
