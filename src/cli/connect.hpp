// `personas connect`: gets the token of a model provider, tries it out, and hands it in.
#pragma once

#include <string>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/cli/commands.hpp"

#include "follow.hpp"

namespace personas::cli {

struct ConnectOptions {
  std::string provider;
  std::string expires_at;  // RFC 3339; empty: unknown
  enum class From : std::uint8_t { kPerson, kStandardInput } from = From::kPerson;
  enum class Check : std::uint8_t { kYes, kNo } check = Check::kYes;
  Format format = Format::kText;
};
Task<Result<void>> connect(Context& context, ConnectOptions options);

// The token of `claude setup-token` in what that showed on a terminal; empty if there is none.
std::string token_in(std::string_view shown);

}  // namespace personas::cli
