"""What the operations are asked about: one of everything, whose ids stand in paths and bodies.

An operation that uses up what it is asked about (a deletion, an answer that is given once) gets a
new one each time where making one is a request, and one of a few where it takes a run. Values that
no answer may ever show (`canaries`) are handed in here and nowhere else."""
import secrets

from deployment import wait_for

SETTLED = ("completed", "failed", "cancelled")
RUNS_USED_UP = 4  # of each kind of run that can be used up

CREDENTIAL = "conformance-gitlab"
OUTWARD = ("/v1/webhooks", "/api/notification-sinks")  # share one limit


class Fixtures:
    def __init__(self, api, state=None):
        self.api = api
        self.state = state or {"canaries": [], "made": 0}

    def __getattr__(self, name):
        try:
            return self.state[name]
        except KeyError:
            raise AttributeError(name) from None

    def number(self):
        self.state["made"] += 1
        return self.state["made"]

    def canary(self, prefix="canary-"):
        value = prefix + secrets.token_hex(16)
        self.state["canaries"].append(value)
        return value

    # ---- one of everything -------------------------------------------------------------------

    def prepare(self):
        api, state = self.api, self.state
        state["group"] = self.new_group()
        state["tool"] = self.new_tool()
        state["credential"] = self.new_credential(CREDENTIAL)
        state["persona"] = self.new_persona(groupId=state["group"])
        of_persona = f"/api/personas/{state['persona']}"
        api.good("PATCH", of_persona, {"description": "The second version"})
        api.post(f"{of_persona}/tools", {"toolId": state["tool"]})
        api.post(f"{of_persona}/credentials", {"credentialId": state["credential"]})
        state["scenario"] = self.new_scenario()
        state["memory"] = self.new_memory()
        state["event"] = api.post("/api/events", {"eventType": "conformance.begun"})["id"]
        state["trigger"] = self.new_trigger()
        state["webhook"] = self.new_webhook()
        state["sent"] = api.post(f"/v1/webhooks/{state['webhook']}/test")["id"]
        state["subscription"] = self.new_subscription()
        state["sink"] = self.new_sink()
        state["told"] = api.post(f"/api/notification-sinks/{state['sink']}/test")["id"]
        state["template"] = api.get("/api/templates")[0]["id"]
        state["library_tool"] = api.get("/api/tool-library")[0]["tool"]["name"]
        state["connector"] = api.get("/api/connectors")[0]["type"]
        state["source"] = self.new_source()
        state["delivery"] = api.post(f"/api/hooks/{state['source']}", {"a": 1})["deliveryId"]
        self.put_token()
        self._prepare_runs()
        return self

    def _prepare_runs(self):
        """All are started before any is waited for."""
        api, state = self.api, self.state
        asking = [self.execute(prompt="Ask for a review, please") for _ in range(RUNS_USED_UP)]
        # What asks for more time than it has can be mended by the service itself.
        hasty = self.new_persona(backend="command", timeoutMs=1000, retry={"maxAttempts": 1},
                                 permissionPolicy={"command": ["/bin/sh", "-c", "sleep 60"]})
        late = [self.execute(personaId=hasty) for _ in range(2 * RUNS_USED_UP)]
        drafts = [api.post("/api/personas/compile", {"description": f"Count to {i}",
                                                     "backend": "demo"})["draftId"]
                  for i in range(2 * RUNS_USED_UP + 1)]
        test = api.post(f"/api/personas/{self.persona}/tests", {"backend": "demo"})["id"]
        for execution in asking + late:
            wait_for(f"{execution} to be over or to wait for its review",
                     lambda path=f"/api/executions/{execution}": self._rests(api.get(path)))
        for draft in drafts:
            wait_for(f"draft {draft} to be read",
                     lambda path=f"/api/personas/drafts/{draft}":
                     api.get(path)["status"] != "running")
        wait_for(f"test run {test} to end",
                 lambda: api.get(f"/api/tests/{test}")["status"] != "running")
        for execution in late:
            wait_for(f"the diagnosis of {execution}",
                     lambda path=f"/api/executions/{execution}/diagnosis":
                     api.request("GET", path).status == 200)
        reviews = [[execution, api.get(f"/api/executions/{execution}/reviews")[0]["id"]]
                   for execution in asking]
        state.update(execution=asking[0], review=reviews[0][1], reviews=reviews, draft=drafts[0],
                     drafts_to_apply=drafts[1:1 + RUNS_USED_UP],
                     drafts_to_delete=drafts[1 + RUNS_USED_UP:], test=test, failed=late[0],
                     healable=late[:RUNS_USED_UP],
                     dismissable=late[RUNS_USED_UP:], message=api.get("/api/messages")[0]["id"])

    @staticmethod
    def _rests(execution):
        return execution["status"] in SETTLED or execution.get("parked")

    # ---- a new one ---------------------------------------------------------------------------

    def new_persona(self, **fields):
        return self.api.post("/api/personas", {"name": f"persona {self.number()}",
                                               "backend": "demo",
                                               "webhookSecret": self.canary(), **fields})["id"]

    def new_group(self):
        return self.api.post("/api/groups", {"name": f"group {self.number()}"})["id"]

    def new_tool(self):
        return self.api.post("/api/tool-definitions", {"name": f"tool {self.number()}"})["id"]

    def _bounded(self, path, body):
        """A new one of a list that has a limit. The tester fills such a list as well: when it is
        full, all leave it but those that are asked about."""
        answer = self.api.request("POST", path, body)
        if answer.status == 422:
            for full in OUTWARD if path in OUTWARD else (path,):
                for found in self.api.get(full):
                    if found["id"] not in self.state.values():
                        self.api.good("DELETE", f"{full}/{found['id']}")
            return self.api.post(path, body)["id"]
        return self.api.accepted(answer, "POST", path)["id"]

    def new_credential(self, name=None):
        name = name or f"credential {self.number()}"
        return self._bounded("/api/credentials",
                             {"name": name, "serviceType": "gitlab",
                              "fields": {"token": self.canary("glpat-"),
                                         "baseUrl": "http://127.0.0.1:9"}})

    def new_source(self):
        return self._bounded("/api/webhook-sources", {"name": f"source {self.number()}",
                                                      "secret": self.canary()})

    def new_memory(self):
        return self.api.post("/api/memories", {"personaId": self.persona, "title": "A habit",
                                               "content": f"Number {self.number()}"})["id"]

    def new_trigger(self):
        # Of a persona of its own: one holds a bounded number, and a deleted one takes them along.
        return self.api.post("/api/triggers", {"personaId": self.new_persona(),
                                               "triggerType": "schedule",
                                               "config": {"cron": "0 0 1 1 *"}})["id"]

    def new_scenario(self, persona=None):
        return self.api.post(f"/api/personas/{persona or self.persona}/scenarios",
                             {"name": f"scenario {self.number()}", "prompt": "Say hello",
                              "expectations": [{"outputContains": "demo"}]})["id"]

    def new_subscription(self):
        return self.api.post("/api/subscriptions", {"personaId": self.persona,
                                                    "eventType": "conformance.never"})["id"]

    def new_webhook(self):
        return self._bounded("/v1/webhooks", {"url": "https://receiver.invalid/hook",
                                              "events": ["conformance.never"]})

    def new_sink(self):
        return self._bounded("/api/notification-sinks", {"url": "https://receiver.invalid/hook",
                                                         "topics": ["expiries"]})

    def execute(self, prompt="Say hello", **fields):
        return self.api.post("/api/execute", {"personaId": self.persona, "prompt": prompt,
                                              **fields})["executionId"]

    def put_token(self):
        self.api.post("/api/token", {"token": self.canary("sk-ant-oat01-")})

    # ---- what stands in a path ---------------------------------------------------------------

    def path(self, operation, template):
        """Values of the path parameters of an operation, of things that are there."""
        maker = getattr(self, f"_path_of_{operation}", None)
        if maker:
            return maker()
        return self._usual(template)

    def _usual(self, template):
        parts = template.strip("/").split("/")
        values = {}
        for before, part in zip(parts, parts[1:]):
            if part.startswith("{"):
                values[part[1:-1]] = self._one_of(parts[0], before)
        return values

    def _one_of(self, surface, collection):
        if surface == "v1":  # the same words for what goes out
            return {"webhooks": self.webhook, "deliveries": self.sent}[collection]
        return {"personas": self.persona, "groups": self.group, "tools": self.tool,
                "tool-definitions": self.tool, "credentials": self.credential,
                "executions": self.execution, "call": self.execution, "reviews": self.review,
                "events": self.event, "messages": self.message, "memories": self.memory,
                "drafts": self.draft,
                "scenarios": self.scenario, "tests": self.test, "templates": self.template,
                "tool-library": self.library_tool, "connectors": self.connector,
                "triggers": self.trigger, "hooks": self.source, "notification-sinks": self.sink,
                "webhooks": self.persona, "deliveries": self.delivery,
                "subscriptions": self.subscription,
                "r": "rev_none.AAAAAAAAAAAAAAAAAAAAAA",  # a link that opens nothing
                "providers": "claude", "versions": "1", "diff": "2"}[collection]

    def _turn(self, name):
        """The ones of a list by turns."""
        values = self.state[name]
        values.append(values.pop(0))
        return values[-1]

    def _path_of_deletePersona(self):
        return {"id": self.new_persona()}

    def _path_of_deleteGroup(self):
        return {"id": self.new_group()}

    def _path_of_deleteToolDefinition(self):
        return {"id": self.new_tool()}

    def _path_of_deleteCredential(self):
        return {"id": self.new_credential()}

    def _path_of_replaceCredential(self):
        return {"id": self.new_credential()}

    def _path_of_deleteWebhookSource(self):
        return {"id": self.new_source()}

    def _path_of_deleteMemory(self):
        return {"id": self.new_memory()}

    def _path_of_deleteSubscription(self):
        return {"id": self.new_subscription()}

    def _path_of_deleteTrigger(self):
        return {"id": self.new_trigger()}

    def _path_of_deleteScenario(self):
        persona = self.new_persona()  # one holds a hundred at most
        return {"id": persona, "scenarioId": self.new_scenario(persona)}

    def make_room(self):
        """A tenant has a hundred webhooks and sinks, and generated requests make many."""
        for path in ("/v1/webhooks", "/api/notification-sinks"):
            made = [one["id"] for one in self.api.get(path)]
            for one in made[:-40]:
                if one not in (self.webhook, self.sink):
                    self.api.good("DELETE", f"{path}/{one}")

    def _path_of_deleteWebhook(self):
        self.make_room()
        return {"id": self.new_webhook()}

    def _path_of_deleteNotificationSink(self):
        self.make_room()
        return {"id": self.new_sink()}

    def _path_of_replayNotification(self):
        return {"id": self.sink, "deliveryId": self.told}

    def _path_of_unlinkTool(self):
        tool = self.new_tool()
        self.api.post(f"/api/personas/{self.persona}/tools", {"toolId": tool})
        return {"id": self.persona, "toolId": tool}

    def _path_of_unlinkCredential(self):
        credential = self.new_credential()
        self.api.post(f"/api/personas/{self.persona}/credentials", {"credentialId": credential})
        return {"id": self.persona, "credentialId": credential}

    def _path_of_deleteToken(self):
        self.put_token()
        return {}

    def _path_of_deleteDraft(self):
        return {"id": self._turn("drafts_to_delete")}

    def _path_of_applyDraft(self):
        return {"id": self._turn("drafts_to_apply")}

    def _path_of_respondToReview(self):
        execution, review = self._turn("reviews")
        return {"id": execution, "reviewId": review}

    def _path_of_getDiagnosis(self):
        return {"id": self.failed}

    def _path_of_healExecution(self):
        return {"id": self._turn("healable")}

    def _path_of_dismissDiagnosis(self):
        return {"id": self._turn("dismissable")}
