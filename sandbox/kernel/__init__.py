"""The process that executes the tasks of a Databricks run, on local Spark.

The sandbox starts one for each run (`python -m sandbox.kernel SOCKET FOLDER`) and hands it tasks over a
socket. What a notebook needs from the workspace (sources, files, secrets, a right to storage) the kernel asks
for over that socket: no right and no secret is guessed from the machine. It imports nothing else of the
sandbox.
"""
