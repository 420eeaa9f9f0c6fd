// Descriptions of the reports of requests.hpp, and of errors.
#pragma once

#include "personas/codec/described.hpp"
#include "personas/operations/requests.hpp"

namespace personas::codec {

template <>
struct Described<operations::Dependency> {
  using T = operations::Dependency;
  static constexpr std::string_view name = "Dependency";
  static constexpr auto fields =
      std::tuple{field("status", &T::status).doc("ok or failed"), field("detail", &T::detail)};
};

template <>
struct Described<operations::HealthReport> {
  using T = operations::HealthReport;
  static constexpr std::string_view name = "Health";
  static constexpr auto fields =
      std::tuple{field("status", &T::status).doc("ok or failed"), field("version", &T::version),
                 field("dependencies", &T::dependencies)};
};

template <>
struct Described<operations::WorkerReport> {
  using T = operations::WorkerReport;
  static constexpr std::string_view name = "Worker";
  static constexpr auto fields = std::tuple{
      field("workerId", &T::worker_id),
      field("state", &T::state).doc("idle or busy"),
      field("kind", &T::kind),
      field("version", &T::version),
      field("slots", &T::slots),
      field("usedSlots", &T::used_slots),
      field("capabilities", &T::capabilities),
      field("labels", &T::labels),
      field("sandbox", &T::sandbox),
      field("executions", &T::executions),
      field("connectedAt", &T::connected_at),
      field("agentVersions", &T::agent_versions).doc("of the agent CLIs it has, by backend")};
};

template <>
struct Described<operations::QueueReport> {
  using T = operations::QueueReport;
  static constexpr std::string_view name = "Queue";
  static constexpr auto fields =
      std::tuple{field("queued", &T::queued), field("running", &T::running),
                 field("finishedSinceStart", &T::finished_since_start),
                 field("parked", &T::parked)
                     .doc("Without a worker, until an answer or the provider lets them go on")};
};

template <>
struct Described<operations::StoreReport> {
  using T = operations::StoreReport;
  static constexpr std::string_view name = "Store";
  static constexpr auto fields = std::tuple{field("engine", &T::engine),
                                            field("commits", &T::commits),
                                            field("operations", &T::operations),
                                            field("queued", &T::queued),
                                            field("lastCommitMicros", &T::last_commit_micros),
                                            field("fileBytes", &T::file_bytes),
                                            field("walBytes", &T::wal_bytes)};
};

template <>
struct Described<operations::ComponentReport> {
  using T = operations::ComponentReport;
  static constexpr std::string_view name = "Component";
  static constexpr auto fields = std::tuple{field("state", &T::state)};
};

template <>
struct Described<operations::StatusReport> {
  using T = operations::StatusReport;
  static constexpr std::string_view name = "Status";
  static constexpr auto fields =
      std::tuple{field("status", &T::status),
                 field("version", &T::version),
                 field("uptimeMs", &T::uptime_ms),
                 field("instance", &T::instance),
                 field("node", &T::node),
                 field("workers", &T::workers),
                 field("queue", &T::queue),
                 field("bus", &T::bus),
                 field("scheduler", &T::scheduler),
                 field("webhooks", &T::webhooks).doc("What is to be told to endpoints outside"),
                 field("vault", &T::vault),
                 field("token", &T::token).doc("The Claude token"),
                 field("tokens", &T::tokens).doc("The tokens of all providers"),
                 field("provider", &T::provider)
                     .doc("Accounts whose limit is reached; empty when "
                          "all take work"),
                 field("store", &T::store)};
};

template <>
struct Described<operations::ProblemField> {
  using T = operations::ProblemField;
  static constexpr std::string_view name = "ProblemField";
  static constexpr auto fields = std::tuple{
      field("path", &T::path).doc("JSON pointer into the body, or query.name, header.Name"),
      field("field", &T::field).doc("The same with dots"), field("message", &T::message)};
};

template <>
struct Described<operations::Problem> {
  using T = operations::Problem;
  static constexpr std::string_view name = "Problem";
  static constexpr auto fields =
      std::tuple{field("type", &T::type).doc("RFC 9457"),
                 field("title", &T::title),
                 field("status", &T::status),
                 field("detail", &T::detail),
                 field("error", &T::error).doc("The detail again, for clients that read this name"),
                 field("code", &T::code).doc("Stable name of the kind of error"),
                 field("fields", &T::fields).doc("Every wrong field at once"),
                 field("requestId", &T::request_id)};
};

}  // namespace personas::codec
