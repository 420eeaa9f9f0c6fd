// Commands on what a persona is: its versions, its prompt, the tools and credentials it may use.
#pragma once

#include <cstdint>
#include <string>

#include "api.hpp"
#include "follow.hpp"

namespace personas::cli {

Task<Result<void>> show_versions(Context& context, std::string persona, Format format);

// Without `from` the two newest versions; without `to` from that version to the present one.
struct DiffOptions {
  std::string persona;
  std::int64_t from = 0;  // 0: not given
  std::int64_t to = 0;
  Format format = Format::kText;
};
Task<Result<void>> show_diff(Context& context, DiffOptions options);
Task<Result<void>> restore_version(Context& context, std::string persona, std::int64_t version,
                                   Format format);

struct PromptOptions {
  std::string persona;
  std::string task;   // "-": standard input
  std::string input;  // JSON, or "@file" that holds it
  Format format = Format::kText;
};
// The prompt on standard output, what it weighs on standard error.
Task<Result<void>> show_prompt(Context& context, PromptOptions options);

Task<Result<void>> show_library(Context& context, Format format);
enum class Force : std::uint8_t { kNo, kYes };
Task<Result<void>> install_tool(Context& context, std::string name, Force force, Format format);

Task<Result<void>> show_connectors(Context& context, Format format);
Task<Result<void>> show_connector(Context& context, std::string type, Format format);
// Tries a stored credential (name or id) on its service and waits for the outcome; an error if it
// does not work.
Task<Result<void>> check_credential(Context& context, std::string credential, Format format);

}  // namespace personas::cli
