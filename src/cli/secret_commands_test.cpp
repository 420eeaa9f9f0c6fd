#include "personas/crypto/sealed_box.hpp"
#include "personas/vault/seal.hpp"

#include "connect.hpp"
#include "test_world.hpp"

namespace personas::cli {
namespace {

constexpr std::string_view kStored =
    R"({"id":"cred_1","name":"gitlab","serviceType":"gitlab","metadata":null,"fields":["token"],)"
    R"("unmaskedFields":[],"createdAt":"2026-11-21T00:00:00Z","updatedAt":"2026-11-21T00:00:00Z",)"
    R"("lastUsedAt":null})";
constexpr std::string_view kToken = "sk-ant-oat01-0123456789abcdefghijklmnopqrstuvwxyz";

// A person who types what they were told to, and an agent CLI that answers as prepared.
class PlayedPerson final : public SecretInput {
 public:
  Attached attached() const override { return there; }
  Result<Secret> ask(std::string_view question) override {
    asked += question;
    return Secret(std::string(typed));
  }
  std::string find_agent(std::string_view) const override { return program; }
  Result<Secret> run_at_terminal(const std::vector<std::string>& command) override {
    ran = command;
    return Secret(std::string(shown));
  }
  Trial run_unseen(const std::vector<std::string>& command,
                   const std::map<std::string, std::string>& given) override {
    tried = command;
    variables = given;
    return trial;
  }
  Random& random() override { return random_; }

  Attached there = Attached::kTerminal;
  std::string typed = "typed-secret";
  std::string asked;
  std::string program;
  std::string shown;
  Trial trial;
  std::vector<std::string> ran;
  std::vector<std::string> tried;
  std::map<std::string, std::string> variables;

 private:
  SeededRandom random_{1};
};

class SecretCommands : public testing::Test {
 protected:
  SecretCommands() {
    world_.secrets = &person_;
    world_.server.answer("POST /api/credentials", std::string(kStored));
    world_.server.answer("POST /api/token", R"({"configured":true,"source":"api",)"
                                            R"("expiresAt":"2027-11-21T00:00:00Z"})");
  }
  std::string sent(const std::string& what) { return world_.server.body_of(what); }

