"""What no schema knows: that template.yaml and infra/openapi.yaml say what the code says."""

import re
import sys
from pathlib import Path

import yaml
from cfnlint.decode import cfn_yaml

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT / "shared" / "src"
wrong = []


def check(holds, text):
    if not holds:
        wrong.append(text)


def source(path):
    """A Rust file without its unit tests."""
    return (SHARED / path).read_text().split("#[cfg(test)]")[0]


def literal(name, text):
    """The string of `const NAME: &str = "…";`."""
    return re.search(rf'const {name}: &str = "([^"]+)";', text).group(1)


template = cfn_yaml.load(str(ROOT / "template.yaml"))
resources = template["Resources"]
code = {path: source(path.relative_to(SHARED)) for path in SHARED.rglob("*.rs")}
everything = "\n".join(code.values())


# ---- the table has the keys of schema.rs
def keys(schema):
    return tuple(k["AttributeName"] for k in sorted(schema, key=lambda k: k["KeyType"]))


table = resources["Table"]["Properties"]
schema = source("store/schema.rs")
primary = re.search(r'PRIMARY: \(&str, &str\) = \("(\w+)", "(\w+)"\)', schema).groups()
indexes = re.findall(r'\("(\w+)", "(\w+)", "(\w+)"\),', schema)
check(keys(table["KeySchema"]) == primary, "Table: the primary key is not that of store/schema.rs")
here = [(i["IndexName"], *keys(i["KeySchema"])) for i in table["GlobalSecondaryIndexes"]]
check(sorted(here) == sorted(indexes), f"Table: the indexes {here} are not those of store/schema.rs")
ttl = table["TimeToLiveSpecification"]["AttributeName"]
check(f'("{ttl}".into()' in everything, f"Table: nothing writes the TTL attribute {ttl}")
for safe in ("DeletionPolicy", "UpdateReplacePolicy"):
    check(resources["Table"].get(safe) == "Retain", f"Table: {safe} must be Retain")

# ---- the kick rule matches what kick.rs sends
kick = source("kick.rs")
pattern = resources["WorkerFunction"]["Properties"]["Events"]["Kick"]["Properties"]["Pattern"]
check(pattern["source"] == [literal("SOURCE", kick)], "Kick: source differs from kick.rs")
check(pattern["detail-type"] == [literal("DETAIL_TYPE", kick)], "Kick: detail-type differs from kick.rs")

# ---- every variable that the template sets is read
known = set(re.findall(r'"((?:CERTMINT|ACME)_[A-Z_]+)"', source("config.rs"))) | {"RUST_LOG"}
places = [template["Globals"]["Function"]] + [resources[f"{f}Function"]["Properties"] for f in ("Api", "Worker", "Cleanup")]
for place in places:
    for name in place.get("Environment", {}).get("Variables", {}):
        check(name in known, f"Environment: nothing reads {name}")

# ---- every alarm word of the code has a metric filter
words = set(re.findall(r'\balarm = "(\w+)"', everything))
filters = " ".join(str(r["Properties"]["FilterPattern"]) for r in resources.values() if r["Type"] == "AWS::Logs::MetricFilter")
for word in words:
    check(f'"{word}"' in filters, f'alarm = "{word}" in the code has no metric filter')

# ---- roles
CALLS = {  # SDK call in the code -> IAM actions
    "get_item": ["dynamodb:GetItem"],
    "batch_get_item": ["dynamodb:BatchGetItem"],
    "query": ["dynamodb:Query"],
    "put_item": ["dynamodb:PutItem"],
    "update_item": ["dynamodb:UpdateItem"],
    "delete_item": ["dynamodb:DeleteItem"],
    "scan": ["dynamodb:Scan"],
    "transact_write_items": ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"],
    "transact_get_items": ["dynamodb:GetItem"],
    "create_secret": ["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
    "get_secret_value": ["secretsmanager:GetSecretValue"],
    "put_secret_value": ["secretsmanager:PutSecretValue"],
    "describe_secret": ["secretsmanager:DescribeSecret"],
    "delete_secret": ["secretsmanager:DeleteSecret"],
    "restore_secret": ["secretsmanager:RestoreSecret"],
    "put_events": ["events:PutEvents"],
    "list_hosted_zones": ["route53:ListHostedZones"],
    "list_hosted_zones_by_name": ["route53:ListHostedZonesByName"],
    "get_change": ["route53:GetChange"],
    "list_resource_record_sets": ["route53:ListResourceRecordSets"],
    "change_resource_record_sets": ["route53:ChangeResourceRecordSets"],
    "encrypt": ["kms:Encrypt"],
    "decrypt": ["kms:Decrypt"],
    "generate_data_key": ["kms:GenerateDataKey"],
}
PLUMBING = {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}


def listed(value):
    return list(value) if isinstance(value, list) else [value]


def statements(resource):
    properties = resource["Properties"]
    documents = [p["PolicyDocument"] for p in properties.get("Policies", [])]
    documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
    return [s for d in documents for s in d["Statement"]]


adapters = "\n".join(t for p, t in code.items() if "aws_sdk_" in t and p.name != "schema.rs")
called = {action for call, actions in CALLS.items() if re.search(rf"\.{call}\(\)", adapters) for action in actions}
roles = {n: statements(r) for n, r in resources.items() if r["Type"] in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy")}
granted = {a for some in roles.values() for s in some for a in listed(s["Action"])} - PLUMBING
check(not called - granted, f"no role allows {sorted(called - granted)}, which the code calls")
check(not granted - called, f"a role allows {sorted(granted - called)}, which no code calls")
for name, some in roles.items():
    for s in some:
        actions = listed(s["Action"])
        check(not any("*" in a for a in actions), f"{name}: an action has a star")
        everywhere = {"route53:ListHostedZones", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
        check("*" not in listed(s["Resource"]) or set(actions) <= everywhere, f"{name}: {actions} on every resource")
        if "route53:ChangeResourceRecordSets" in actions:
            check("ForAllValues:StringLike" in s["Condition"], f"{name}: any record name may be written")
            types = s["Condition"]["ForAllValues:StringEquals"]["route53:ChangeResourceRecordSetsRecordTypes"]
            check(types == ["TXT"], f"{name}: record types {types} may be written")


def services(role):
    return {a.split(":")[0] for s in roles[role] for a in listed(s["Action"])}


check("secretsmanager" not in services("CleanupRole") | services("ChallengePolicy"), "dns-cleanup may read secrets")
check("route53" not in services("ApiRole"), "the API may reach Route53")
check("events" not in services("CleanupRole"), "dns-cleanup may send events")

# ---- the description has exactly the calls of api/
arms = re.findall(r'#\[utoipa::path\(\s*(\w+),\s*path = "([^"]+)"', everything)
routes = {f"{method.upper()} {path}" for method, path in arms}
paths = yaml.safe_load((ROOT / "infra" / "openapi.yaml").read_text())["paths"]
described = {f"{method.upper()} {path}" for path, operations in paths.items() for method in operations}
check(not routes - described, f"infra/openapi.yaml lacks {sorted(routes - described)}")
check(not described - routes, f"infra/openapi.yaml has {sorted(described - routes)}, which the API does not answer")

for text in wrong:
    print(text, file=sys.stderr)
sys.exit(1 if wrong else 0)
