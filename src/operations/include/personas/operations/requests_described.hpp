// Descriptions of the values of requests.hpp.
#pragma once

#include "personas/codec/described.hpp"
#include "personas/operations/requests.hpp"

namespace personas::codec {

#define PERSONAS_PAGE_FIELDS(Type)                                                      \
  field("limit", &Type::limit).range(1, operations::kMaxPage).doc("Entries of a page"), \
      field("cursor", &Type::cursor).length(1, 500).doc("X-Next-Cursor of the page before")

template <>
struct Described<operations::PageQuery> {
  static constexpr std::string_view name = "PageQuery";
  static constexpr auto fields = std::tuple{PERSONAS_PAGE_FIELDS(operations::PageQuery)};
};

template <>
struct Described<operations::ExecutionsQuery> {
  using Q = operations::ExecutionsQuery;
  static constexpr std::string_view name = "ExecutionsQuery";
  static constexpr auto fields = std::tuple{
      field("personaId", &Q::persona_id), field("status", &Q::status),
      field("since", &Q::since).doc("Created at this time or later"),
      field("until", &Q::until).doc("Created before this time"), PERSONAS_PAGE_FIELDS(Q)};
};

template <>
struct Described<operations::PersonaExecutionsQuery> {
  using Q = operations::PersonaExecutionsQuery;
  static constexpr std::string_view name = "PersonaExecutionsQuery";
  static constexpr auto fields = std::tuple{field("status", &Q::status), PERSONAS_PAGE_FIELDS(Q)};
};

template <>
struct Described<operations::EventsQuery> {
  using Q = operations::EventsQuery;
  static constexpr std::string_view name = "EventsQuery";
  static constexpr auto fields = std::tuple{
      field("eventType", &Q::event_type).length(1, 200).doc("Exact, or a prefix with a final *"),
      field("sourceId", &Q::source_id).length(1, 500),
      field("since", &Q::since).doc("Published then or later"),
      field("until", &Q::until).doc("Published before that"),
      field("status", &Q::status),
      PERSONAS_PAGE_FIELDS(Q)};
};

template <>
struct Described<operations::MessagesQuery> {
  using Q = operations::MessagesQuery;
  static constexpr std::string_view name = "MessagesQuery";
  static constexpr auto fields = std::tuple{
      field("personaId", &Q::persona_id), field("executionId", &Q::execution_id),
      field("unread", &Q::unread).doc("Only those nobody has read"), PERSONAS_PAGE_FIELDS(Q)};
};

#undef PERSONAS_PAGE_FIELDS

template <>
struct Described<operations::OutputWanted> {
  using O = operations::OutputWanted;
  static constexpr std::string_view name = "OutputWanted";
  static constexpr std::array values{value("tail", O::kTail), value("full", O::kFull),
                                     value("none", O::kNone)};
};

template <>
struct Described<operations::ExecutionQuery> {
  static constexpr std::string_view name = "ExecutionQuery";
  static constexpr auto fields =
      std::tuple{field("output", &operations::ExecutionQuery::output)
                     .doc("tail: the last 64 KiB of standard output; full: all of it")};
};

template <>
struct Described<operations::ExecuteQuery> {
  static constexpr std::string_view name = "ExecuteQuery";
  static constexpr auto fields =
      std::tuple{field("wait", &operations::ExecuteQuery::wait)
                     .length(1, 20)
                     .doc("How long to wait for the end, such as 30s; at most 5m")};
};

template <>
struct Described<operations::StreamQuery> {
  static constexpr std::string_view name = "StreamQuery";
  static constexpr auto fields =
      std::tuple{field("cursor", &operations::StreamQuery::cursor)
                     .length(1, 200)
                     .doc("Id of the last event seen; the header Last-Event-ID goes before it")};
};

template <>
struct Described<operations::JournalQueryParameters> {
  using Q = operations::JournalQueryParameters;
  static constexpr std::string_view name = "JournalQuery";
  static constexpr auto fields = std::tuple{
      field("cursor", &Q::cursor)
          .length(1, 200)
          .doc("Id of the last event seen, or 'start' for everything kept; without it, from now"),
      field("types", &Q::types)
          .length(1, 1'000)
          .doc("Record types, separated by commas; 'execution.*' stands for a group"),
      field("personaId", &Q::persona_id), field("executionId", &Q::execution_id)};
};

template <>
struct Described<operations::LinkToolBody> {
  static constexpr std::string_view name = "LinkTool";
  static constexpr auto fields =
      std::tuple{field("toolId", &operations::LinkToolBody::tool_id).required()};
};

template <>
struct Described<operations::Decision> {
  static constexpr std::string_view name = "Decision";
  static constexpr std::array values{value("approved", operations::Decision::kApproved),
                                     value("rejected", operations::Decision::kRejected)};
};

template <>
struct Described<operations::RespondBody> {
  static constexpr std::string_view name = "ReviewResponse";
  static constexpr auto fields =
      std::tuple{field("decision", &operations::RespondBody::decision).required(),
                 field("message", &operations::RespondBody::message)
                     .length(0, 50'000)
                     .doc("What the agent is told")};
};

template <>
struct Described<operations::ToolLink> {
  static constexpr std::string_view name = "ToolLink";
  static constexpr auto fields = std::tuple{field("personaId", &operations::ToolLink::persona_id),
                                            field("toolId", &operations::ToolLink::tool_id)};
};

template <>
struct Described<operations::ExecuteReply> {
  static constexpr std::string_view name = "ExecuteReply";
  static constexpr auto fields =
      std::tuple{field("executionId", &operations::ExecuteReply::execution_id),
                 field("status", &operations::ExecuteReply::status)};
};

}  // namespace personas::codec
