"""What to do about each mistake, for the page: a sentence that says more than the message has room for."""

from __future__ import annotations

from collections.abc import Mapping

CURES: Mapping[str, str] = {
    "A key is misspelt": "Correct the key. An editor with the YAML extension completes keys from the schema that the "
    "first line of the sample's files names.",
    "A line is indented wrongly": "Give the line as many spaces as its neighbours.",
    "A tab stands where YAML wants spaces": "Write spaces, and let the editor write them for the Tab key.",
    "A key is there twice": "Keep the line that you mean.",
    "The marks of a merge conflict were committed": "Choose a side, take out the marks, commit.",
    "A value is of the wrong kind": "Write a span of time as the message shows.",
    "The subscription's name stands where its id belongs": "Write the id that the command prints.",
    "The environment's name is misspelt on the command line": "Use the Tab key: `reconciler --install-completion`.",
    "A new file is not committed": "Commit it. What is planned is always a commit, never the folder as it is.",
    "Two environments wait for each other": "Decide which of them comes first.",
    "A parameter is missing": "Write it below `parameters`, or give it a default in the template.",
    "A parameter that the template does not have": "Correct its name, or declare it in the template.",
    "A parameter is of the wrong type": "Write a number without quotes.",
    "The template is not where the environment says": "Correct the path; it begins at the top of the repository.",
    "A comma is missing in a template": "Write the comma at the end of the line before.",
    "A template function is misspelt": "Correct it. `reconciler template FILE` evaluates one template alone.",
    "A template's parameter is not declared": "Correct the name, or declare the parameter.",
    "An output that no template has": "Name one of the outputs that the message lists.",
    "A secret is given as a name": "Write the name itself; or, where it is a secret, make the parameter a secure one.",
    "A dataset of a linked service that is not there": "Correct the reference, or commit the linked service as well.",
    "A character that Data Factory does not take in a name": "Rename it, and what refers to it.",
    "A notebook is too large": "Clear its outputs before you commit it; keep data in storage.",
    "A job runs a notebook that is not there": "Correct the path, or commit the notebook.",
    "A job has a key that Databricks does not know": "Correct the key.",
    "The folder of the notebooks is named wrongly": "Correct the path; it begins at the top of the repository.",
    "The folder is no Git repository": "Clone the repository, or make one of the folder.",
    "The branch does not exist": "Correct `source.branch`, or push the branch.",
    "The commit does not exist": "Name a branch, a tag or a commit; fetch it first if it is new.",
    "The token for Git has expired": "Make a new token that may read the repository, and put it into "
    "`RECONCILER_GIT_TOKEN`. A GitHub App (`RECONCILER_GITHUB_APP`) needs no renewal.",
    "The address of the repository is wrong": "Correct `RECONCILER_REPO`. Hosts answer the same where the repository "
    "is private and the token may not see it.",
    "Nobody is signed in": "`az login` on a laptop; in Azure, give the app a managed identity.",
    "The sign-in has expired": "`az login` again; then the same command.",
    "Azure cannot be reached": "Correct the proxy, or ask those who run the network.",
    "The subscription does not exist, or is another tenant's": "Correct the id; or sign in to the tenant that has it: "
    "`az login --tenant TENANT`.",
    "The identity may not read": "Give it the role. `reconciler doctor dev` lists all rights that an environment needs.",
    "The identity may read and not write": "Give it the role, or the least that `reconciler doctor dev` names.",
    "The identity is not let in to the Databricks workspace": "Write `databricks.resourceId`: then whoever may "
    "contribute to the workspace in Azure is let in. Or add the identity to the workspace's users.",
    "A secret is not set": "Set it among the app's settings. What else the plan holds is not kept from going on.",
    "A secret that the environment may not read": "Name it in the app setting `RECONCILER_SECRETS`: who may merge to "
    "Git must not be able to read every setting of the app.",
    "The name of the storage account is taken": "Take a name that nobody has.",
    "The name of the storage account is not one": "3 to 24 lower-case letters and digits.",
    "A deleted key vault still has the name": "Bring the vault back, or purge it if nobody needs it, or take another "
    "name.",
    "The region does not exist": "Correct the region's name.",
    "The resource group is to move to another region": "Put the region back; to move, name another group, and destroy "
    "the old one when nothing needs it.",
    "The subscription does not know the service yet": "Let somebody who may do so register the provider once.",
    "It exists already, and differs": "Write into Git what is there: then it is taken over. Or delete it.",
    "Two environments want the same resource": "Give each environment a group and names of its own.",
    "What cannot be changed was changed": "Take the change back; or acknowledge it, and its data goes with it.",
    "A storage account was taken out of the template": "Put it back; or acknowledge it, and its data goes with it.",
    "A commit deletes more than it may": "Look at the plan. If all of it is meant, acknowledge it or raise the limit; "
    "`reconciler apply dev --allow-destructive` lets one plan pass.",
    "A policy of the company denies it": "Write what the policy allows, or ask those who assigned it.",
    "A lock stands in the way": "Ask who put it there before you remove it.",
    "The factory is linked to Git": "Let only one of the two write the factory.",
    "Azure throttles for longer than a tick can wait": "Wait. Nothing is lost, and the next tick goes on.",
    "Another run is at the environment": "Wait until it has ended, and run the command again.",
    "The state was written by a newer version": "Update this installation to the version of the others.",
    "The state cannot be written": "Name a folder that may be written.",
    "A setting has a wrong value": "Write the value as the message shows.",
    "Another tool's word for a verb": "`reconciler --help` lists the verbs.",
    "An option is misspelt": "`reconciler plan --help` lists the options.",
    "Applied by a script that nobody answers for": "Add `--yes`; or run `plan`, and apply by hand.",
    "Applied while the environment is suspended": "Ask why it was suspended; then `reconciler resume dev`.",
}
"""By the name of the mistake."""
