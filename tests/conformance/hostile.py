"""Requests that no generator makes of a schema: without a key, with another method, with a body
that is no JSON, with odd ids. Each operation of the document gets all that apply to it, and each
answer is judged by the document. `run` returns what was wrong."""
import collections
import json

from document import PAGE, media_type


# Beyond what the service reads of a body (PERSONAS_MAX_BODY_BYTES by default).
TOO_LARGE = 4 * 1024 * 1024 + 1

NOT_JSON = {
    "nothing": b"",
    "a word": b"nonsense",
    "an open object": b'{"name": "x"',
    "two values": b"{} {}",
    "a name twice": b'{"name": "x", "name": "y"}',
    "bytes that are not UTF-8": b'{"name": "\xff\xfe"}',
    "half a surrogate": b'{"name": "\\ud800"}',
    "a number beyond all": b'{"name": 1e400}',
    "no number": b'{"name": NaN}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "depth": b'{"name": ' + b"[" * 100_000,
}
NOT_AN_OBJECT = {"a list": b"[]", "null": b"null", "a string": b'"text"', "a number": b"1"}

ODD_IDS = ["%00", "%0A", "%20", "%2e%2e", "..%2f..%2fetc", "%C3%A9", "%F0%9F%99%82", "%ff",
           "a" * 65, "a" * 6000, ".a", "%25", "'%20OR%201=1--", "-", "0", "null"]

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"]


class Hostile:
    def __init__(self, document, api, keys, fixtures):
        self.document, self.api, self.fixtures = document, api, fixtures
        self.keys = keys
        self.faults = []
        self.counts = collections.Counter()

    def run(self, operations):
        for operation in operations:
            self.values = self.fixtures.path(operation.id, operation.path)
            self.keyless(operation)
            self.other_methods(operation)
            self.odd_paths(operation)
            self.odd_queries(operation)
            if operation.body:
                self.odd_bodies(operation)
                self.nul_in_strings(operation)
        self.nowhere()
        return self.faults

    def ask(self, what, method, path, allowed, *, operation=None, key=True, body=None,
            headers=None):
        """One request whose status must be among `allowed`."""
        link = path.startswith("/r/")  # a path that is its own proof, and proves nothing
        if link:
            allowed = {*allowed, 401}
        answer = self.api.request(method, path, body, headers, key)
        self.counts[operation.id if operation else None, str(answer.status)] += 1
        wrong = None
        if answer.status not in allowed:
            wrong = f"status {answer.status} is not one of {sorted(allowed)}: {answer.body[:300]!r}"
        elif operation is not None:
            wrong = self.document.wrong_answer(operation, answer)
        elif link and media_type(answer) == PAGE:
            pass
        elif answer.status >= 400 and method != "HEAD":
            wrong = self.document.wrong_problem(answer)
        if wrong:
            self.faults.append(f"{method} {path[:120]} with {what}: {wrong}")
        return answer

    def keyless(self, operation):
        path = operation.url(self.values)
        keys = {"another key": "dac_" + "0" * 64, "the worker's token": self.keys["WORKER_TOKEN"]}
        asked = [self.ask(name, operation.method, path, {200} if operation.raw.get("security") == []
                          else {401}, operation=operation, key=key, body=b"{}")
                 for name, key in keys.items()]
        if not operation.open:
            basic = {"Authorization": f"Basic {self.api.key}"}
            asked.append(self.ask("no key", operation.method, path, {401}, operation=operation,
                                  key=False, body=b"{}"))
            asked.append(self.ask("the key in another scheme", operation.method, path, {401},
                                  operation=operation, key=False, headers=basic, body=b"{}"))
        for answer in asked:
            if answer.status == 401 and "Bearer" not in answer.headers.get("WWW-Authenticate", ""):
                self.faults.append(f"{operation.id}: 401 without WWW-Authenticate")

    def other_methods(self, operation):
        # What fits a path with other parameters too is that operation's.
        fitting = {other.method for other in self.document.operations.values()
                   if fits(other.path, operation.url(self.values))}
        path = operation.url(self.values)
        for method in METHODS:
            if method in fitting:
                continue
            answer = self.ask("another method", method, path, {405}, body=b"{}")
            allowed = {word.strip() for word in answer.headers.get("Allow", "").split(",")}
            if not fitting <= allowed or method in allowed:
                self.faults.append(f"{method} {path}: Allow is {sorted(allowed)}, "
                                   f"the operations are {sorted(fitting)}")
        is_stream = "text/event-stream" in json.dumps(operation.raw) or (
            "101" in operation.raw["responses"])
        if operation.method == "GET" and not is_stream:
            answer = self.ask("HEAD", "HEAD", path, {200, 404})
            if answer.body:
                self.faults.append(f"HEAD {path}: has a body")
            self.repeated(operation)

    def repeated(self, operation):
        """What is asked for again by its tag has not changed."""
        path = operation.url(self.values)
        tag = self.ask("a tag to come", "GET", path, {200, 404}).headers.get("ETag")
        if tag:
            again = self.ask("its tag", "GET", path, {304}, operation=operation,
                             headers={"If-None-Match": tag})
            if again.body:
                self.faults.append(f"GET {path}: a 304 has a body")

    def odd_paths(self, operation):
        for name in operation.names("path"):
            for odd in ODD_IDS:
                path = operation.url({**self.values, name: odd})
                # Some are ids by their form and name nothing; a deletion of nothing may be a 404.
                self.ask("an odd id", operation.method, path, {400, 404, 409, 422}
                         if operation.body else {400, 404, 422}, operation=operation, body=b"{}"
                         if operation.body else None)

    def odd_queries(self, operation):
        path = operation.url(self.values)
        body = b"{}" if operation.body else None
        for query in ("nonsense=1", "%00=1", "%ff=%ff", "a" * 3000):
            self.ask("an unknown parameter", operation.method, f"{path}?{query}", {400},
                     operation=operation, body=body)
        for name in operation.names("query"):
            self.ask("a parameter twice", operation.method, f"{path}?{name}=1&{name}=1", {400},
                     operation=operation, body=body)

    def odd_bodies(self, operation):
        path = operation.url(self.values)
        if operation.takes_any_json():
            for what, body in NOT_JSON.items():
                if what != "nothing":
                    self.ask(what, operation.method, path, {400, 401}, operation=operation,
                             body=body)
            return
        needed = operation.body["required"]
        for what, body in {**NOT_JSON, **NOT_AN_OBJECT}.items():
            if what == "nothing" and not needed:
                continue
            self.ask(what, operation.method, path, {400}, operation=operation, body=body,
                     headers={"Content-Type": "application/json"})
        self.ask("a body too large", operation.method, path, {413}, operation=operation,
                 body=b'{"name": "' + b"a" * TOO_LARGE + b'"}')
        # JSON is JSON whatever it is called, and so is what is none.
        for called in ("text/plain", "application/x-www-form-urlencoded", "application/json; x=",
                       "multipart/form-data", "\t", ""):
            self.ask("another content type", operation.method, path, {400}, operation=operation,
                     body=b"nonsense", headers={"Content-Type": called})

    def nul_in_strings(self, operation):
        """A zero byte in each string of the body: taken as any character, or refused."""
        if operation.takes_any_json():
            return
        schema = operation.body["content"]["application/json"]["schema"]
        # An object of any members has no name.
        name = schema.get("$ref", "").rpartition("/")[2]
        described = (self.document.raw["components"]["schemas"][name] if name
                     else {"properties": {"any": {"type": "string"}}})
        strings = {field: "a\u0000b" for field, rules in described["properties"].items()
                   if "string" in json.dumps(rules.get("type", ""))}
        path = operation.url(self.fixtures.path(operation.id, operation.path))
        answer = self.ask("zero bytes", operation.method, path,
                          {200, 201, 202, 400, 404, 409, 413, 422}, operation=operation,
                          body=json.dumps(strings).encode())
        # What answers with the thing it made answers with what was sent.
        made = operation.raw["responses"].get(str(answer.status), {}).get("content", {})
        same = f'"#/components/schemas/{name.removesuffix("Input").removesuffix("Patch")}"'
        if same in json.dumps(made):
            value = json.loads(answer.body)
            for field, text in strings.items():
                if value.get(field) not in (text, None, ""):
                    self.faults.append(f"{operation.id}: {field} was {text!r}, is {value[field]!r}")

    def nowhere(self):
        for path in ("/", "/api", "/api/", "/api/personas/", "/api//personas",
                     "/api/nothing", "/api/personas/a/b/c/d/e/f/g/h/i/j/k/l/m", "/metrics/x",
                     "/%2e%2e/%2e%2e/etc/passwd"):
            self.ask("a path that leads nowhere", "GET", path, {400, 404})


def fits(pattern, path):
    pattern, path = pattern.split("/"), path.split("/")
    return len(pattern) == len(path) and all(
        mine.startswith("{") or mine == theirs for mine, theirs in zip(pattern, path))
