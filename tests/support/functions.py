"""The Function app in Microsoft's own worker library, in this process: indexed, and invoked as the host does."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime
from support.sandbox import ROOT


class Parts(SimpleNamespace):
    """Stands for a message of the worker's protocol, which the library takes from its caller."""

    def WhichOneof(self, name: str) -> str | None:  # noqa: N802 - protobuf calls it so
        known = {"rpc_data": ("data",)}.get(name, ("http", "string", "bytes", "json"))
        return next((part for part in known if hasattr(self, part)), None)


class Protocol:
    """The namespace of the protocol's messages: each name is one that takes any fields."""

    StatusResult = type("StatusResult", (Parts,), {"Success": "success", "Failure": "failure"})
    BindingInfo = type("BindingInfo", (Parts,), {"in": 0, "out": 1, "inout": 2})

    def __getattr__(self, name: str) -> Any:
        return type(name, (Parts,), {})


@dataclass(frozen=True)
class Ended:
    """How an invocation ended. error: "" where it did well."""

    error: str
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Worker:
    """One start of the app; its settings are those of the environment at that time."""

    def __init__(self, folder: Path = ROOT) -> None:
        sys.modules.pop("function_app", None)
        runtime.start_threadpool_executor()
        started = self._ask(
            runtime.worker_init_request,
            SimpleNamespace(
                request=SimpleNamespace(
                    worker_init_request=SimpleNamespace(capabilities={}, function_app_directory=str(folder))
                ),
                properties={"host": "127.0.0.1", "protos": Protocol()},
            ),
        )
        assert started.result.status == "success", started.result.exception.stack_trace
        found = self._ask(runtime.functions_metadata_request, None).function_metadata_results
        self.ids = {each.name: each.function_id for each in found}
        self.bindings = {each.name: [json.loads(raw) for raw in each.raw_bindings] for each in found}

    def close(self) -> None:
        runtime.stop_threadpool_executor()

    def timer(self, *, past_due: bool = False) -> Ended:
        data = Parts(json=json.dumps({"IsPastDue": past_due, "Schedule": {}, "ScheduleStatus": {}}))
        return self._invoke("reconcile_timer", "timer", data)

    def message(self, function: str, text: str, count: int = 1) -> Ended:
        about = {
            "Id": Parts(string="1"),
            "DequeueCount": Parts(string=str(count)),
            "PopReceipt": Parts(string="p"),
        }
        return self._invoke(function, "message", Parts(string=text), about)

    def http(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Ended:
        """A request by the routes that the bindings promise. Header names come as the host hands them on."""
        function, params = self._route(method, path.strip("/"))
        request = Parts(
            method=method,
            url=f"https://app.azurewebsites.net/api/{path.strip('/')}",
            headers={name.lower(): value for name, value in (headers or {}).items()},
            params=params,
            query={},
            body=Parts(bytes=body),
        )
        return self._invoke(function, "req", Parts(http=request))

    def _route(self, method: str, path: str) -> tuple[str, dict[str, str]]:
        for name, bindings in self.bindings.items():
            trigger = bindings[0]
            if trigger["type"] == "httpTrigger" and method.lower() in map(str.lower, trigger["methods"]):
                pattern = re.sub(r"/\{(\w+)\?\}", r"(?:/(?P<\1>[^/]+))?", trigger["route"])
                pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
                if match := re.fullmatch(pattern, path):
                    return name, {key: value for key, value in match.groupdict().items() if value is not None}
        raise LookupError(f"no function takes {method} {path}")

    def _invoke(
        self, function: str, argument: str, data: Any, about: Mapping[str, Any] | None = None
    ) -> Ended:
        request = SimpleNamespace(
            invocation_id=str(uuid.uuid4()),
            function_id=self.ids[function],
            input_data=[Parts(name=argument, data=data)],
            trigger_metadata=about or {"sys": Parts(json="{}")},
            trace_context=SimpleNamespace(trace_parent="", trace_state="", attributes={}),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        done = self._ask(
            runtime.invocation_request,
            SimpleNamespace(request=SimpleNamespace(invocation_request=request)),
        )
        if done.result.status != "success":
            return Ended(done.result.exception.message)
        answer = getattr(done.return_value, "http", None)
        if answer is None:
            return Ended("")
        return Ended("", int(answer.status_code), dict(answer.headers), answer.body.bytes)

    def _ask(self, handler: Any, request: Any) -> Any:
        return asyncio.run(handler(request))
