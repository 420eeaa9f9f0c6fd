// `personas run` and `personas logs`: starting executions and watching them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "api.hpp"
#include "follow.hpp"

namespace personas::cli {

enum class Watch : std::uint8_t { kNo, kFollow };

struct RunOptions {
  std::string persona;
  // "-": standard input. A persona whose own prompt says what to do needs no more than this.
  std::string prompt = "Begin.";
  std::string input;  // JSON, or "@file" that holds it
  std::string wait;   // a duration; empty: do not wait
  std::string timeout;
  std::optional<std::int64_t> priority;
  Watch watch = Watch::kNo;
  Rendering rendering = Rendering::kReadable;
  Format format = Format::kText;
};

// The exit code on success is the outcome's.
Task<Result<int>> run_persona(Context& context, RunOptions options);

struct LogsOptions {
  std::string execution;
  Watch watch = Watch::kNo;
  Rendering rendering = Rendering::kReadable;
  Format format = Format::kText;
};
Task<Result<int>> logs(Context& context, LogsOptions options);

}  // namespace personas::cli
