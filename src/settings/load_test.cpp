#include "personas/settings/load.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "personas/settings/table.hpp"

#include "value.hpp"

namespace personas::settings {
namespace {

const std::string kKey(64, 'a');

struct World {
  Inputs inputs;
  std::map<std::string, std::string> files;

  Result<Settings> load_as(Role role) {
    inputs.read_file = [this](const std::string& path) -> Result<std::optional<std::string>> {
      const auto it = files.find(path);
      if (it == files.end()) return std::nullopt;
      return it->second;
    };
    return load(role, inputs);
  }
  // "place: message" of the only error.
  std::string only_error(Role role) {
    const auto settings = load_as(role);
    if (settings) return "(valid)";
    EXPECT_EQ(settings.error().code, ErrorCode::kMisconfigured);
    EXPECT_EQ(settings.error().fields.size(), 1U) << settings.error().describe();
    return settings.error().fields[0].path + ": " + settings.error().fields[0].message;
  }
};

TEST(Load, EveryDefaultIsValid) {
  for (const auto role : {Role::kUp, Role::kServe, Role::kWorker, Role::kClient}) {
    World world;
    const auto settings = world.load_as(role);
    EXPECT_TRUE(settings) << settings.error().describe();
  }
}

TEST(Load, DefaultsAreTheDocumentedOnes) {
  World world;
  const auto up = world.load_as(Role::kUp);
  ASSERT_TRUE(up);
  EXPECT_EQ(up->http_port, 3001);
  EXPECT_EQ(up->ws_port, 8443);
  EXPECT_EQ(up->bind, "127.0.0.1");
  EXPECT_EQ(up->db_path, "./data/personas.db");
  EXPECT_EQ(up->lease, seconds(18));
  EXPECT_EQ(up->origins.at("lease").kind, SourceKind::kDefault);

  world.inputs.environment["HTTP_PORT"] = "4000";
  const auto client = world.load_as(Role::kClient);
  ASSERT_TRUE(client);
  EXPECT_EQ(client->url, "http://127.0.0.1:4000");
}

TEST(Load, TheStrongestSourceWins) {
  World world;
  world.files["./data/personas.yaml"] = "http-port: 4\n";
  const auto port = [&world] {
    const auto settings = world.load_as(Role::kUp);
    EXPECT_TRUE(settings) << settings.error().describe();
    return std::pair(settings->http_port, settings->origins.at("http-port").place);
  };
  EXPECT_EQ(port(),
            (std::pair<std::int64_t, std::string>(4, "http-port from ./data/personas.yaml:1")));
  world.files[".env"] = "\nHTTP_PORT=3\n";
  EXPECT_EQ(port(), (std::pair<std::int64_t, std::string>(3, "HTTP_PORT from .env:2")));
  world.inputs.environment["HTTP_PORT"] = "2";
  EXPECT_EQ(port(), (std::pair<std::int64_t, std::string>(2, "HTTP_PORT from environment")));
  world.inputs.flags["http-port"] = "1";
  EXPECT_EQ(port(), (std::pair<std::int64_t, std::string>(1, "--http-port")));
}

TEST(Load, AnEmptyVariableCountsAsNotSet) {
  World world;
  world.inputs.environment["HTTP_PORT"] = "";
  EXPECT_EQ(world.load_as(Role::kUp)->http_port, 3001);
}

TEST(Load, TheSecretOfAWebhookIsNeitherEmptyNorOfAnotherForm) {
  World world;
  world.inputs.environment["GITHUB_WEBHOOK_SECRET"] = "";
  EXPECT_EQ(world.only_error(Role::kServe),
            "GITHUB_WEBHOOK_SECRET: is empty; give the secret that the sender shows, or leave it "
            "away");
  world.inputs.environment["GITHUB_WEBHOOK_SECRET"] = "s3cret";
  EXPECT_TRUE(world.load_as(Role::kServe)->github_webhook_secret.equals("s3cret"));
  world.inputs.environment["STANDARD_WEBHOOK_SECRET"] = "s3cret";
  EXPECT_TRUE(world.only_error(Role::kServe).starts_with("STANDARD_WEBHOOK_SECRET from environ"));
}

TEST(Load, ReportsEverythingWrongAtOnceWithItsSource) {
  World world;
  world.inputs.environment["HTTP_PORT"] = "70000";
  world.inputs.flags["lease"] = "soon";
  world.files[".env"] = "PERSONAS_SANDBOX=maybe\nMASTER_KEY=hunter2\n";
  const auto settings = world.load_as(Role::kUp);
  ASSERT_FALSE(settings);
  const auto text = settings.error().describe();
  EXPECT_EQ(settings.error().fields.size(), 4U) << text;
  EXPECT_NE(text.find("HTTP_PORT from environment: expected an integer from 0 to 65535"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("--lease: expected a duration"), std::string::npos) << text;
  EXPECT_NE(text.find("PERSONAS_SANDBOX from .env:1: expected auto, namespaces or none"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("MASTER_KEY from .env:2: expected 64 hex digits"), std::string::npos) << text;
  EXPECT_EQ(text.find("hunter2"), std::string::npos);
}

TEST(Load, AnUnknownKeyOfTheFileIsAnErrorThatSuggests) {
  World world;
  world.files["./data/personas.yaml"] = "\nhtpp-port: 1\n";
  EXPECT_EQ(world.only_error(Role::kUp),
            "./data/personas.yaml:2: there is no setting \"htpp-port\"; did you mean "
            "\"http-port\"?");
  world.files["./data/personas.yaml"] = "http-port: 1\nhttp-port: 2\n";
  EXPECT_EQ(world.only_error(Role::kUp), "./data/personas.yaml:2: http-port is set a second time");
  world.files["./data/personas.yaml"] = "a: [\n";
  EXPECT_TRUE(world.only_error(Role::kUp).starts_with("./data/personas.yaml:"));
  world.files["./data/personas.yaml"] = "http-port: 1\nlea\xb6se: 18s\n";
  EXPECT_EQ(world.only_error(Role::kUp), "./data/personas.yaml:2: the text is not UTF-8");
  world.files["./data/personas.yaml"] = "- a\n";
  EXPECT_TRUE(world.only_error(Role::kUp).starts_with("./data/personas.yaml:1: expected a map"));
}

TEST(Load, TheFileHoldsListsMapsAndSettingsOfOtherRoles) {
  World world;
  world.files["./data/personas.yaml"] =
      "worker-labels: {zone: eu, size: large}\nworker-capabilities: [gpu, node]\n"
      "cors-origins: [https://a.example]\nlease: 18s\n";
  const auto worker = world.load_as(Role::kWorker);
  ASSERT_TRUE(worker) << worker.error().describe();
  EXPECT_EQ(worker->worker_labels,
            (std::map<std::string, std::string>{{"zone", "eu"}, {"size", "large"}}));
  EXPECT_EQ(worker->worker_capabilities, (std::vector<std::string>{"gpu", "node"}));
}

TEST(Load, ANamedFileMustExistAndMayMoveTheDataFolder) {
  World world;
  world.inputs.flags["config"] = "/etc/p.yaml";
  EXPECT_EQ(world.only_error(Role::kUp), "--config: there is no such file");
  world.files["/etc/p.yaml"] = "data-dir: /srv/p\n";
  EXPECT_EQ(world.load_as(Role::kUp)->db_path, "/srv/p/personas.db");

  World found;
  found.files["./data/personas.yaml"] = "data-dir: /srv/p\n";
  EXPECT_TRUE(found.only_error(Role::kUp).starts_with("data-dir from ./data/personas.yaml:1"));
}

TEST(Load, SecretsComeFromTheEnvironmentOrFromFiles) {
  World world;
  world.inputs.environment["MASTER_KEY"] = kKey;
  world.inputs.environment["TEAM_API_KEY_FILE"] = "/run/team";
  world.inputs.flags["worker-token-file"] = "/run/worker";
  world.files["/run/team"] = "team-key\n";
  world.files["/run/worker"] = "worker-key";
  const auto settings = world.load_as(Role::kServe);
  ASSERT_TRUE(settings) << settings.error().describe();
  EXPECT_TRUE(settings->master_key.equals(kKey));
  EXPECT_TRUE(settings->team_api_key.equals("team-key"));
  EXPECT_TRUE(settings->worker_token.equals("worker-key"));

  world.inputs.environment["TEAM_API_KEY"] = "another";
  EXPECT_EQ(world.only_error(Role::kServe),
            "TEAM_API_KEY from environment: give the value or the file, not both");
  world.inputs.environment.erase("TEAM_API_KEY");
  world.files["/run/team"] = "\n";
  EXPECT_EQ(world.only_error(Role::kServe),
            "TEAM_API_KEY_FILE from environment: the file is empty");
  world.files.erase("/run/team");
  EXPECT_EQ(world.only_error(Role::kServe),
            "TEAM_API_KEY_FILE from environment: there is no such file");
}

TEST(Load, AnOpenPortWithoutEncryptionMustBeAskedForByName) {
  World world;
  world.inputs.environment["PERSONAS_BIND"] = "0.0.0.0";
  EXPECT_TRUE(world.only_error(Role::kServe)
                  .starts_with("PERSONAS_BIND from environment: keys would cross the network"));
  world.inputs.flags["allow-plaintext"] = "on";
  EXPECT_TRUE(world.load_as(Role::kServe));
  world.inputs.flags = {{"tls-cert", "c.pem"}, {"tls-key", "k.pem"}};
  EXPECT_TRUE(world.load_as(Role::kServe));
  world.inputs.flags.erase("tls-key");
  EXPECT_TRUE(world.only_error(Role::kServe).starts_with("--tls-cert: tls-cert and tls-key"));
}

TEST(Load, AWorkerDoesNotSendItsTokenInTheClear) {
  World world;
  world.inputs.environment["ORCHESTRATOR_URL"] = "ws://orchestrator.example:8443";
  EXPECT_TRUE(world.only_error(Role::kWorker).starts_with("ORCHESTRATOR_URL from environment: "));
  world.inputs.environment["ORCHESTRATOR_URL"] = "wss://orchestrator.example:8443";
  EXPECT_TRUE(world.load_as(Role::kWorker));
  world.inputs.environment["ORCHESTRATOR_URL"] = "ws://[::1]:8443/workers";
  EXPECT_TRUE(world.load_as(Role::kWorker));
  world.inputs.environment["ORCHESTRATOR_URL"] = "http://127.0.0.1";
  EXPECT_TRUE(world.only_error(Role::kWorker).starts_with("ORCHESTRATOR_URL"));
}

TEST(Load, TheTimesOfLeasesMustFitTogether) {
  World world;
  world.inputs.flags["dead-after"] = "18s";
  EXPECT_TRUE(world.only_error(Role::kUp).starts_with("--dead-after: must be shorter than lease"));
  world.inputs.flags = {{"ping-interval", "7s"}};
  EXPECT_TRUE(world.only_error(Role::kUp).starts_with("--ping-interval: at most half"));
}

TEST(Load, RefusesAnEnormousFile) {
  World world;
  world.files[".env"] = std::string(kMaxFileBytes + 1, '#');
  EXPECT_TRUE(world.only_error(Role::kUp).starts_with(".env: .env is larger"));
}

}  // namespace
}  // namespace personas::settings