  World world_;
  PlayedPerson person_;
};

TEST_F(SecretCommands, FieldsOfThisMachineGoAsTheyAre) {
  world_.url = "http://127.0.0.1:3001";
  EXPECT_EQ(world_.run({"credential", "add", "gitlab", "--type", "gitlab", "--field", "token",
                        "--plain", "url=https://git.example"}),
            0)
      << world_.terminal.errors;
  EXPECT_EQ(sent("POST /api/credentials"),
            R"({"name":"gitlab","serviceType":"gitlab","metadata":"{\"plainFields\":[\"url\"]}",)"
            R"("fields":{"url":"https://git.example","token":"typed-secret"}})");
  EXPECT_EQ(person_.asked, "token (not shown): ");
  EXPECT_FALSE((world_.terminal.output + world_.terminal.errors).contains("typed-secret"));
}

TEST_F(SecretCommands, ValuesForAnotherMachineAreSealedForIt) {
  const Secret key(std::string(32, 'k'));
  const auto public_key = crypto::box_public_key(key);
  world_.server.answer(
      "GET /api/vault/public-key",
      fmt::format(R"({{"kid":"{}","alg":"x25519-sealedbox","publicKey":"{}","tenant":"ten_1"}})",
                  vault::seal_key_id(public_key), to_base64(public_key)));
  world_.files["-"] = "{\"token\":\"from stdin\"}\n";
  EXPECT_EQ(world_.run({"credential", "add", "gitlab", "--stdin"}), 0) << world_.terminal.errors;
  const auto body = sent("POST /api/credentials");
  EXPECT_FALSE(body.contains("from stdin"));
  const auto json = codec::parse_json(body);
  ASSERT_TRUE(json) << body;
  const auto opened = crypto::open_box(
      key, *from_base64(std::string_view(json->as_object().at("sealed").as_string())));
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->reveal().contains("from stdin"));
  EXPECT_TRUE(opened->reveal().contains(R"("tenant":"ten_1","name":"gitlab")"));
}

TEST_F(SecretCommands, AKeyThatIsNotItsNameIsNotTrusted) {
  world_.server.answer(
      "GET /api/vault/public-key",
      R"({"kid":"0000","alg":"x25519-sealedbox","publicKey":"AAAA","tenant":"t"})");
  EXPECT_NE(world_.run({"credential", "add", "gitlab"}), 0);
  EXPECT_EQ(sent("POST /api/credentials"), "(none)");
}

TEST_F(SecretCommands, WithoutAPersonAValueComesFromStandardInput) {
  person_.there = Attached::kOther;
  EXPECT_NE(world_.run({"credential", "add", "gitlab"}), 0);
  EXPECT_TRUE(world_.terminal.errors.contains("--stdin"));
  EXPECT_NE(world_.run({"connect", "claude"}), 0);
}

TEST_F(SecretCommands, CredentialsAreListedLinkedAndDeletedByName) {
  world_.server.answer("GET /api/credentials?limit=500", fmt::format("[{}]", kStored));
  world_.server.answer("GET /api/personas?limit=500", std::string(kDemoPersonas));
  world_.server.answer("POST /api/personas/per_2/credentials", CannedServer::Answer{.status = 201});
  world_.server.answer("DELETE /api/personas/per_2/credentials/cred_1",
                       CannedServer::Answer{.status = 204});
  world_.server.answer("DELETE /api/credentials/cred_1?force=true",
                       CannedServer::Answer{.status = 204});
  EXPECT_EQ(world_.run({"credential", "ls"}), 0);
  EXPECT_TRUE(world_.terminal.output.contains("gitlab"));
  EXPECT_EQ(world_.run({"credential", "link", "gitlab", "Reviewer"}), 0) << world_.terminal.errors;
  EXPECT_EQ(sent("POST /api/personas/per_2/credentials"), R"({"credentialId":"cred_1"})");
  EXPECT_EQ(world_.run({"credential", "unlink", "gitlab", "Reviewer"}), 0);
  EXPECT_EQ(world_.run({"credential", "rm", "gitlab", "--force"}), 0);
  EXPECT_NE(world_.run({"credential", "rm", "nothing"}), 0);
}

TEST_F(SecretCommands, ConnectTakesTheTokenThatSetupShows) {
  person_.program = "/usr/bin/claude";
  person_.shown =
      fmt::format("\x1b[32mYour token:\x1b[0m\r\n\r\n\x1b[1m{}\x1b[0m\r\n\r\nKeep it.", kToken);
  person_.trial = {true, true, 0, R"({"type":"result","is_error":false,"result":"ready"})", ""};
  EXPECT_EQ(world_.run({"connect", "claude"}), 0) << world_.terminal.errors;
  EXPECT_EQ(person_.ran, (std::vector<std::string>{"/usr/bin/claude", "setup-token"}));
  EXPECT_EQ(person_.variables.at("CLAUDE_CODE_OAUTH_TOKEN"), kToken);
  for (const auto& word : person_.tried) EXPECT_FALSE(word.contains(kToken));
  EXPECT_EQ(sent("POST /api/token"),
            fmt::format(R"({{"provider":"claude","token":"{}"}})", kToken));
  EXPECT_TRUE(world_.terminal.output.contains("it works"));
  EXPECT_FALSE((world_.terminal.output + world_.terminal.errors).contains(kToken));
}

TEST_F(SecretCommands, ConnectDoesNotStoreATokenThatIsRefused) {
  person_.program = "/usr/bin/claude";
  world_.files["-"] = std::string(kToken) + "\n";
  person_.trial = {true, true, 1,
                   R"({"is_error":true,"api_error_status":401,"result":"Invalid API key"})", ""};
  EXPECT_NE(world_.run({"connect", "claude", "--stdin"}), 0);
  EXPECT_EQ(sent("POST /api/token"), "(none)");
  EXPECT_TRUE(world_.terminal.errors.contains("Invalid API key"));
  EXPECT_EQ(world_.run({"connect", "claude", "--stdin", "--no-check"}), 0);
}

TEST_F(SecretCommands, ConnectStoresWhatCannotBeTriedAndSaysSo) {
  world_.files["-"] = "sk-proj-0123456789";
  EXPECT_EQ(world_.run({"connect", "codex", "--stdin"}), 0) << world_.terminal.errors;
  EXPECT_EQ(sent("POST /api/token"), R"({"provider":"codex","token":"sk-proj-0123456789"})");
  EXPECT_TRUE(world_.terminal.output.contains("not tried out"));
  EXPECT_EQ(world_.run({"connect", "nobody", "--stdin"}), kExitUsage);
}

TEST(TokenIn, IsFoundAcrossTheLinesOfANarrowTerminal) {
  EXPECT_EQ(token_in("Token:\r\n sk-ant-oat01-0123456789\r\nabcdef\r\n\r\nDone"),
            "sk-ant-oat01-0123456789abcdef");
  EXPECT_EQ(token_in("sk-ant-oat01-0123456789\nKeep it safe"), "sk-ant-oat01-0123456789");
  EXPECT_EQ(token_in("starts with sk-ant-oat01"), "");
  EXPECT_EQ(token_in(""), "");
}

}  // namespace
}  // namespace personas::cli
