#include "design.hpp"

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/catalog/types.hpp"
#include "personas/design/draft.hpp"
#include "personas/model/execution.hpp"

#include "changes.hpp"
#include "format.hpp"
#include "lists.hpp"

namespace personas::cli {
namespace {

using design::DraftStatus;

constexpr std::size_t kMaxShown = 300;
constexpr Duration kPollPause = milliseconds(250);
constexpr int kPollsPerLook = 4;  // at the execution, to say what it waits for

std::string line(std::string_view text) {
  return agents::clean_line(text, kMaxShown);
}

// What the server says of a draft.
struct Draft {
  std::string body;
  design::PersonaDraft row;
  std::optional<design::Draft> proposal;
  std::vector<catalog::FieldChange> changes;
  std::vector<design::DraftConnector> missing;
  std::vector<design::Problem> conflicts;
};

struct Started {
  std::string execution;
  std::string draft;
};

class Designer {
 public:
  Designer(Context& context, DesignOptions options)
      : context_(context),
        terminal_(context.terminal),
        api_(context),
        options_(std::move(options)) {}

  Task<Result<void>> run() {
    CO_TRY(const auto started, co_await start());
    CO_TRY(const auto draft, co_await wait_for(started));
    if (options_.format == Format::kText) show(draft);
    if (options_.format == Format::kJson && options_.consent == Consent::kAsk) {
      terminal_.out(draft.body + "\n");
    }
    if (draft.row.status != DraftStatus::kReady) co_return fail(unusable(started, draft));
    if (!agreed()) {
      note(
          fmt::format("nothing was changed; the draft is kept as {0}, to be applied with POST "
                      "/api/personas/drafts/{0}/apply. To apply without being asked, add: --yes",
                      started.draft));
      co_return Result<void>();
    }
    co_return co_await apply(started.draft);
  }

 private:
  std::string painted(Paint colour, std::string_view text) const {
    return paint(terminal_, colour, text);
  }
  void note(std::string_view text) {
    if (options_.format == Format::kText) {
      terminal_.err(painted(Paint::kDim, fmt::format("{}\n", text)));
    }
  }

  Task<Result<Started>> start() {
    boost::json::object body{{"description", options_.description}};
    if (!options_.persona.empty()) {
      CO_TRY(const auto persona, co_await find_persona(api_, options_.persona));
      body["personaId"] = persona.id.str();
    }
    if (!options_.backend.empty()) body["backend"] = options_.backend;
    if (!options_.model.empty()) body["model"] = options_.model;
    CO_TRY(const auto response,
           co_await api_.call("POST", "/api/personas/compile", codec::serialize(body)));
    CO_TRY(const auto answer, codec::parse_json(response.body, kAnswerLimits));
    const auto* object = answer.if_object();
    const auto text = [object](std::string_view name) {
      const auto* value = object == nullptr ? nullptr : object->if_contains(name);
      return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                    : std::string();
    };
    Started started{text("executionId"), text("draftId")};
    if (started.draft.empty()) {
      co_return fail(ErrorCode::kInternal, "The server's answer names no draft");
    }
    note(fmt::format("an agent drafts it ({})", line(started.execution)));
    co_return started;
  }

  // Says once whatever is new: that it runs, or what it waits for.
  Task<Result<void>> look(const std::string& id) {
    CO_TRY(const auto execution,
           co_await api_.get<Execution>(fmt::format("/api/executions/{}?output=none", id)));
    std::string now(codec::name_of(execution.status));
    if (execution.waiting_for) now += ", waiting for: " + line(*execution.waiting_for);
    if (now != shown_state_) note(now);
    shown_state_ = std::move(now);
    co_return Result<void>();
  }

  Task<Result<Draft>> wait_for(const Started& started) {
    const std::string path = "/api/personas/drafts/" + started.draft;
    for (int poll = 0;; ++poll) {
      CO_TRY(auto response, co_await api_.call("GET", path));
      CO_TRY(auto draft, read(std::move(response.body)));
      if (draft.row.status != DraftStatus::kRunning) co_return draft;
      if (poll % kPollsPerLook == 0) CO_TRY_VOID(co_await look(started.execution));
      co_await context_.pause(kPollPause);
    }
  }

  static Result<Draft> read(std::string body) {
    Draft draft;
    TRY(draft.row, codec::parse<design::PersonaDraft>(body, kFromServer, kAnswerLimits));
    TRY(const auto json, codec::parse_json(body, kAnswerLimits));
    const auto part = [&json](std::string_view name) {
      const auto* value = json.as_object().if_contains(name);
      return value == nullptr ? boost::json::value(boost::json::array()) : *value;
    };
    TRY(draft.changes,
        codec::from_json<std::vector<catalog::FieldChange>>(part("changes"), kFromServer));
    TRY(draft.missing, codec::from_json<std::vector<design::DraftConnector>>(
                           part("missingConnectors"), kFromServer));
    TRY(draft.conflicts,
        codec::from_json<std::vector<design::Problem>>(part("conflicts"), kFromServer));
    if (draft.row.draft) {
      TRY(draft.proposal, codec::parse<design::Draft>(draft.row.draft->text, kFromServer));
    }
    draft.body = std::move(body);
    return draft;
  }

