"""What runs inside the tester, around each request it makes.

Before a call: parameters that the generator has left valid get, most of the time, the id of
something that is there, or the tester would learn only how the service says 404. What was made
invalid on purpose is never touched. After a call: what was answered is counted by operation, and no
secret may be in it."""
import atexit
import datetime
import json
import os
import random
import re

import schemathesis
import yaml
from schemathesis.core.media_types import YAML_MEDIA_TYPES
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.generation.meta import TestPhase

from deployment import Api
from fixtures import Fixtures

# How often a valid id becomes one that exists, and what is to be new becomes new. In the first
# tries of an operation it always does.
KNOWN = 0.8
FIRST = 3

with open(os.environ["CONFORMANCE_STATE"], encoding="utf-8") as file:
    SETTINGS = json.load(file)
CHANCE = random.Random(SETTINGS["seed"])
FIXTURES = Fixtures(Api(SETTINGS["url"], SETTINGS["key"]), SETTINGS["fixtures"])
COUNTS = {}
TRIES = {}
WRONG = []

ID_IN_BODY = {"personaId": "persona", "targetPersonaId": "persona", "groupId": "group",
              "toolId": "tool", "credentialId": "credential", "template": "template"}
IDS_IN_BODY = {"credentialIds": "credential", "scenarioIds": "scenario"}

# Strings that hold JSON: contentMediaType says so, and no generator minds it.
JSON_TEXTS = ("payload", "structuredPrompt", "designContext", "inputSchema", "metadata")

# What the service says of values that every schema takes: JSON that is kept as text is measured in
# bytes, which no schema says.
BEYOND_SCHEMAS = ("expected JSON in the string", r"is longer than \d+ bytes")

# Requests that are valid by their schema and refused with a 400 all the same, by what no schema can
# say: operation → the fields, or words of the detail, that the refusal names.
REFUSED_BY_MEANING = {
    "streamSocket": ("WebSocket",),
    "createCredential": ("in one form", "/encryptedData", "/iv", "/tag", "/sealed", "/fields",
                         "/name", "/serviceType", "/metadata", "/value", "/expiresAt"),
    "replaceCredential": ("in one form", "/encryptedData", "/iv", "/tag", "/sealed", "/fields",
                          "/name", "/serviceType", "/metadata", "/value", "/expiresAt"),
    "createScenario": ("/expectations/",),
    "replaceScenario": ("/expectations/",),
    "execute": ("query.wait", "header.Idempotency-Key"),
    "callPersona": ("query.wait", "header.Idempotency-Key"),
    "getCall": ("query.wait",),
    "getUsage": ("query.since",),
    "importDocuments": ("/documents/",),
    "createPersona": ("/groupId", "/webhookSecret", "/inputSchema"),
    "replacePersona": ("/groupId", "/webhookSecret", "/inputSchema"),
    "updatePersona": ("/groupId", "/webhookSecret", "/inputSchema"),
    "putClaudeToken": ("/token", "/expiresAt"),
    "streamEvents": ("query.types",),
    "createSubscription": ("/eventType", "/sourceFilter", "/filter", "/input", "/concurrencyKey"),
    "replaceSubscription": ("/eventType", "/sourceFilter", "/filter", "/input", "/deliveryWindow/",
                            "/concurrencyKey"),
    "changeSubscription": ("/eventType", "/sourceFilter", "/filter", "/input", "/deliveryWindow/",
                            "/concurrencyKey"),
    "createTrigger": ("/config", "/personaId", "/targetPersonaId"),
    "replaceTrigger": ("/config", "/personaId", "/targetPersonaId"),
    "updateTrigger": ("/config", "/personaId", "/targetPersonaId"),
    "previewTrigger": ("/config",),
    "previewTriggerConfig": ("/config",),
    "backfillTrigger": ("/from", "/to"),
    "createWebhookSource": ("/unsigned", "/secret", "/previousSecret", "/personaId", "/preset"),
    "createWebhook": ("/url", "/events/"),
    "updateWebhook": ("/url", "/events/"),
    "createNotificationSink": ("/url", "/topics", "/to", "/from", "/user", "/password",
                               "/command", "/timeoutMs", "/kind"),
    "updateNotificationSink": ("/url", "/topics", "/to", "/from", "/user", "/password",
                               "/command", "/timeoutMs", "/kind"),
    **{f"receive{sender}Webhook": ("This is not what a webhook of the kind",)
       for sender in ("Gitlab", "Github", "Slack", "Stripe", "Linear", "Standard")},
}


@schemathesis.deserializer(*YAML_MEDIA_TYPES)
def yaml_stream(_context, response):
    """A file of personas and tools is several documents."""
    text = response.content.decode("utf-8")
    try:
        return "".join(map(str, yaml.safe_load_all(text)))
    except yaml.YAMLError as error:  # raised here, it would end the tester
        WRONG.append(f"an answer is not YAML: {error} in {text[:500]!r}")
        return text


def is_valid(case, location):
    component = case.meta.components.get(location)
    return component is None or component.mode == GenerationMode.POSITIVE


def is_probe(case):
    """A request whose method is not the operation's."""
    return case.method.upper() != case.operation.method.upper()


def operation_id(case):
    return case.operation.definition.raw["operationId"]


def is_about_what_is_there(case):
    """Whether this call is to be. In a sequence the answers before it say what it is about. What
    the other calls ask about must not be deleted."""
    if case.meta.phase.name == TestPhase.STATEFUL:
        return False
    return (case.method == "DELETE" or TRIES[operation_id(case)] <= FIRST
            or CHANCE.random() < KNOWN)


