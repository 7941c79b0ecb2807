"""What a schema cannot say of a right call (parts that fit each other, names that exist, a cursor that a page gave, a page
within its list's depth), and of a wrong one (an empty value in a query is none). And ids of records that there are, so that
calls get past 404."""

import json
import os

import schemathesis
from schemathesis import GenerationMode

with open(os.environ["CERTMINT_UPLOADS"], encoding="utf-8") as file:
    UPLOADS = json.load(file)

# Rows that a page by number may be away: the least of the depths in shared/src/store/cursor.rs.
DEPTH = 1_000
# Ids of what the test has made before.
KNOWN = 3
# The certificate that was uploaded; the one before it was issued.
UPLOADED = 2

taken = 0


def upload():
    global taken
    taken += 1
    return dict(UPLOADS[taken % len(UPLOADS)])


def whole(value):
    """1.0 is an integer in JSON Schema; ids are written in digits."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {name: whole(item) for name, item in value.items()}
    return value


def pair(body, one, other):
    """Both or none."""
    if not body.get(one) or not body.get(other):
        for name in (one, other, "eabExpiresAt"):
            body.pop(name, None)
    else:
        body[one], body[other] = "kid-1", "your_eab_hmac_key_here"
        body.pop("eabExpiresAt", None)


def fitting(label, body, path):
    if label == "POST /api/v1/certificates/upload":
        return upload()
    if label == "POST /api/v1/acme/account/create":
        pair(body, "eabKid", "eabHmacKey")
        body["providerName"] = "letsencrypt"
        body.pop("email", None)
    if label == "POST /api/v1/acme/accounts/eab":
        body.update(eabKid="kid-1", eabHmacKey="your_eab_hmac_key_here")
        body.pop("eabExpiresAt", None)
    if label == "POST /api/v1/acme/accounts/contact":
        body["email"] = "ops@example.net"
    if label == "POST /api/v1/acme/certificate/request":
        body["domains"] = ["www.example.com"]
        body.pop("csr", None)
        body.pop("fallbackAccountIds", None)
        body.pop("profile", None)
    if label == "POST /api/v1/certificate/{id}/download":
        if body.get("format") != "pfx":
            body.pop("algorithm", None)
        body["password"] = "correct horse"
    if label == "POST /api/v1/certificate/{id}/revoke":
        body.pop("provider", None)
        if path["id"] == UPLOADED:
            body.update(by="certificateKey", provider="letsencrypt")
    if label == "POST /api/v1/certificates/renewal/settings" and body.get("renewAs") is None:
        body["reuseKey"] = body.get("reuseKey") is True
    return body


@schemathesis.hook
def before_call(context, case, kwargs):
    # An example has no meta.
    wrong = case.meta is not None and case.meta.generation.mode != GenerationMode.POSITIVE
    query = dict(case.query or {})
    if wrong:
        # An empty one is none, an object is parameters of other names: another value is wrong in its place.
        gone = lambda value: value in ("", [], [""]) or isinstance(value, dict)
        case.query = {name: "@" if gone(value) else value for name, value in query.items()}
        return
    query = whole(query)
    query.pop("cursor", None)
    for name in ("name", "domain"):
        if name in query:
            query[name] = "example.com"
    if "email" in query:
        query["email"] = "ops@example.com"
    if case.operation.label == "GET /api/v1/certificates":
        of_certificates = {"name", "source", "wildcard"} & query.keys()
        for name in ("kind", "status") if of_certificates else ("status",):
            query.pop(name, None)
    if int(query.get("page") or 1) * int(query.get("pageSize") or 20) > DEPTH:
        query["page"] = 1
    case.query = query
    path = whole(dict(case.path_parameters or {}))
    if "id" in path and int(path["id"]) % 2:
        path["id"] = 1 + int(path["id"]) % KNOWN
    if case.operation.label.endswith("/revoke"):
        path["id"] = 1 + int(path["id"]) % UPLOADED
    case.path_parameters = path
    if isinstance(case.body, dict):
        case.body = fitting(case.operation.label, whole(dict(case.body)), path)
