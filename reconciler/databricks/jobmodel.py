"""The fields of a job that are checked before anything is called. All others pass through: the API grows.

https://docs.databricks.com/api/azure/workspace/jobs/create (2.2)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from reconciler.databricks.jobfile import Found
from reconciler.errors import Fault
from reconciler.yamlfile import Step, at, kind

MAX_TASKS: Final = 1000
MAX_TAGS: Final = 24
"""The API takes 25; one is our mark."""


def _bytes(limit: int) -> AfterValidator:
    def check(text: str) -> str:
        if len(text.encode()) > limit:
            raise ValueError(f"at most {limit} bytes are taken")
        return text

    return AfterValidator(check)


_Key = Annotated[str, Field(pattern=r"^[\w-]{1,100}$")]
_Name = Annotated[str, Field(min_length=1), _bytes(4096)]
_Map = dict[str, Any]
_Texts = dict[str, str]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _Dependency(_Open):
    task_key: str
    outcome: Literal["true", "false"] | None = None


class _Library(_Open):
    whl: str | None = None
    jar: str | None = None
    egg: str | None = None
    requirements: str | None = None
    pypi: _Map | None = None
    maven: _Map | None = None
    cran: _Map | None = None


class _NotebookTask(_Open):
    notebook_path: str
    base_parameters: _Texts | None = None
    source: Literal["WORKSPACE", "GIT"] | None = None


class _PythonTask(_Open):
    python_file: str
    parameters: list[str] | None = None
    source: Literal["WORKSPACE", "GIT"] | None = None


class _WheelTask(_Open):
    package_name: str
    entry_point: str
    parameters: list[str] | None = None
    named_parameters: _Texts | None = None


class _ForEachTask(_Open):
    inputs: str
    task: _Task
    concurrency: int | None = None


class _Task(_Open):
    task_key: _Key
    depends_on: list[_Dependency] | None = None
    description: str | None = None
    notebook_task: _NotebookTask | None = None
    spark_python_task: _PythonTask | None = None
    python_wheel_task: _WheelTask | None = None
    for_each_task: _ForEachTask | None = None
    new_cluster: _Map | None = None
    existing_cluster_id: str | None = None
    job_cluster_key: str | None = None
    environment_key: str | None = None
    libraries: list[_Library] | None = None
    timeout_seconds: int | None = Field(default=None, ge=0)
    max_retries: int | None = Field(default=None, ge=-1)
    min_retry_interval_millis: int | None = Field(default=None, ge=0)
    run_if: (
        Literal[
            "ALL_SUCCESS",
            "ALL_DONE",
            "NONE_FAILED",
            "AT_LEAST_ONE_SUCCESS",
            "ALL_FAILED",
            "AT_LEAST_ONE_FAILED",
        ]
        | None
    ) = None


class _Cluster(_Open):
    job_cluster_key: _Key
    new_cluster: _Map | None = None


class _Environment(_Open):
    environment_key: str
    spec: _Map | None = None


class _Parameter(_Open):
    name: str = Field(pattern=r"^[\w.-]+$")
    default: str


class _Schedule(_Open):
    quartz_cron_expression: str
    timezone_id: str = Field(min_length=1)
    pause_status: Literal["PAUSED", "UNPAUSED"] | None = None


class _Permission(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    level: Literal["CAN_VIEW", "CAN_MANAGE_RUN", "CAN_MANAGE", "IS_OWNER"]
    user_name: str | None = None
    group_name: str | None = None
    service_principal_name: str | None = None


class _Job(_Open):
    name: _Name | None = None
    description: Annotated[str, _bytes(27700)] | None = None
    tasks: list[_Task] = Field(min_length=1, max_length=MAX_TASKS)
    job_clusters: list[_Cluster] | None = None
    environments: list[_Environment] | None = None
    parameters: list[_Parameter] | None = None
    tags: dict[str, str] | None = Field(default=None, max_length=MAX_TAGS)
    schedule: _Schedule | None = None
    trigger: _Map | None = None
    continuous: _Map | None = None
    max_concurrent_runs: int | None = Field(default=None, ge=0, le=1000)
    timeout_seconds: int | None = Field(default=None, ge=0)
    email_notifications: _Map | None = None
    webhook_notifications: _Map | None = None
    notification_settings: _Map | None = None
    queue: _Map | None = None
    run_as: _Texts | None = None
    git_source: _Map | None = None
    health: _Map | None = None
    permissions: list[_Permission] | None = None


_WORDS: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
}
"""What was wanted, by the kind of Pydantic's error."""


def faults(job: Found) -> Iterator[Fault]:
    """What is missing, of a wrong kind or out of its range."""
    try:
        _Job.model_validate(job.node.plain())
    except ValidationError as error:
        for each in error.errors(include_url=False):
            path: tuple[Step, ...] = tuple(each["loc"])
            name = _path(path)
            value = at(job.node, path).value
            wanted = _WORDS.get(each["type"])
            if each["type"] == "missing":
                yield job.fault(path, f"{name} is missing.")
            elif each["type"] == "extra_forbidden":
                yield job.fault(path, f"{name} is not known.")
            elif wanted:
                hint = "Put it in quotes." if wanted == "text" and not isinstance(value, dict | list) else ""
                yield job.fault(path, f"{name} must be {wanted}, not {kind(value)}.", hint)
            elif each["type"] == "string_pattern_mismatch":
                yield job.fault(
                    path, f"{name} is {value!r}; letters, digits, `_` and `-` are taken, up to 100."
                )
            else:
                told = each["msg"].removeprefix("Value error, ")
                yield job.fault(path, f"{name}: {told[:1].lower()}{told[1:]}.")


def _path(path: tuple[Step, ...]) -> str:
    told = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return f"`{told.removeprefix('.')}`"
