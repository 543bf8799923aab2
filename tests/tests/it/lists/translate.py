"""Templates as CloudFormation gets them: AWS's own translator applied, the short tags written out.

Reads {"path": "text", …} and writes {"path": {…}, …}.
"""

import json
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

# What `sam package` puts in place of a path.
PACKAGED = {
    "AWS::Serverless::Application": ("Location", "https://s3.amazonaws.com/bucket/key"),
    "AWS::Serverless::Function": ("CodeUri", "s3://bucket/key"),
}
PARAMETERS = {"DeploymentStyle": "Canary10Percent10Minutes"}


class NoManagedPolicies:
    """None is named by its short name."""

    def load(self):
        return {}


def translated(text):
    template = yaml_parse(text)
    if template.get("Transform") != "AWS::Serverless-2016-10-31":
        return template
    template.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    for resource in template["Resources"].values():
        if resource["Type"] in PACKAGED:
            name, value = PACKAGED[resource["Type"]]
            resource["Properties"][name] = value
    return transform(template, dict(PARAMETERS), NoManagedPolicies())


templates = json.load(sys.stdin)
json.dump({path: translated(text) for path, text in templates.items()}, sys.stdout)
