// Query parameters, bodies and answers of the operations on personas as a craft.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/catalog/documents.hpp"
#include "personas/catalog/versions.hpp"
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

// kMerge: what a document does not mention stays. kReplace: it takes its default.
enum class ImportMode : std::uint8_t { kMerge, kReplace };
struct ImportBody {
  std::vector<codec::RawJson> documents;
  ImportMode mode = ImportMode::kMerge;
  bool dry_run = false;
  std::optional<std::string> note;
};
enum class ImportResult : std::uint8_t { kCreated, kUpdated, kUnchanged };
struct ImportedThing {
  std::string kind;
  std::string name;
  std::string id;  // empty: it would be made
  ImportResult result = ImportResult::kUnchanged;
  std::vector<catalog::FieldChange> changes;
};
struct ImportReply {
  bool dry_run = false;
  std::vector<ImportedThing> things;    // in the order of the documents
  std::vector<std::string> connectors;  // types of credentials that the personas' tools need
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
  static constexpr auto fields = std::tuple{field("note", &operations::NoteQuery::note)
                                                .length(1, catalog::kMaxNote)
                                                .doc("Why, kept with the version")};
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
struct Described<operations::ImportMode> {
  using M = operations::ImportMode;
  static constexpr std::string_view name = "ImportMode";
  static constexpr std::array values{value("merge", M::kMerge), value("replace", M::kReplace)};
};
template <>
struct Described<operations::ImportBody> {
  using B = operations::ImportBody;
  static constexpr std::string_view name = "ImportRequest";
  static constexpr auto fields = std::tuple{
      field("documents", &B::documents)
          .required()
          .length(1, catalog::kMaxDocuments)
          .doc("Each with its kind (Persona, Tool, Group) and the fields of it; a persona names "
               "its tools and its group"),
      field("mode", &B::mode).doc("merge: what is absent stays; replace: it takes its default"),
      field("dryRun", &B::dry_run).doc("Only say what would change"),
      field("note", &B::note).length(1, catalog::kMaxNote).doc("Kept with the new versions")};
};
template <>
struct Described<operations::ImportResult> {
  using R = operations::ImportResult;
  static constexpr std::string_view name = "ImportResult";
  static constexpr std::array values{value("created", R::kCreated), value("updated", R::kUpdated),
                                     value("unchanged", R::kUnchanged)};
};
template <>
struct Described<operations::ImportedThing> {
  using T = operations::ImportedThing;
  static constexpr std::string_view name = "ImportedThing";
  static constexpr auto fields =
      std::tuple{field("kind", &T::kind), field("name", &T::name), field("id", &T::id),
                 field("result", &T::result), field("changes", &T::changes)};
};
template <>
struct Described<operations::ImportReply> {
  using R = operations::ImportReply;
  static constexpr std::string_view name = "ImportReply";
  static constexpr auto fields =
      std::tuple{field("dryRun", &R::dry_run), field("things", &R::things),
                 field("connectors", &R::connectors)
                     .doc("Types of credentials that the personas' tools need")};
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
