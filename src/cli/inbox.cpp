// What agents want from people: reviews and their answers, messages.
#include <memory>

#include "personas/model/signals.hpp"

#include "by_end.hpp"
#include "format.hpp"
#include "lists.hpp"
#include "registry.hpp"
#include "review_view.hpp"

namespace personas::cli {
namespace {

constexpr int kSearched = 500;  // the API's largest page
constexpr std::size_t kMaxShownLine = 500;

struct InboxOptions {
  Format format = Format::kText;
  std::string id;
  std::string message;
  bool unread = false;
  bool mark_read = false;
  int limit = 50;
};
using Options = std::shared_ptr<InboxOptions>;
enum class Decision : std::uint8_t { kApprove, kReject };

Task<Result<std::vector<Review>>> pending_reviews(Api& api) {
  return api.get<std::vector<Review>>(fmt::format("/api/reviews/pending?limit={}", kSearched));
}

Task<Result<int>> show_reviews(Context& context, Options options) {
  Api api(context);
  if (options->id.empty()) {
    ListOptions all;
    all.kind = "reviews";
    all.format = options->format;
    CO_TRY_VOID(co_await list(context, all));
    co_return kExitDone;
  }
  CO_TRY(const auto pending, co_await pending_reviews(api));
  CO_TRY(const auto review, find_by_end(pending, options->id, "review", "personas reviews"));
  context.terminal.out(options->format == Format::kJson
                           ? codec::to_json(review) + "\n"
                           : review_text(context.terminal, review, context.clock.wall()));
  co_return kExitDone;
}

Task<Result<int>> answer(Context& context, Options options, Decision decision) {
  Api api(context);
  CO_TRY(const auto pending, co_await pending_reviews(api));
  CO_TRY(const auto review, find_by_end(pending, options->id, "review", "personas reviews"));
  if (!review.execution_id) {
    co_return fail(ErrorCode::kNotFound, "This review belongs to no execution");
  }
  std::string message = options->message;
  if (message.empty() && options->format == Format::kText) {
    const auto question = fmt::format("{}\nWord for the agent, empty for none: ",
                                      review_text(context.terminal, review, context.clock.wall()));
    message = context.terminal.ask(question).value_or("");
  }
  const std::string word = decision == Decision::kApprove ? "approved" : "rejected";
  boost::json::object body{{"decision", word}};
  if (!message.empty()) body["message"] = message;
  CO_TRY(const auto response,
         co_await api.call("POST",
                           fmt::format("/api/executions/{}/reviews/{}/respond",
                                       review.execution_id->str(), review.id.str()),
                           codec::serialize(body)));
  if (options->format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return kExitDone;
  }
  context.terminal.out(
      fmt::format("{}: {}\n", word, agents::clean_line(review.title, kMaxShownLine)));
  context.terminal.err(paint(
      context.terminal, Paint::kDim,
      fmt::format("watch it go on: personas logs {} --follow\n", review.execution_id->str())));
  co_return kExitDone;
}

Task<Result<int>> approve(Context& context, Options options) {
  return answer(context, std::move(options), Decision::kApprove);
}
Task<Result<int>> reject(Context& context, Options options) {
  return answer(context, std::move(options), Decision::kReject);
}

Task<Result<void>> mark_read(Api& api, MessageId id) {
  CO_TRY(const auto response,
         co_await api.call("PATCH", "/api/messages/" + Api::escape(id.str()), R"({"read":true})"));
  co_return Result<void>();
}

Task<Result<int>> show_message(Context& context, Options options) {
  Api api(context);
  CO_TRY(const auto recent,
         co_await api.get<std::vector<Message>>(fmt::format("/api/messages?limit={}", kSearched)));
  CO_TRY(const auto message, find_by_end(recent, options->id, "message", "personas messages"));
  if (options->format == Format::kJson) {
    context.terminal.out(codec::to_json(message) + "\n");
  } else {
    context.terminal.out(message_text(context.terminal, message, context.clock.wall()));
  }
  CO_TRY_VOID(co_await mark_read(api, message.id));
  co_return kExitDone;
}

Task<Result<int>> show_messages(Context& context, Options options) {
  if (!options->id.empty()) co_return co_await show_message(context, options);
  Api api(context);
  const std::string path = fmt::format("/api/messages?limit={}{}", options->limit,
                                       options->unread ? "&unread=true" : "");
  CO_TRY(const auto response, co_await api.call("GET", path));
  CO_TRY(const auto messages,
         codec::parse<std::vector<Message>>(response.body, kFromServer, kAnswerLimits));
  if (options->format == Format::kJson) {
    context.terminal.out(response.body + "\n");
  } else if (messages.empty()) {
    context.terminal.err(options->unread ? "no unread messages\n" : "no messages\n");
  } else {
    Table table({"", "ID", "AGE", "TYPE", "MESSAGE"});
    for (const auto& m : messages) {
      table.add({{m.read ? "" : "•", Paint::kCyan},
                 {m.id.str()},
                 {age(context.clock.wall() - m.created_at)},
                 {std::string(codec::name_of(m.content_type)), paint_of_content(m.content_type)},
                 {m.title ? fmt::format("{}: {}", *m.title, m.content) : m.content}});
    }
    context.terminal.out(table.render(context.terminal));
  }
  if (options->mark_read) {
    for (const auto& message : messages) {
      if (!message.read) CO_TRY_VOID(co_await mark_read(api, message.id));
    }
  }
  co_return kExitDone;
}

}  // namespace

void add_inbox_commands(Registry& registry) {
  const auto add =
      [&](const char* name, const char* description,
          Task<Result<int>> (*run)(Context&, Options)) -> std::pair<CLI::App&, Options> {
    auto options = std::make_shared<InboxOptions>();
    auto& command =
        registry.add(registry.app(), name, description, options->format,
                     [run, options](Context& context) { return run(context, options); });
    return {command, options};
  };
  auto [reviews, asked] = add("reviews", "Show what agents ask", &show_reviews);
  reviews.add_option("review", asked->id, "One of them: its id, an end of it, or: last");

  for (const auto& [name, description, run] :
       {std::tuple{"approve", "Approve what an agent asks for", &approve},
        std::tuple{"reject", "Reject what an agent asks for", &reject}}) {
    auto [command, answered] = add(name, description, run);
    command.add_option("review", answered->id, "Its id, an end of it, or: last")->required();
    command.add_option("message", answered->message, "What the agent is told");
  }

  auto [messages, read] = add("messages", "Show what agents have to say", &show_messages);
  messages.add_option("message", read->id, "One of them, whole: its id, an end of it, or: last");
  messages.add_flag("--unread", read->unread, "Only what nobody has read");
  messages.add_flag("--mark-read", read->mark_read, "Mark what is shown as read");
  messages.add_option("--limit", read->limit, "At most so many")->check(CLI::Range(1, kSearched));
}

}  // namespace personas::cli
