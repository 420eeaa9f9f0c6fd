#include "secret_commands.hpp"

#include <CLI/CLI.hpp>

#include "adder.hpp"
#include "connect.hpp"
#include "credential.hpp"

namespace personas::cli {

struct SecretLine::Options {
  bool json = false;  // CLI11 fills bools; they become enums on the way out
  bool from_stdin = false;
  bool unchecked = false;
  bool replace = false;
  bool force = false;
  std::string name;
  std::string persona;
  AddCredentialOptions add;
  ConnectOptions connect;

  Format format() const { return json ? Format::kJson : Format::kText; }
};

SecretLine::SecretLine() : options(std::make_unique<Options>()) {}
SecretLine::~SecretLine() = default;

namespace {

using Options = SecretLine::Options;
using SecretAdder = Adder<SecretLine>;

Task<Result<void>> run_add(Context& context, Options& o) {
  using Add = AddCredentialOptions;
  o.add.format = o.format();
  o.add.from = o.from_stdin ? Add::From::kStandardInput : Add::From::kPerson;
  o.add.existing = o.replace ? Add::Existing::kReplace : Add::Existing::kRefuse;
  return add_credential(context, o.add);
}

Task<Result<void>> run_connect(Context& context, Options& o) {
  using C = ConnectOptions;
  o.connect.format = o.format();
  o.connect.from = o.from_stdin ? C::From::kStandardInput : C::From::kPerson;
  o.connect.check = o.unchecked ? C::Check::kNo : C::Check::kYes;
  return connect(context, o.connect);
}

void add_connect(CLI::App& app, SecretAdder& adder, Options& options) {
  auto& command = adder.add(app, "connect", "Hand in the token of a model provider", &run_connect);
  command.add_option("provider", options.connect.provider, "claude, codex or gemini")
      ->required()
      ->check(CLI::IsMember({"claude", "codex", "gemini"}));
  command.add_flag("--stdin", options.from_stdin, "Read the token from standard input");
  command.add_flag("--no-check", options.unchecked, "Do not try it out first");
  command.add_option("--expires", options.connect.expires_at,
                     "When it ends, such as 2027-01-31T00:00:00Z");
}

void add_credential_commands(CLI::App& app, SecretAdder& adder, Options& options) {
  CLI::App& group = *app.add_subcommand("credential", "Secrets of other services, for agents");
  group.require_subcommand(1);
  auto& add = adder.add(group, "add", "Store a credential, sealed on its way", &run_add);
  add.add_option("name", options.add.name, "Agents find it in CONNECTOR_{NAME}_{FIELD}")
      ->required();
  add.add_option("--type", options.add.type, "Of which service it is, such as gitlab");
  add.add_option("--field", options.add.fields,
                 "A field; its name alone asks for the value and does not show it");
  add.add_option("--plain", options.add.plain_fields,
                 "A field that is no secret, such as url=https://…: not masked in output");
  add.add_flag("--stdin", options.from_stdin,
               "Read the value from standard input; a JSON object becomes fields");
  add.add_flag("--replace", options.replace, "Replace the value of the one that is there");

  adder.add(group, "ls", "List credentials, without values",
            [](Context& context, Options& o) { return list_credentials(context, o.format()); });
  auto& rm = adder.add(group, "rm", "Delete a credential", [](Context& context, Options& o) {
    return remove_credential(context, o.name, o.force ? Force::kYes : Force::kNo);
  });
  rm.add_option("name", options.name, "Its name or id")->required();
  rm.add_flag("--force", options.force, "Take it from the personas that use it");

  const auto add_link = [&](const char* name, const char* description, SecretAdder::Action action) {
    auto& command = adder.add(group, name, description, action);
    command.add_option("name", options.name, "Its name or id")->required();
    command.add_option("persona", options.persona, "The persona's name or id")->required();
  };
  add_link("link", "Give a credential to a persona", [](Context& context, Options& o) {
    return link_credential(context, o.name, o.persona, Link::kLink);
  });
  add_link("unlink", "Take a credential from a persona", [](Context& context, Options& o) {
    return link_credential(context, o.name, o.persona, Link::kUnlink);
  });
}

}  // namespace

void add_secret_commands(CLI::App& app, SecretLine& line,
                         const std::function<void(CLI::App&)>& add_connection_flags) {
  SecretAdder adder(line, add_connection_flags);
  add_connect(app, adder, *line.options);
  add_credential_commands(app, adder, *line.options);
}

}  // namespace personas::cli
