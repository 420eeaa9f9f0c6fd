// Why a run did not do its work, and what would mend it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas {

// What one call can do about it. Those that change the persona change it for all later runs.
enum class FixKind : std::uint8_t {
  kRerun,             // nothing has to change
  kRaiseTimeout,
  kRaiseIdleTimeout,
  kRaiseOutputLimit,
  kRaiseTurns,
  kRaiseBudget,
  kAllowTools,
  kDefaultModel,      // drop the model that is not offered
  kEnablePersona,
  kByHand,            // a person has to do it: what_to_do says what
};

struct Fix {
  FixKind kind = FixKind::kByHand;
  std::string what_to_do;  // for a person: what applying it does, or what to do by hand
  // A partial persona, as PATCH /api/personas/{id} takes it.
  std::optional<codec::RawJson> persona_patch;
  // Whether a second run can do harm: the first one may have acted outside already.
  bool safe_to_rerun = false;
};

enum class DiagnosisStatus : std::uint8_t {
  kOpen,
  kMended,  // the platform did it: it was tried again within the retry policy
  kApplied,
  kDismissed,
};

struct Diagnosis {
  ExecutionId execution_id;
  std::int64_t attempt = 0;
  std::optional<PersonaId> persona_id;
  std::string cause;        // a failure reason, or `not_accomplished`
  std::string explanation;  // what happened, in a sentence or two
  std::optional<std::string> evidence;  // the words it was concluded from, cleaned and masked
  std::optional<Fix> fix;
  DiagnosisStatus status = DiagnosisStatus::kOpen;
  std::optional<ExecutionId> rerun_execution_id;
  Timestamp created_at;
  std::optional<Timestamp> resolved_at;
};

namespace codec {

template <>
struct Described<FixKind> {
  static constexpr std::string_view name = "FixKind";
  static constexpr std::array values{value("rerun", FixKind::kRerun),
                                     value("raise_timeout", FixKind::kRaiseTimeout),
                                     value("raise_idle_timeout", FixKind::kRaiseIdleTimeout),
                                     value("raise_output_limit", FixKind::kRaiseOutputLimit),
                                     value("raise_turns", FixKind::kRaiseTurns),
                                     value("raise_budget", FixKind::kRaiseBudget),
                                     value("allow_tools", FixKind::kAllowTools),
                                     value("default_model", FixKind::kDefaultModel),
                                     value("enable_persona", FixKind::kEnablePersona),
                                     value("by_hand", FixKind::kByHand)};
};

template <>
struct Described<Fix> {
  static constexpr std::string_view name = "Fix";
  static constexpr auto fields =
      std::tuple{field("kind", &Fix::kind), field("whatToDo", &Fix::what_to_do),
                 field("personaPatch", &Fix::persona_patch)
                     .doc("What applying it changes, as PATCH /api/personas/{id} takes it"),
                 field("safeToRerun", &Fix::safe_to_rerun)
                     .doc("False: the run used tools, and running again may repeat what it did")};
};

template <>
struct Described<DiagnosisStatus> {
  static constexpr std::string_view name = "DiagnosisStatus";
  static constexpr std::array values{value("open", DiagnosisStatus::kOpen),
                                     value("mended", DiagnosisStatus::kMended),
                                     value("applied", DiagnosisStatus::kApplied),
                                     value("dismissed", DiagnosisStatus::kDismissed)};
};

template <>
struct Described<Diagnosis> {
  using D = Diagnosis;
  static constexpr std::string_view name = "Diagnosis";
  static constexpr auto fields = std::tuple{field("executionId", &D::execution_id),
                                            field("attempt", &D::attempt),
                                            field("personaId", &D::persona_id),
                                            field("cause", &D::cause),
                                            field("explanation", &D::explanation),
                                            field("evidence", &D::evidence),
                                            field("fix", &D::fix),
                                            field("status", &D::status),
                                            field("rerunExecutionId", &D::rerun_execution_id),
                                            field("createdAt", &D::created_at),
                                            field("resolvedAt", &D::resolved_at)};
};

}  // namespace codec
}  // namespace personas
