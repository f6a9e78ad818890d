"""A round through the unmodified Data Lake SDK, in the Azure CLI's own environment where it is installed.

Prints one JSON object of what was seen. Usage: datalake.py ACCOUNT KEY; without a key it signs in by
AZURE_CLIENT_ID and its like.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from azure.core.exceptions import AzureError
from azure.storage.filedatalake import ContentSettings, DataLakeServiceClient


def main(account: str, key: str) -> dict[str, Any]:
    """What a notebook's author would do, and what each step showed."""
    client = DataLakeServiceClient(f"https://{account}.dfs.core.windows.net", credential=key, retry_total=0)
    seen: dict[str, Any] = {}
    system = client.create_file_system("raw")
    seen["file systems"] = [one.name for one in client.list_file_systems()]
    day = system.create_directory("day", metadata={"team": "data"})
    seen["directory"] = day.get_directory_properties().metadata
    file = day.create_file("one.csv")
    file.append_data(b"a,b\n", 0)
    file.append_data(b"1,2\n", 4)
    file.flush_data(8)
    seen["range"] = file.download_file(offset=4, length=3).readall().decode()
    file.set_metadata({"seen": "yes"})
    file.set_http_headers(ContentSettings(content_type="text/csv"))
    shown = file.get_file_properties()
    seen["properties"] = [shown.metadata, shown.content_settings.content_type]
    big = system.get_file_client("day/big.bin")
    big.upload_data(b"x" * 300_000, overwrite=True, chunk_size=65_536, max_concurrency=4)
    seen["big"] = big.get_file_properties().size
    seen["paths"] = [[one.name, one.is_directory, one.content_length] for one in system.get_paths()]
    seen["pages"] = [len(list(page)) for page in system.get_paths(max_results=2).by_page()]
    seen["flat"] = [one.name for one in system.get_paths(recursive=False)]
    moved = file.rename_file("raw/day/two.csv")
    seen["moved"] = moved.download_file().readall().decode()
    day.rename_directory("raw/night")
    seen["after"] = [one.name for one in system.get_paths("night")]
    seen["owner"] = system.get_file_client("night/two.csv").get_access_control()["owner"]
    seen["exists"] = [file.exists(), system.get_file_client("night/two.csv").exists()]
    for what, step in (
        ("read what is gone", lambda: file.download_file()),
        ("list what is gone", lambda: list(system.get_paths("day"))),
        ("make it twice", lambda: client.create_file_system("raw")),
        ("flush too much", lambda: system.get_file_client("night/two.csv").flush_data(99)),
        ("acl", lambda: system.get_file_client("night/two.csv").set_access_control(acl="user::rwx")),
    ):
        try:
            step()
        except AzureError as refused:
            code = getattr(refused, "error_code", "")
            seen[what] = [getattr(refused, "status_code", None), getattr(code, "value", code)]
    system.get_directory_client("night").delete_directory()
    seen["left"] = [one.name for one in system.get_paths()]
    client.delete_file_system("raw")
    seen["file systems left"] = [one.name for one in client.list_file_systems()]
    return seen


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
