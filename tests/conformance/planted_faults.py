#!/usr/bin/env python3
"""Whether the conformance test finds faults: a real service behind a proxy that makes them.

Each case names what must be said about the fault; one run without any must find none."""
import http.client
import http.server
import json
import os
import sys
import threading
import unittest
import urllib.parse

import conformance

conformance.enter_tools()

from campaign import Campaign  # noqa: E402  (these need the tools)
from deployment import Api, Deployment  # noqa: E402
from document import Document  # noqa: E402
from fixtures import Fixtures  # noqa: E402

OPERATION = "getPersona"
SEED = 1


class Proxy:
    """`change(request, answer)` may change the answer, a dict of status, headers and body;
    `before(request)` the request, a dict of method, path and headers."""

    def __init__(self, target, change=None, before=None):
        address = urllib.parse.urlsplit(target).netloc

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                length = int(self.headers.get("Content-Length") or 0)
                request = {"method": self.command, "path": self.path,
                           "headers": dict(self.headers.items())}
                body = self.rfile.read(length)
                if before:
                    before(request)
                connection = http.client.HTTPConnection(address, timeout=30)
                connection.request(self.command, self.path, body, request["headers"])
                response = connection.getresponse()
                answer = {"status": response.status, "headers": dict(response.headers.items()),
                          "body": response.read()}
                connection.close()
                if change:
                    change(request, answer)
                answer["headers"]["Content-Length"] = str(len(answer["body"]))
                self.send_response_only(answer["status"])
                for name, value in answer["headers"].items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer["body"])

            def log_message(self, *_):
                pass

            def __getattr__(self, name):
                if name.startswith("do_"):
                    return self.forward
                raise AttributeError(name)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def without_name(_request, answer):
    if answer["status"] == 200 and b'"systemPrompt"' in answer["body"]:
        persona = json.loads(answer["body"])
        if isinstance(persona, dict) and "paths" not in persona:
            persona.pop("name")
            answer["body"] = json.dumps(persona).encode()


def when(of, **changes):
    def change(request, answer):
        if answer["status"] == of and request["path"].startswith("/api/personas/"):
            for name, value in changes.items():
                if name == "headers":
                    answer["headers"].update(value)
                else:
                    answer[name] = value
    return change


def no_allow(_request, answer):
    answer["headers"].pop("Allow", None)


class PlantedFaults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.deployment = Deployment(conformance.binary())
        cls.deployment.__enter__()
        cls.addClassCleanup(cls.deployment.__exit__)
        cls.fixtures = Fixtures(cls.deployment.api).prepare()

    def found(self, *parts, change=None, before=None):
        """What the named parts of a campaign find through a proxy with a fault."""
        proxy = Proxy(self.deployment.url, change, before)
        try:
            api = Api(proxy.url, self.deployment.api.key)
            campaign = Campaign(self.deployment, self.fixtures, api, SEED, [OPERATION])
            for part in parts:
                part(campaign)
            return "\n".join(campaign.faults)
        finally:
            proxy.stop()

    hostile = staticmethod(lambda campaign: campaign.hostile())
    coverage = staticmethod(lambda campaign: campaign.tester("coverage"))
    counts = staticmethod(lambda campaign: campaign.judge_counts())

    def test_finds_nothing_where_nothing_is(self):
        self.assertEqual(self.found(self.hostile, self.coverage, self.counts), "")

    def test_a_server_error(self):
        fault = when(200, status=500)
        self.assertIn("Server error", self.found(self.coverage, change=fault))
        fault = when(404, status=500)
        self.assertIn("status 500", self.found(self.hostile, change=fault))

    def test_an_answer_that_breaks_its_schema(self):
        self.assertIn("'name' is a required property",
                      self.found(self.coverage, change=without_name).replace('"', "'"))

    def test_a_status_that_is_not_declared(self):
        fault = when(200, status=206)
        self.assertIn("Undocumented status code", self.found(self.coverage, change=fault))

    def test_a_content_type_that_is_not_declared(self):
        fault = when(200, headers={"Content-Type": "text/html"})
        self.assertIn("Undocumented Content-Type", self.found(self.coverage, change=fault))

    def test_an_error_in_another_form(self):
        fault = when(404, headers={"Content-Type": "application/json"})
        self.assertIn("not application/problem+json", self.found(self.hostile, change=fault))
        fault = when(404, body=b"{}")
        self.assertIn("required property", self.found(self.hostile, change=fault))

    def test_what_is_answered_without_a_key(self):
        def open_door(request):
            request["headers"]["Authorization"] = f"Bearer {self.deployment.api.key}"
        said = self.found(self.hostile, self.coverage, before=open_door)
        self.assertIn("with no key: status 200", said)
        self.assertRegex(said, "(?i)authentication")

    def test_a_refusal_of_a_method_without_allow(self):
        self.assertIn("Allow is ['']", self.found(self.hostile, change=no_allow))

    def test_a_secret_in_an_answer(self):
        fault = when(200, headers={"X-Debug": self.fixtures.canaries[0]})
        self.assertIn("the answer holds a secret", self.found(self.coverage, change=fault))
        fault = when(404, headers={"X-Debug": self.deployment.keys["WORKER_TOKEN"]})
        self.assertIn("the answer holds a secret", self.found(self.hostile, change=fault))

    def test_an_operation_that_never_does_it(self):
        nothing = self.deployment.api.request("GET", "/api/personas/nothing")
        fault = when(200, status=404, body=nothing.body,
                     headers={"Content-Type": "application/problem+json"})
        self.assertIn("was never answered with a 2xx",
                      self.found(self.coverage, self.counts, change=fault))

    def test_events_that_are_not_as_described(self):
        document = Document(self.deployment.api.get("/openapi.json"))
        good = '{"at":"2026-11-21T07:00:00.000Z","id":"per_1","name":"a"}'
        self.assertIsNone(document.wrong_event("persona.created", good))
        for name, data in (("persona.invented", good), ("persona.created", "{}"),
                           ("persona.created", good.replace("2026", "yesterday")),
                           ("persona.created", good.replace("name", "title")),
                           ("persona.created", good[:-1])):
            self.assertIsNotNone(document.wrong_event(name, data), (name, data))

    def test_a_document_that_is_none(self):
        raw = self.deployment.api.get("/openapi.json")
        self.assertEqual(Document(raw).faults(), [])
        for spoil in (lambda d: d.pop("info"), lambda d: d.update(openapi="3.0.0"),
                      lambda d: d["paths"]["/health"]["get"]["responses"]["200"].pop("description"),
                      lambda d: d["paths"]["/api/personas/{id}"]["get"].pop("parameters"),
                      lambda d: d["paths"]["/health"]["get"]["responses"]["503"].pop("content")):
            spoiled = json.loads(json.dumps(raw))
            spoil(spoiled)
            self.assertNotEqual(Document(spoiled).faults(), [])


if __name__ == "__main__":
    os.environ.pop("PERSONAS_CONFORMANCE_KEEP", None)
    sys.exit(unittest.main(verbosity=2))
