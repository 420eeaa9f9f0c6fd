// The query of GET /api/usage.
#pragma once

#include <optional>
#include <tuple>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"
#include "personas/model/metering.hpp"

namespace personas::operations {

struct UsageQuery {
  std::optional<Timestamp> since;
  std::optional<Timestamp> until;
  UsageGrouping group_by = UsageGrouping::kDay;
  std::optional<PersonaId> persona_id;
};

}  // namespace personas::operations

namespace personas::codec {

template <>
struct Described<operations::UsageQuery> {
  using Q = operations::UsageQuery;
  static constexpr std::string_view name = "UsageQuery";
  static constexpr auto fields =
      std::tuple{field("since", &Q::since).doc("The hour that holds it is the first; 30 days ago"),
                 field("until", &Q::until).doc("Not included; now if absent"),
                 field("groupBy", &Q::group_by), field("personaId", &Q::persona_id)};
};

}  // namespace personas::codec
