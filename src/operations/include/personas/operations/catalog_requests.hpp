// Query parameters, bodies and answers of the operations on personas as a craft.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/codec/described.hpp"
#include "personas/operations/requests.hpp"

namespace personas::operations {

struct PersonasQuery {
  std::optional<std::string> group_id;
  std::int64_t limit = kDefaultPage;
  std::optional<std::string> cursor;
};

struct NoteQuery {
  std::optional<std::string> note;
};

struct InstallQuery {
  bool force = false;
};

struct FromTemplateBody {
  std::string template_;
  std::optional<std::string> name;
};

struct PromptBody {
  std::string prompt;
  std::optional<codec::RawJson> input_data;
};
// What an agent would be told. Nothing has been run.
struct PromptReply {
  std::string prompt;
  std::int64_t bytes = 0;
  std::int64_t estimated_tokens = 0;
  std::int64_t max_bytes = 0;
};

}  // namespace personas::operations

namespace personas::codec {

template <>
struct Described<operations::PersonasQuery> {
  using Q = operations::PersonasQuery;
  static constexpr std::string_view name = "PersonasQuery";
  static constexpr auto fields = std::tuple{
      field("groupId", &Q::group_id).length(1, 64).doc("Only those of this group"),
      field("limit", &Q::limit).range(1, operations::kMaxPage).doc("Entries of a page"),
      field("cursor", &Q::cursor).length(1, 500).doc("X-Next-Cursor of the page before")};
};

template <>
struct Described<operations::NoteQuery> {
  static constexpr std::string_view name = "NoteQuery";
  static constexpr auto fields = std::tuple{
      field("note", &operations::NoteQuery::note).length(1, 500).doc("Why, kept with the version")};
};

template <>
struct Described<operations::InstallQuery> {
  static constexpr std::string_view name = "InstallQuery";
  static constexpr auto fields = std::tuple{
      field("force", &operations::InstallQuery::force).doc("Also over what somebody has changed")};
};

template <>
struct Described<operations::FromTemplateBody> {
  using B = operations::FromTemplateBody;
  static constexpr std::string_view name = "FromTemplate";
  static constexpr auto fields =
      std::tuple{field("template", &B::template_).required().length(1, 64),
                 field("name", &B::name).length(1, 200).doc("Another name than the template's")};
};

template <>
struct Described<operations::PromptBody> {
  using B = operations::PromptBody;
  static constexpr std::string_view name = "PromptRequest";
  static constexpr auto fields = std::tuple{field("prompt", &B::prompt).length(0, 1'000'000),
                                            field("inputData", &B::input_data)};
};

template <>
struct Described<operations::PromptReply> {
  using R = operations::PromptReply;
  static constexpr std::string_view name = "PromptPreview";
  static constexpr auto fields = std::tuple{
      field("prompt", &R::prompt).doc("As an agent would get it now, the random marks included"),
      field("bytes", &R::bytes),
      field("estimatedTokens", &R::estimated_tokens).doc("About four bytes each"),
      field("maxBytes", &R::max_bytes)};
};

}  // namespace personas::codec
