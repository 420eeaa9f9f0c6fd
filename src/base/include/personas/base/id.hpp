// Typed, prefixed, sortable identifiers: "exe_01jd2m9x7v…".
//
// A generated id is its prefix, an underscore, and 26 characters of Crockford base 32 (lower case):
// 48 bits of milliseconds, then 80 random bits (the ULID layout), so ids sort by creation time.
// Ids that clients bring themselves (a desktop app's own persona ids) are accepted if they are
// 1–64 characters of [A-Za-z0-9_.:-] and do not start with a dot.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"

namespace personas {

inline constexpr std::size_t kMaxIdLength = 64;

bool is_valid_id(std::string_view text);
std::string make_id_text(std::string_view prefix, Timestamp now, Random& random);

template <class Tag>
class Id {
 public:
  static constexpr std::string_view prefix = Tag::prefix;

  Id() = default;
  // For text that is trusted to be an id already (a row, a generated id).
  explicit Id(std::string text) : text_(std::move(text)) {}

  static Id make(Timestamp now, Random& random) { return Id(make_id_text(prefix, now, random)); }
  static Result<Id> parse(std::string_view text) {
    if (!is_valid_id(text)) {
      return fail(ErrorCode::kInvalidRequest,
                  "an id has 1 to 64 characters of letters, digits, '_', '-', '.', ':'");
    }
    return Id(std::string(text));
  }

  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const Id&) const = default;

 private:
  std::string text_;
};

#define PERSONAS_ID(Name, Prefix)                           \
  struct Name##Tag {                                        \
    static constexpr std::string_view prefix = Prefix;      \
  };                                                        \
  using Name = Id<Name##Tag>

PERSONAS_ID(TenantId, "ten");
PERSONAS_ID(PersonaId, "per");
PERSONAS_ID(GroupId, "grp");
PERSONAS_ID(ToolId, "tool");
PERSONAS_ID(CredentialId, "cred");
PERSONAS_ID(ExecutionId, "exe");
PERSONAS_ID(EventId, "evt");
PERSONAS_ID(MessageId, "msg");
PERSONAS_ID(MemoryId, "mem");
PERSONAS_ID(ReviewId, "rev");
PERSONAS_ID(TriggerId, "trg");
PERSONAS_ID(SubscriptionId, "sub");
PERSONAS_ID(WorkerId, "wrk");
PERSONAS_ID(NodeId, "node");        // one orchestrator process's identity, on every lease
PERSONAS_ID(InstanceId, "inst");    // one deployment's identity, the `origin` of its events
PERSONAS_ID(RequestId, "req");
PERSONAS_ID(DraftId, "draft");
PERSONAS_ID(ScenarioId, "scn");
PERSONAS_ID(TestRunId, "test");
PERSONAS_ID(TestResultId, "tres");

// The one tenant that exists until tenants are managed. Every row names it already.
TenantId default_tenant();

}  // namespace personas

template <class Tag>
struct std::hash<personas::Id<Tag>> {
  std::size_t operator()(const personas::Id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};
