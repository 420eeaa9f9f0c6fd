#include "design.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/design/draft.hpp"
#include "personas/design/read.hpp"
#include "personas/model/execution.hpp"

#include "format.hpp"
#include "lists.hpp"

namespace personas::cli {
namespace {

using design::DraftReport;
using design::DraftStatus;

constexpr std::size_t kMaxShown = 300;
constexpr std::size_t kMaxTextLines = 40;  // of one field, as a draft is shown
constexpr Duration kPollPause = milliseconds(250);
constexpr int kPollsPerLook = 4;  // at the execution, to say what it waits for

std::string line(std::string_view text) {
  return agents::clean_line(text, kMaxShown);
}

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

  Task<Result<int>> run() {
    CO_TRY(const auto started, co_await start());
    CO_TRY(const auto report, co_await wait_for(started));
    if (options_.format == Format::kText) show(report);
    if (report.status != DraftStatus::kReady) {
      if (options_.format == Format::kJson) terminal_.out(codec::to_json(report) + "\n");
      note(fmt::format("personas logs {} shows what the agent wrote", started.execution));
      co_return kExitFailed;
    }
    if (!agreed()) {
      if (options_.format == Format::kJson) terminal_.out(codec::to_json(report) + "\n");
      note(fmt::format("nothing was changed; the draft is kept as {0}: apply it with POST "
                       "/api/personas/drafts/{0}/apply, or run the command again with --yes",
                       started.draft));
      co_return options_.format == Format::kJson ? kExitDone : kExitFailed;
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
    CO_TRY(const auto execution, co_await api_.get<Execution>(
                                     fmt::format("/api/executions/{}?output=none", id)));
    std::string now(codec::name_of(execution.status));
    if (execution.waiting_for) now += ", waiting for: " + line(*execution.waiting_for);
    if (now != shown_state_) note(now);
    shown_state_ = std::move(now);
    co_return Result<void>();
  }

  Task<Result<DraftReport>> wait_for(const Started& started) {
    const std::string path = "/api/personas/drafts/" + started.draft;
    for (int poll = 0;; ++poll) {
      CO_TRY(auto report, co_await api_.get<DraftReport>(path));
      if (report.status != DraftStatus::kRunning) co_return report;
      if (poll % kPollsPerLook == 0) CO_TRY_VOID(co_await look(started.execution));
      co_await context_.pause(kPollPause);
    }
  }

  // ---- showing ---------------------------------------------------------------------------------

  void show(const DraftReport& report) {
    if (report.status != DraftStatus::kReady) {
      terminal_.err(painted(Paint::kRed, report.status == DraftStatus::kFailed
                                             ? "there is no draft:\n"
                                             : "the draft cannot be used:\n"));
      for (const auto& problem : report.problems) {
        terminal_.err(fmt::format("  {}{}{}\n", line(problem.path),
                                  problem.path.empty() ? "" : ": ", line(problem.message)));
      }
      return;
    }
    terminal_.out(painted(Paint::kBold, options_.persona.empty() ? "A new persona\n"
                                                                 : "Changes of the persona\n"));
    for (const auto& change : report.changes) show(change);
    if (report.changes.empty()) terminal_.out("  nothing changes\n");
    const auto draft = report.draft ? design::parse_draft(*report.draft)
                                    : Result<design::Draft>(fail(ErrorCode::kNotFound, ""));
    if (draft) show(*draft);
    show_missing(report);
  }

  // A JSON text as a person reads it: strings without quotes, with their lines.
  static std::string readable(const codec::RawJson& json) {
    const auto value = codec::parse_json(json.text, kAnswerLimits);
    if (!value || !value->is_string()) return json.text;
    return std::string(value->get_string());
  }

  void show_lines(std::string_view sign, Paint colour, const std::string& text) {
    std::string_view rest = text;
    for (std::size_t shown = 0; !rest.empty(); ++shown) {
      if (shown == kMaxTextLines) {
        terminal_.out(painted(Paint::kDim, fmt::format("    {} …\n", sign)));
        return;
      }
      const auto end = std::min(rest.find('\n'), rest.size());
      terminal_.out(
          painted(colour, fmt::format("    {} {}\n", sign, line(rest.substr(0, end)))));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }

  void show(const design::FieldChange& change) {
    const std::string before = readable(change.before), after = readable(change.after);
    terminal_.out(fmt::format("  {}\n", painted(Paint::kCyan, line(change.field))));
    if (!before.empty()) show_lines("-", Paint::kRed, before);
    if (!after.empty()) show_lines("+", Paint::kGreen, after);
  }

  void show_list(std::string_view heading, const std::vector<std::string>& entries) {
    for (const auto& entry : entries) {
      terminal_.out(fmt::format("  {} {}\n", heading, line(entry)));
    }
  }

  void show(const design::Draft& draft) {
    for (const auto& trigger : draft.triggers) {
      terminal_.out(fmt::format("{} {} {} {}\n", painted(Paint::kBold, "trigger"),
                                codec::name_of(trigger.type),
                                trigger.config ? line(trigger.config->text) : "",
                                painted(Paint::kDim, line(trigger.why))));
    }
    const auto score = draft.feasibility.score;
    const Paint colour = score >= 70 ? Paint::kGreen : score >= 40 ? Paint::kYellow : Paint::kRed;
    terminal_.out(fmt::format("{} {}\n", painted(Paint::kBold, "feasibility"),
                              painted(colour, fmt::format("{} of 100", score))));
    show_list("·", draft.feasibility.notes);
    show_list(painted(Paint::kYellow, "risk:"), draft.feasibility.risks);
    show_list(painted(Paint::kCyan, "question:"), draft.feasibility.questions);
  }

  void show_missing(const DraftReport& report) {
    for (const auto& connector : report.missing_connectors) {
      boost::json::object fields;
      for (const auto& name : connector.fields) fields.emplace(name, "…");
      const boost::json::object body{{"name", connector.service_type},
                                     {"serviceType", connector.service_type},
                                     {"fields", fields}};
      terminal_.out(fmt::format("{} a {} credential {}\n  add it with POST /api/credentials {}\n",
                                painted(Paint::kYellow, "missing:"),
                                line(connector.service_type),
                                painted(Paint::kDim, line(connector.why)),
                                line(codec::serialize(body))));
    }
    for (const auto& conflict : report.conflicts) {
      terminal_.out(fmt::format("{} {}\n", painted(Paint::kRed, "in the way:"),
                                line(conflict.message)));
    }
  }

  // ---- applying --------------------------------------------------------------------------------

  bool agreed() {
    if (options_.consent == DesignOptions::Consent::kGiven) return true;
    if (options_.format == Format::kJson || !context_.confirm) return false;
    return context_.confirm("apply? [y/N] ") == Confirmed::kYes;
  }

  Task<Result<int>> apply(std::string draft) {
    boost::json::object body;
    if (!options_.name.empty()) body["name"] = options_.name;
    CO_TRY(const auto response,
           co_await api_.call("POST", fmt::format("/api/personas/drafts/{}/apply", draft),
                              codec::serialize(body)));
    if (options_.format == Format::kJson) {
      terminal_.out(response.body + "\n");
      co_return kExitDone;
    }
    CO_TRY(const auto persona, codec::parse<Persona>(response.body, kFromServer, kAnswerLimits));
    const std::string name = line(persona.name);
    terminal_.out(fmt::format(
        "{} persona {} ({})\n",
        painted(Paint::kGreen, options_.persona.empty() ? "created" : "updated"), name,
        persona.id.str()));
    note(fmt::format("try it: personas run \"{}\" --follow", name));
    co_return kExitDone;
  }

  Context& context_;
  Terminal& terminal_;
  Api api_;
  DesignOptions options_;
  std::string shown_state_;
};

}  // namespace

Task<Result<int>> design_persona(Context& context, DesignOptions options) {
  Designer designer(context, std::move(options));
  co_return co_await designer.run();
}

}  // namespace personas::cli
