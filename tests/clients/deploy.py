"""The policies, the task definition and the Terraform files of deploy/, compared with what AWS and Terraform know."""

import json
import re
from pathlib import Path

import botocore.session
import hcl2
from botocore.validate import ParamValidator

DEPLOY = Path("deploy")
# Actions that only a policy knows, because no operation has their name.
PERMISSIONS = {"sts:TagGetWebIdentityToken"}
# Service Authorization Reference, "Condition keys for AWS Security Token Service", and global keys.
CONDITION_KEYS = {
    "sts:IdentityTokenAudience": "String",
    "sts:SigningAlgorithm": "String",
    "sts:DurationSeconds": "Numeric",
    "aws:TagKeys": "String",
    "aws:PrincipalArn": "Arn",
}
OPERATOR = re.compile(r"(ForAllValues:|ForAnyValue:)?(String|Numeric|Arn)(Not)?(Equals|Like|LessThanEquals|GreaterThan)")

aws = botocore.session.get_session()


def main():
    for path in sorted(DEPLOY.glob("iam/*.json")):
        policy(json.loads(path.read_text()))
        print(f"ok  {path}: only elements, actions and keys that exist")
    task_definition(json.loads((DEPLOY / "ecs/task-definition.json").read_text()))
    print("ok  the task definition is what RegisterTaskDefinition takes")
    terraform()
    print("ok  the Terraform files parse, and use each variable that they declare")


def policy(document):
    assert set(document) == {"Version", "Statement"} and document["Version"] == "2012-10-17", document
    for statement in document["Statement"]:
        assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}, statement
        assert statement["Effect"] in ("Allow", "Deny") and statement["Resource"] == "*", statement
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            service, operation = action.split(":")
            known = aws.get_service_model(service).operation_names
            assert operation in known or action in PERMISSIONS, action
        for operator, keys in statement.get("Condition", {}).items():
            for key in keys:
                condition(operator, key)


def condition(operator, key):
    kind = "String" if key.startswith("aws:RequestTag/") else CONDITION_KEYS[key]
    match = OPERATOR.fullmatch(operator)
    assert operator == "Null" or (match and match[2] == kind), f"{operator} on {key}"


def task_definition(document):
    shape = aws.get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape
    report = ParamValidator().validate(document, shape)
    assert not report.has_errors(), report.generate_report()
    names = {container["name"] for container in document["containerDefinitions"]}
    for container in document["containerDefinitions"]:
        for dependency in container.get("dependsOn", []):
            assert dependency["containerName"] in names, dependency


def terraform():
    files = sorted(DEPLOY.glob("terraform/*.tf"))
    declared = set()
    for path in files:
        blocks = hcl2.loads(path.read_text())
        declared |= {name.strip('"') for block in blocks.get("variable", []) for name in block if not name.startswith("__")}
    # `var.x` in a variable's own validation is no use of it.
    used = set(re.findall(r"\bvar\.(\w+)", (DEPLOY / "terraform/main.tf").read_text()))
    assert declared and declared == used, declared ^ used


main()
