#include "personas/evaluation/documents.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/evaluation/check.hpp"

namespace personas::evaluation {
namespace {

namespace bj = boost::json;

constexpr std::array<std::string_view, 4> kLocal{"id", "personaId", "createdAt", "updatedAt"};

// Absent members are left out, all the way down: a rule names one thing.
bj::value without_nulls(const bj::value& value) {
  if (const auto* object = value.if_object()) {
    bj::object kept;
    for (const auto& member : *object) {
      if (!member.value().is_null()) kept.emplace(member.key(), without_nulls(member.value()));
    }
    return kept;
  }
  if (const auto* list = value.if_array()) {
    bj::array kept;
    for (const auto& entry : *list) kept.push_back(without_nulls(entry));
    return kept;
  }
  return value;
}

}  // namespace

Result<std::vector<Scenario>> read_tests(const bj::array& tests) {
  std::vector<Scenario> scenarios;
  std::vector<FieldError> errors;
  std::set<std::string> names;
  if (tests.size() > static_cast<std::size_t>(kMaxScenarios)) {
    errors.push_back({"/tests", fmt::format("expected at most {} scenarios", kMaxScenarios)});
  }
  for (std::size_t i = 0; i < tests.size() && errors.size() < codec::kMaxFieldErrors; ++i) {
    const std::string path = fmt::format("/tests/{}", i);
    auto scenario = codec::from_json<Scenario>(tests[i]);
    if (!scenario) {
      for (auto& field : scenario.error().fields) {
        errors.push_back({path + field.path, std::move(field.message)});
      }
      continue;
    }
    std::ranges::move(problems_of(scenario->expectations, path + "/expectations"),
                      std::back_inserter(errors));
    if (!names.insert(scenario->name).second) {
      errors.push_back({path + "/name", "is the name of another scenario in this list"});
    }
    scenarios.push_back(std::move(*scenario));
  }
  if (errors.empty()) return scenarios;
  return fail(ErrorCode::kInvalidRequest, "A scenario is not valid", std::move(errors));
}

bj::object document_of(const Scenario& scenario) {
  auto json = codec::parse_json(codec::to_json(scenario));
  auto document = without_nulls(*json).as_object();
  for (const auto name : kLocal) document.erase(name);
  return document;
}

}  // namespace personas::evaluation
