# Databricks notebook source
# MAGIC %md
# MAGIC # Storage
# MAGIC Run by other notebooks with `%run ./storage`. It gives them `reaching`, which signs this session in
# MAGIC to the storage account of an `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/…` path.
# MAGIC
# MAGIC **With the account's key** (the widgets `scope` and `key` name a secret): the key is read from the
# MAGIC secret scope, where the reconciler puts it and renews it.
# MAGIC
# MAGIC **With Entra ID** (the widget `key` is empty): the cluster signs in. That is the way where the
# MAGIC account takes no keys (`allowSharedKeyAccess: false`). Its Spark configuration then names a service
# MAGIC principal that has the role *Storage Blob Data Contributor*, and nothing of it is secret but one
# MAGIC reference:
# MAGIC
# MAGIC ```
# MAGIC fs.azure.account.auth.type.ACCOUNT.dfs.core.windows.net OAuth
# MAGIC fs.azure.account.oauth.provider.type.ACCOUNT.dfs.core.windows.net org.apache.hadoop.fs.azurebfs.oauth2.ClientCredsTokenProvider
# MAGIC fs.azure.account.oauth2.client.id.ACCOUNT.dfs.core.windows.net CLIENT_ID
# MAGIC fs.azure.account.oauth2.client.secret.ACCOUNT.dfs.core.windows.net {{secrets/SCOPE/SECRET}}
# MAGIC fs.azure.account.oauth2.client.endpoint.ACCOUNT.dfs.core.windows.net https://login.microsoftonline.com/TENANT_ID/oauth2/token
# MAGIC ```

# COMMAND ----------

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


@contextmanager
def reaching(path: str, scope: str, key: str) -> Iterator[None]:
    """Signs in for `path` if it is on a storage account, and says so where that account takes no keys."""
    place = urlsplit(path)
    if place.scheme == "abfss" and scope and key:
        spark.conf.set(f"fs.azure.account.key.{place.hostname}", dbutils.secrets.get(scope, key))
    try:
        yield
    except Exception as error:
        # the service's code is in the body of an answer, which the answer to a HEAD lacks; the phrase is in both
        refusals = ("KeyBasedAuthenticationNotPermitted", "Key based authentication is not permitted")
        if not any(refusal in str(error) for refusal in refusals):
            raise
        raise RuntimeError(
            f"{place.hostname} takes no account keys (KeyBasedAuthenticationNotPermitted). Leave the widget `key` "
            "empty and let the cluster sign in with Entra ID: the notebook `storage` tells how."
        ) from error
