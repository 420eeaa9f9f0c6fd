// The commands on credentials.
#pragma once

#include <string>
#include <vector>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/cli/commands.hpp"

#include "follow.hpp"

namespace personas::cli {

struct AddCredentialOptions {
  std::string name;
  std::string type;
  std::vector<std::string> fields;        // "name=value", or "name", which is asked for
  std::vector<std::string> plain_fields;  // the same, of no secrets
  enum class From : std::uint8_t { kPerson, kStandardInput } from = From::kPerson;
  enum class Existing : std::uint8_t { kRefuse, kReplace } existing = Existing::kRefuse;
  Format format = Format::kText;
};
// Sealed for the deployment, unless the server is this machine.
Task<Result<void>> add_credential(Context& context, AddCredentialOptions options);

Task<Result<void>> list_credentials(Context& context, Format format);

enum class Force : std::uint8_t { kNo, kYes };
Task<Result<void>> remove_credential(Context& context, std::string name, Force force);

enum class Link : std::uint8_t { kLink, kUnlink };
Task<Result<void>> link_credential(Context& context, std::string name, std::string persona,
                                   Link link);

}  // namespace personas::cli