  // ---- showing ---------------------------------------------------------------------------------

  static Error unusable(const Started& started, const Draft& draft) {
    Error error{ErrorCode::kUnprocessable,
                fmt::format("{}; what the agent wrote: personas logs {}",
                            draft.row.status == DraftStatus::kFailed ? "There is no draft"
                                                                     : "The draft cannot be used",
                            started.execution),
                {}};
    for (const auto& problem : draft.row.problems) {
      error.fields.push_back({problem.path, problem.message});
    }
    return error;
  }

  void show(const Draft& draft) {
    if (draft.row.status != DraftStatus::kReady) return;
    terminal_.out(painted(
        Paint::kBold, options_.persona.empty() ? "A new persona\n" : "Changes of the persona\n"));
    terminal_.out(draft.changes.empty() ? std::string("  none\n")
                                        : show_changes(terminal_, draft.changes));
    if (draft.proposal) show(*draft.proposal);
    for (const auto& connector : draft.missing) show_missing(connector);
    for (const auto& conflict : draft.conflicts) {
      terminal_.out(
          fmt::format("{} {}\n", painted(Paint::kRed, "in the way:"), line(conflict.message)));
    }
  }

  void show_list(std::string_view heading, const std::vector<std::string>& entries) {
    for (const auto& entry : entries) {
      terminal_.out(fmt::format("  {} {}\n", heading, line(entry)));
    }
  }

  void show(const design::Draft& proposal) {
    for (const auto& trigger : proposal.triggers) {
      const std::string config = trigger.config ? " " + line(trigger.config->text) : "";
      terminal_.out(fmt::format("{} {}{} {}\n", painted(Paint::kBold, "trigger"),
                                codec::name_of(trigger.type), config,
                                painted(Paint::kDim, line(trigger.why))));
    }
    const auto score = proposal.feasibility.score;
    const Paint colour = score >= 70 ? Paint::kGreen : score >= 40 ? Paint::kYellow : Paint::kRed;
    terminal_.out(fmt::format("{} {}\n", painted(Paint::kBold, "feasibility"),
                              painted(colour, fmt::format("{} of 100", score))));
    show_list("·", proposal.feasibility.notes);
    show_list(painted(Paint::kYellow, "risk:"), proposal.feasibility.risks);
    show_list(painted(Paint::kCyan, "question:"), proposal.feasibility.questions);
  }

  void show_missing(const design::DraftConnector& connector) {
    boost::json::object fields;
    for (const auto& name : connector.fields) fields.emplace(name, "…");
    const boost::json::object body{{"name", connector.service_type},
                                   {"serviceType", connector.service_type},
                                   {"fields", fields}};
    terminal_.out(
        fmt::format("{} a {} credential {}\n  what that is: personas connector show {}\n"
                    "  add it with:  POST /api/credentials {}\n",
                    painted(Paint::kYellow, "missing:"), line(connector.service_type),
                    painted(Paint::kDim, line(connector.why)), line(connector.service_type),
                    line(codec::serialize(body))));
  }

  // ---- applying --------------------------------------------------------------------------------

  bool agreed() {
    if (options_.consent == Consent::kGiven) return true;
    if (options_.format == Format::kJson) return false;
    const auto answer = terminal_.ask("apply? [y/N] ");
    return answer == "y" || answer == "Y" || answer == "yes";
  }

  Task<Result<void>> apply(std::string draft) {
    boost::json::object body;
    if (!options_.name.empty()) body["name"] = options_.name;
    CO_TRY(const auto response,
           co_await api_.call("POST", fmt::format("/api/personas/drafts/{}/apply", draft),
                              codec::serialize(body)));
    if (options_.format == Format::kJson) {
      terminal_.out(response.body + "\n");
      co_return Result<void>();
    }
    CO_TRY(const auto persona, codec::parse<Persona>(response.body, kFromServer, kAnswerLimits));
    const std::string name = line(persona.name);
    terminal_.out(
        fmt::format("{} persona {} ({})\n",
                    painted(Paint::kGreen, options_.persona.empty() ? "created" : "updated"), name,
                    persona.id.str()));
    note(fmt::format("try it: personas run \"{}\" --follow", name));
    co_return Result<void>();
  }

  Context& context_;
  Terminal& terminal_;
  Api api_;
  DesignOptions options_;
  std::string shown_state_;
};

}  // namespace

Task<Result<void>> design_persona(Context& context, DesignOptions options) {
  Designer designer(context, std::move(options));
  co_return co_await designer.run();
}

}  // namespace personas::cli
