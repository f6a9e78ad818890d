# The app as a container, for those who prefer one: with git, which the Functions image lacks.
# It holds what .funcignore leaves, and the packages that requirements.txt locks, by hash. No secret is needed to build it.
#   docker build --tag reconciler .
FROM mcr.microsoft.com/azure-functions/python:4-python3.11

ENV AzureWebJobsScriptRoot=/home/site/wwwroot \
    AzureFunctionsJobHost__Logging__Console__IsEnabled=true

RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/*

COPY requirements.txt /home/site/wwwroot/
RUN pip install --no-cache-dir --require-hashes --only-binary :all: --requirement /home/site/wwwroot/requirements.txt

COPY host.json function_app.py LICENSE /home/site/wwwroot/
COPY reconciler /home/site/wwwroot/reconciler
