// Query, body and answer of the operations on diagnoses.
#pragma once

#include <optional>
#include <string>
#include <tuple>

#include "personas/base/id.hpp"
#include "personas/codec/described.hpp"
#include "personas/model/diagnosis.hpp"
#include "personas/operations/requests.hpp"

namespace personas::operations {

struct DiagnosesQuery {
  std::optional<DiagnosisStatus> status;
  std::int64_t limit = kDefaultPage;
  std::optional<std::string> cursor;
};

struct HealBody {
  bool rerun = true;
  bool repeat_effects = false;
};

struct Healed {
  Diagnosis diagnosis;
  std::optional<ExecutionId> execution_id;  // of the new run
};

}  // namespace personas::operations

namespace personas::codec {

template <>
struct Described<operations::DiagnosesQuery> {
  using Q = operations::DiagnosesQuery;
  static constexpr std::string_view name = "DiagnosesQuery";
  static constexpr auto fields = std::tuple{
      field("status", &Q::status),
      field("limit", &Q::limit).range(1, operations::kMaxPage).doc("Entries of a page"),
      field("cursor", &Q::cursor).length(1, 500).doc("X-Next-Cursor of the page before")};
};

template <>
struct Described<operations::HealBody> {
  using B = operations::HealBody;
  static constexpr std::string_view name = "HealBody";
  static constexpr auto fields = std::tuple{
      field("rerun", &B::rerun).doc("Run it again once the fix is applied; true if absent"),
      field("repeatEffects", &B::repeat_effects)
          .doc("Needed to run again what used tools: it may do outside what it did before")};
};

template <>
struct Described<operations::Healed> {
  using H = operations::Healed;
  static constexpr std::string_view name = "Healed";
  static constexpr auto fields = std::tuple{
      field("diagnosis", &H::diagnosis),
      field("executionId", &H::execution_id).doc("The new run; absent if none was asked for")};
};

}  // namespace personas::codec
