"""XML bodies of the blob service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from sandbox.service import CloudError, Response

# The application adds a header of this spelling where there is none.
_SPELLED = {"content-type": "Content-Type"}
_TYPELESS = {"Content-Type": "application/octet-stream"}
_XML = {"Content-Type": "application/xml"}


def error(fault: CloudError) -> Response:
    """`<Error>`, with the code in a header too: a HEAD has no body."""
    body = f"<Error><Code>{escape(fault.code)}</Code><Message>{escape(fault.message)}</Message></Error>"
    return xml(body, fault.status, {"x-ms-error-code": fault.code, **fault.headers})


def xml(body: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    text = f'<?xml version="1.0" encoding="utf-8"?>{body}'
    return Response(status, text.encode(), {**_XML, **(headers or {})})


def containers(endpoint: str, documents: Iterable[Mapping[str, Any]]) -> Response:
    items = "".join(
        f"<Container><Name>{escape(one['name'])}</Name><Properties>"
        f"<Last-Modified>{escape(one['modified'])}</Last-Modified><Etag>{escape(one['etag'])}</Etag>"
        "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>"
        "<DefaultEncryptionScope>$account-encryption-key</DefaultEncryptionScope>"
        "<DenyEncryptionScopeOverride>false</DenyEncryptionScopeOverride><HasImmutabilityPolicy>false"
        "</HasImmutabilityPolicy><HasLegalHold>false</HasLegalHold></Properties></Container>"
        for one in documents
    )
    return xml(
        f"<EnumerationResults "
        f"ServiceEndpoint={quoteattr(endpoint)}><Containers>{items}</Containers><NextMarker "
        "/></EnumerationResults>"
    )


def blobs(
    endpoint: str, container: str, names: Iterable[Mapping[str, Any] | str], marker: str, metadata: bool
) -> Response:
    """Blobs, and prefixes as texts."""
    items = "".join(
        f"<BlobPrefix><Name>{escape(one)}</Name></BlobPrefix>"
        if isinstance(one, str)
        else _blob(one, metadata)
        for one in names
    )
    following = f"<NextMarker>{escape(marker)}</NextMarker>" if marker else "<NextMarker />"
    return xml(
        f"<EnumerationResults ServiceEndpoint={quoteattr(endpoint)} ContainerName={quoteattr(container)}>"
        f"<Blobs>{items}</Blobs>{following}</EnumerationResults>"
    )


def kept(one: Mapping[str, Any]) -> dict[str, str]:
    """The headers to show of a blob: those that were sent with it, and what marks a directory."""
    mark = {"x-ms-meta-hdi_isfolder": "true"} if one["directory"] else {}
    return {
        **_TYPELESS,
        **{_SPELLED.get(name, name): value for name, value in one["headers"].items()},
        **mark,
    }


def _blob(one: Mapping[str, Any], metadata: bool) -> str:
    kind = one["headers"].get("content-type", "application/octet-stream")
    md5 = f"<Content-MD5>{one['md5']}</Content-MD5>" if one["md5"] else "<Content-MD5 />"
    names = {key.removeprefix("x-ms-meta-"): value for key, value in kept(one).items() if "-meta-" in key}
    more = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in names.items() if metadata)
    return (
        f"<Blob><Name>{escape(one['name'])}</Name><Properties><Last-Modified>{escape(one['modified'])}</Last-Modified>"
        f"<Etag>{escape(one['etag'].strip(chr(34)))}</Etag><Content-Length>{one['size']}</Content-Length>"
        f"<Content-Type>{escape(kind)}</Content-Type>{md5}"
        "<BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier><AccessTierInferred>true</AccessTierInferred>"
        "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState><ServerEncrypted>true</ServerEncrypted>"
        f"</Properties><Metadata>{more}</Metadata><OrMetadata /></Blob>"
    )
