// `personas completion`, `personas man`, and the hidden `personas complete` behind the former.
#include <memory>

#include "personas/agents/untrusted.hpp"
#include "personas/cli/tree.hpp"
#include "personas/delivery/endpoint.hpp"
#include "personas/model/persona.hpp"
#include "personas/model/signals.hpp"
#include "personas/model/subscription.hpp"
#include "personas/model/trigger.hpp"
#include "personas/store/webhooks_in.hpp"

#include "registry.hpp"

namespace personas::cli {
namespace {

constexpr int kOffered = 50;  // of names; more is not a menu any more

struct TreeOptions {
  Format format = Format::kText;
  std::string shell;
  std::vector<std::string> words;
};

template <class T>
Task<std::vector<std::string>> ids(Api& api, std::string path) {
  std::vector<std::string> out;
  const auto entries = co_await api.get<std::vector<T>>(std::move(path));
  if (!entries) co_return out;  // nobody wants an error while they type
  for (const auto& entry : *entries) out.push_back(entry.id.str());
  co_return out;
}

Task<std::vector<std::string>> names_of_kind(Api& api, std::string kind) {
  const std::string limit = fmt::format("?limit={}", kOffered);
  if (kind == "executions") co_return co_await ids<Execution>(api, "/api/executions" + limit);
  if (kind == "reviews") co_return co_await ids<Review>(api, "/api/reviews/pending" + limit);
  if (kind == "messages") co_return co_await ids<Message>(api, "/api/messages" + limit);
  if (kind == "memories") co_return co_await ids<Memory>(api, "/api/memories" + limit);
  if (kind == "events") co_return co_await ids<Event>(api, "/api/events" + limit);
  if (kind == "subscriptions") {
    co_return co_await ids<Subscription>(api, "/api/subscriptions" + limit);
  }
  if (kind == "triggers") co_return co_await ids<Trigger>(api, "/api/triggers" + limit);
  if (kind == "webhook sources") {
    co_return co_await ids<store::WebhookSource>(api, "/api/webhook-sources" + limit);
  }
  if (kind == "webhooks in") {
    co_return co_await ids<store::WebhookDelivery>(api, "/api/webhooks/deliveries" + limit);
  }
  if (kind == "webhooks out") {
    co_return co_await ids<delivery::Endpoint>(api, "/v1/webhooks");
  }
  std::vector<std::string> names;
  if (kind != "personas") co_return names;
  const auto personas = co_await api.get<std::vector<Persona>>("/api/personas" + limit);
  if (!personas) co_return names;
  for (const auto& persona : *personas) names.push_back(persona.name);
  co_return names;
}

Task<Result<int>> print_completions(Context& context, Completions found, std::string typed) {
  Api api(context);
  const auto names = co_await names_of_kind(api, found.kind);
  for (const auto& name : names) {
    if (name.starts_with(typed)) found.words.push_back(name);
  }
  std::string out;
  for (const auto& word : found.words) {
    out += agents::clean_line(word, 200) + "\n";
  }
  context.terminal.out(out);
  co_return kExitDone;
}

Task<Result<int>> print(Context& context, std::string text) {
  context.terminal.out(text);
  co_return kExitDone;
}

}  // namespace

void add_tree_commands(Registry& registry) {
  const CLI::App& root = registry.app();
  const auto options = std::make_shared<TreeOptions>();
  auto& completion =
      registry.add(registry.app(), "completion", "Print the completions for a shell",
                   options->format, [options](Context& context) {
                     return print(context, completion_script(options->shell).value_or(""));
                   });
  completion.add_option("shell", options->shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion.footer(
      "For bash, in ~/.bashrc:   source <(personas completion bash)\n"
      "For zsh, in ~/.zshrc:     source <(personas completion zsh)\n"
      "For fish:   personas completion fish > ~/.config/fish/completions/personas.fish");

  auto& complete_command =
      registry.add(registry.app(), "complete", "What can stand here", options->format,
                   [options, &root](Context& context) {
                     const std::string typed = options->words.empty() ? "" : options->words.back();
                     return print_completions(context, complete(root, options->words), typed);
                   });
  complete_command.group("");
  complete_command.add_option("words", options->words)->allow_extra_args();

  registry.add(
      registry.app(), "man", "Print the manual page: personas man | man -l -", options->format,
      [&root](Context& context) { return print(context, man_page(root, context.version)); });
}

}  // namespace personas::cli
