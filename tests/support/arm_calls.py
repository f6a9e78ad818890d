"""Raw calls to ARM, for what the SDKs hide: headers, statuses, bodies as they are."""

from __future__ import annotations

from typing import Any

import requests
from azure.identity import DefaultAzureCredential

ARM = "https://management.azure.com"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


class Caller:
    """Calls to ARM as one identity."""

    def __init__(self, token: str) -> None:
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def __call__(
        self, method: str, path: str, body: Any = None, version: str | None = "2024-07-01"
    ) -> requests.Response:
        """`version` is added unless the path has one; None sends none."""
        url = path if path.startswith("https://") else ARM + path
        if version and "api-version=" not in url:
            url += ("&" if "?" in url else "?") + f"api-version={version}"
        return self.session.request(method, url, json=body, timeout=30)


def sign_in() -> Caller:
    """As the Function app's own identity."""
    return Caller(DefaultAzureCredential().get_token(f"{ARM}/.default").token)


def code(answer: requests.Response) -> tuple[int, str]:
    """Status and error code."""
    return answer.status_code, answer.json()["error"]["code"]
