#!/usr/bin/env bash
# The release of one environment as teams write it: unmodified `az` and `databricks`, nothing remembered in between.
# Takes GROUP, ACCOUNT, VAULT, FACTORY, ME (object id of who releases), and the folder with the exported factory.
set -euo pipefail
export_folder=$1
az() { command az "$@" --only-show-errors; }

az login --identity --output none

# the platform
az group create --name "$GROUP" --location westeurope --output none
outputs=$(az deployment group create --resource-group "$GROUP" --name platform \
    --template-file arm/azuredeploy.json --parameters storageAccountName="$ACCOUNT" keyVaultName="$VAULT" \
    dataFactoryName="$FACTORY" deployDatabricks=true reconcilerObjectId="$ME" \
    --query properties.outputs --output json)
said() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]]["value"])' "$outputs" "$1"; }

# the factory's definitions: triggers are stopped, the exported template is deployed, triggers are started
factory="/subscriptions/$SUBSCRIPTION/resourceGroups/$GROUP/providers/Microsoft.DataFactory/factories/$FACTORY"
rest() { az rest --method "$1" --url "https://management.azure.com$factory/$2?api-version=2018-06-01" "${@:3}"; }
running=$(rest get triggers --query 'value[?properties.runtimeState==`Started`].name' --output tsv)
while read -r trigger; do
    [ -z "$trigger" ] || rest post "triggers/${trigger// /%20}/stop" --output none
done <<<"$running"
az deployment group create --resource-group "$GROUP" --name factory \
    --template-file "$export_folder/ARMTemplateForFactory.json" --parameters factoryName="$FACTORY" \
    keyVaultUri="$(said keyVaultUri)" databricksUrl="$(said databricksUrl)" databricksId="$(said databricksId)" \
    storageUrl="$(said storageUrl)" account="$ACCOUNT" --output none
while read -r trigger; do
    [ -z "$trigger" ] || rest post "triggers/${trigger// /%20}/start" --output none
done <"$export_folder/triggers"

# the secret
key=$(az storage account keys list --resource-group "$GROUP" --account-name "$ACCOUNT" --query '[0].value' --output tsv)
az keyvault secret set --vault-name "$VAULT" --name storagekey --value "$key" --output none

# the workspace
DATABRICKS_HOST=$(said databricksUrl)
[[ $DATABRICKS_HOST == https://* ]] || DATABRICKS_HOST="https://$DATABRICKS_HOST"
databricks_app=2ff814a6-3304-4ab8-85cb-cd0e6f879c1d
management=$(az account get-access-token --resource https://management.core.windows.net/ --query accessToken --output tsv)
# a new workspace knows nobody: who may write it in Azure is let in by these headers, and gets a token for the tool
DATABRICKS_TOKEN=$(az rest --method post --url "$DATABRICKS_HOST/api/2.0/token/create" --resource $databricks_app \
    --headers X-Databricks-Azure-SP-Management-Token="$management" \
    X-Databricks-Azure-Workspace-Resource-Id="$(said databricksId)" \
    --body '{"comment": "release", "lifetime_seconds": 3600}' --query token_value --output tsv)
export DATABRICKS_HOST DATABRICKS_TOKEN
databricks workspace mkdirs /Shared/bikeshare
databricks workspace import_dir --overwrite --exclude-hidden-files notebooks /Shared/bikeshare >/dev/null
databricks secrets list-scopes | grep -q '^bikeshare ' || databricks secrets create-scope --scope bikeshare
databricks secrets put --scope bikeshare --key storagekey --string-value "$key"
databricks secrets put-acl --scope bikeshare --principal users --permission READ
