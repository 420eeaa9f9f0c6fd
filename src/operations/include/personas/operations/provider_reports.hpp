// Answers about the providers' accounts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas::operations {

// A provider's account that refuses work until then.
struct ProviderReport {
  std::string account;  // a backend, or backend:model
  Timestamp until;
  std::string reason;
};

struct ProviderRetry {
  std::string backend;
  std::int64_t released = 0;
};

}  // namespace personas::operations

namespace personas::codec {

template <>
struct Described<operations::ProviderReport> {
  using T = operations::ProviderReport;
  static constexpr std::string_view name = "Provider";
  static constexpr auto fields =
      std::tuple{field("account", &T::account).doc("A backend, or backend:model"),
                 field("until", &T::until), field("reason", &T::reason)};
};

template <>
struct Described<operations::ProviderRetry> {
  using T = operations::ProviderRetry;
  static constexpr std::string_view name = "ProviderRetry";
  static constexpr auto fields =
      std::tuple{field("backend", &T::backend),
                 field("released", &T::released).doc("Parked executions that may go on now")};
};

}  // namespace personas::codec
