"""The service's own description, as the judge of its answers."""
import json

from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

PROBLEM = "application/problem+json"
PAGE = "text/html"  # what people are shown, where the document says so


def media_type(answer):
    return (answer.headers.get("Content-Type") or "").partition(";")[0].strip().lower()


class Operation:
    def __init__(self, path, method, raw):
        self.path, self.method, self.raw = path, method.upper(), raw
        self.id = raw["operationId"]
        self.open = raw.get("security") is not None and (
            raw["security"] == [] or {} in raw["security"])
        self.parameters = raw.get("parameters", [])
        self.body = raw.get("requestBody")

    def takes_any_json(self):
        return bool(self.body) and all(media["schema"] == {}
                                       for media in self.body["content"].values())

    def names(self, where):
        return [parameter["name"] for parameter in self.parameters if parameter["in"] == where]

    def url(self, values):
        path = self.path
        for name in self.names("path"):
            path = path.replace("{" + name + "}", values[name])
        return path


class Document:
    def __init__(self, raw):
        self.raw = raw
        self.operations = {}
        for path, item in raw["paths"].items():
            for method, operation in item.items():
                made = Operation(path, method, operation)
                self.operations[made.id] = made
        self.validators = {}

    def faults(self):
        """What is wrong with the document itself."""
        if not self.raw.get("openapi", "").startswith("3.1."):
            return [f"it claims to be OpenAPI {self.raw.get('openapi')!r}, not 3.1"]
        faults = [f"/{'/'.join(map(str, error.absolute_path))}: {error.message}"
                  for error in OpenAPIV31SpecValidator(self.raw).iter_errors()]
        return faults + [fault for operation in self.operations.values()
                         for fault in self._faults_of(operation)]

    @staticmethod
    def _faults_of(operation):
        names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
        if sorted(names) != sorted(operation.names("path")):
            yield f"{operation.id}: its path parameters are not those of {operation.path}"
        for status, response in operation.raw["responses"].items():
            described = response.get("content", {})
            if status >= "400" and PROBLEM not in described and PAGE not in described:
                yield f"{operation.id}: {status} is not described as {PROBLEM}"

    def wrong_by(self, schema, value):
        """The first way in which `value` is not what `schema`, a part of the document, says."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            whole = {**schema, "components": self.raw["components"]}
            self.validators[key] = Draft202012Validator(whole, format_checker=FormatChecker())
        for error in self.validators[key].iter_errors(value):
            return f"/{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        return None

    def wrong_problem(self, answer):
        """What is wrong with an answer that must be an error as all our errors are."""
        if media_type(answer) != PROBLEM:
            return f"Content-Type is {answer.headers.get('Content-Type')!r}, not {PROBLEM}"
        try:
            problem = json.loads(answer.body.decode("utf-8"))
        except ValueError as error:
            return f"the body is not JSON: {error}"
        wrong = self.wrong_by({"$ref": "#/components/schemas/Problem"}, problem)
        if wrong:
            return wrong
        if problem["status"] != answer.status:
            return f"the body says status {problem['status']}"
        if problem["type"] != "urn:personas:problem:" + problem["code"]:
            return f"type {problem['type']} and code {problem['code']} differ"
        if not problem["detail"] or problem["error"] != problem["detail"]:
            return "detail is empty, or error is not its copy"
        return None

    def wrong_answer(self, operation, answer):
        """What is wrong with an answer of an operation to a request with a key."""
        if answer.status >= 500:
            return f"status {answer.status} is a server error: {answer.body[:300]!r}"
        declared = operation.raw["responses"].get(str(answer.status))
        if declared is None:
            return f"status {answer.status} is not declared: {answer.body[:300]!r}"
        content = declared.get("content")
        if answer.status >= 400 and not (media_type(answer) == PAGE and PAGE in content):
            return self.wrong_problem(answer)
        if not content:
            return f"a body where none is declared: {answer.body[:80]!r}" if answer.body else None
        got = media_type(answer)
        if got not in [name.partition(";")[0] for name in content]:
            return f"Content-Type is {got!r}, not one of {list(content)}"
        if got == "application/json":
            try:
                value = json.loads(answer.body.decode("utf-8"))
            except ValueError as error:
                return f"the body is not JSON: {error}"
            return self.wrong_by(content[got]["schema"], value)
        return None

    def wrong_event(self, name, data):
        """What is wrong with an event of a stream."""
        types = self.operations["streamEvents"].raw["x-event-types"]
        if name not in types:
            return f"event {name} is not in x-event-types"
        try:
            value = json.loads(data)
        except ValueError as error:
            return f"event {name}: the data is not JSON: {error}"
        return self.wrong_by({"type": "object", "required": ["at"],
                              "properties": {"at": {"type": "string", "format": "date-time"}},
                              "allOf": [types[name]]}, value)
