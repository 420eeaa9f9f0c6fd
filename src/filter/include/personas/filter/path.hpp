// Where in an event a value stands, and the event as filters and mappings see it.
//
// A path begins in the payload (`pull_request.labels[0].name`, `["odd name"]`), or at the event
// (`$.eventType`, `$.payload.action`). `[*]` stands for all members of a list or object. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

namespace personas::filter {

// Beside the payload an event has these; an empty one is null.
struct Envelope {
  std::string_view id = {};
  std::string_view event_type = {};
  std::string_view source_type = {};
  std::string_view source_id = {};
  std::string_view target_persona_id = {};
  std::string_view project_id = {};
};
struct EnvelopeField {
  std::string_view name;  // behind "$."
  std::string_view Envelope::* member;
};
inline constexpr std::array<EnvelopeField, 6> kEnvelopeFields{{
    {"id", &Envelope::id},
    {"eventType", &Envelope::event_type},
    {"sourceType", &Envelope::source_type},
    {"sourceId", &Envelope::source_id},
    {"targetPersonaId", &Envelope::target_persona_id},
    {"projectId", &Envelope::project_id},
}};

// What is looked at. Both are borrowed for the call.
struct Subject {
  const boost::json::value& payload;
  Envelope envelope = {};
};

struct Step {
  enum class Kind : std::uint8_t { kMember, kIndex, kAll };
  Kind kind = Kind::kMember;
  std::string name = {};   // kMember
  std::int32_t index = 0;  // kIndex; negative ones count from the end
  bool operator==(const Step&) const = default;
};

inline constexpr std::size_t kMaxPathSteps = 32;
// One evaluation visits no more than this: values and, in long texts, pieces of kStepBytes. About
// ten milliseconds at worst; usual filters need fewer than a hundred.
inline constexpr std::uint32_t kMaxSteps = 1'000'000;
inline constexpr std::size_t kStepBytes = 64;

struct Path {
  // Index into kEnvelopeFields; kPayload: the steps lead into the payload.
  static constexpr std::uint8_t kPayload = 0xFF;
  std::uint8_t root = kPayload;
  bool many = false;  // holds a [*]
  std::vector<Step> steps = {};

  // As it is written; reading that again gives this path.
  std::string text() const;
  bool operator==(const Path&) const = default;
};

}  // namespace personas::filter