def place_ids(case):
    values = FIXTURES.path(operation_id(case), case.operation.path)
    for name, value in values.items():
        if name in (case.path_parameters or {}):
            case.path_parameters[name] = value


def place_references(body):
    for name, kind in ID_IN_BODY.items():
        if body.get(name):
            body[name] = getattr(FIXTURES, kind)
    for name, kind in IDS_IN_BODY.items():
        if body.get(name):
            body[name] = [getattr(FIXTURES, kind)]


def agree(case, body):
    """What schemas cannot say: a body's id is the path's, its key is the header's, a credential
    has one value, an expectation one rule."""
    name = operation_id(case)
    if "id" in body and "id" in (case.path_parameters or {}):
        body["id"] = case.path_parameters["id"]
    for text in JSON_TEXTS:
        if isinstance(body.get(text), str):
            body[text] = json.dumps(body[text])
    if "idempotencyKey" in body:
        case.headers.pop("Idempotency-Key", None)
    if name in ("createCredential", "replaceCredential"):
        for form in ("sealed", "encryptedData", "iv", "tag", "fields"):
            body.pop(form, None)
        body["value"] = FIXTURES.canary()
        body.pop("expiresAt", None)
    if name == "replaceCredential":
        body.pop("name", None)
    if name in ("createScenario", "replaceScenario"):
        body["expectations"] = [{"outputContains": "demo"}]
    if name == "importDocuments":
        body["documents"] = [{"kind": "Group", "name": f"imported {FIXTURES.number()}"}]
    if name == "createTrigger":
        body.update(triggerType="schedule", config={"cron": "0 0 1 1 *"})
    if name == "backfillTrigger":
        now = datetime.datetime.now(datetime.timezone.utc)
        body["from"] = (now - datetime.timedelta(hours=1)).isoformat()
        body["to"] = now.isoformat()
    sink = name in ("createNotificationSink", "updateNotificationSink")
    if sink or name in ("createWebhook", "updateWebhook"):
        body["url"] = "https://receiver.invalid/hook"
    if sink:
        body["kind"] = "webhook"
        for field in ("to", "from", "user", "password", "command", "timeoutMs"):
            body.pop(field, None)
    if name == "createSubscription":
        body.update(eventType="conformance.never", filter=None, input=None, sourceFilter=None,
                    concurrencyKey=None)
    if name == "putClaudeToken":
        body["token"] = FIXTURES.canary("sk-ant-oat01-")
        body.pop("expiresAt", None)


def make_new(case, body):
    """A name that is free, and a key of idempotency that was not used."""
    if "name" in body and isinstance(body["name"], str):
        body["name"] = f"{body['name'][:40]} {FIXTURES.number()}"
    for holder, name in ((body, "idempotencyKey"), (case.headers, "Idempotency-Key")):
        if holder.get(name):
            holder[name] = f"key {FIXTURES.number()}"


def shorten_waits(case):
    """A wait for a run that nobody will do is cut short."""
    if "wait" in (case.query or {}):
        case.query["wait"] = "200ms"


def be_about_what_is_there(case):
    if is_valid(case, ParameterLocation.PATH):
        place_ids(case)
    if not is_valid(case, ParameterLocation.BODY):
        return
    body = case.body if isinstance(case.body, dict) else {}
    place_references(body)
    if is_valid(case, ParameterLocation.HEADER):
        make_new(case, body)


@schemathesis.hook
def before_call(_context, case, _kwargs):
    if case.meta is None or is_probe(case):
        return
    name = operation_id(case)
    if case.meta.generation.mode == GenerationMode.POSITIVE:
        TRIES[name] = TRIES.get(name, 0) + 1
    if TRIES.get(name, 0) and is_about_what_is_there(case):
        be_about_what_is_there(case)
    if is_valid(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        agree(case, case.body)
    if is_valid(case, ParameterLocation.QUERY):
        shorten_waits(case)
        (case.query or {}).pop("cursor", None)  # only the service can make one
    if is_valid(case, ParameterLocation.HEADER):
        case.headers.pop("Last-Event-ID", None)


@schemathesis.hook
def filter_failure(_context, failure, case, response):
    """Whether it is a failure."""
    if type(failure).__name__ != "RejectedPositiveData" or response.status_code != 400:
        return True
    named = REFUSED_BY_MEANING.get(operation_id(case), ())
    problem = response.json()
    said = [problem["detail"]] + [field["path"] for field in problem["fields"]]
    if any(re.search(words, problem["detail"]) for words in BEYOND_SCHEMAS):
        return False
    return not any(name in text for name in named for text in said)


@schemathesis.hook
def after_call(_context, case, response):
    text = response.content.decode("utf-8", "replace") + str(response.headers)
    for secret in SETTINGS["secrets"] + FIXTURES.canaries:
        if secret in text:
            WRONG.append(f"{case.method} {case.path}: the answer holds a secret")
    if is_probe(case):
        return
    counts = COUNTS.setdefault(operation_id(case), {})
    status = str(response.status_code)
    counts[status] = counts.get(status, 0) + 1


def write_down():
    with open(SETTINGS["report"], "w", encoding="utf-8") as report:
        json.dump({"counts": COUNTS, "wrong": sorted(set(WRONG)),
                   "fixtures": FIXTURES.state}, report)


atexit.register(write_down)
