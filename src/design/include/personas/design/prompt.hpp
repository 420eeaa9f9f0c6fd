// What the designing agent is asked. Trusted: what the user wants, and the persona as it is.
// Another agent's draft is fenced: it is data. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "personas/base/clock.hpp"
#include "personas/design/draft.hpp"
#include "personas/model/persona.hpp"

namespace personas::design {

inline constexpr std::size_t kMaxDescription = 20'000;
inline constexpr std::size_t kMaxDraftBytes = 512 * 1024;
// Names of the tenant's tools and connectors that are told; more would drown the rest.
inline constexpr std::size_t kMaxNamesTold = 200;

// What the tenant has that a draft can build on.
struct Vocabulary {
  std::vector<std::string> tools = {};            // names
  std::vector<std::string> library = {};          // names of tools that can be installed
  std::vector<std::string> connectors = {};       // service types of its credentials
  std::vector<std::string> connector_types = {};  // that the program knows
};

struct DesignRequest {
  std::string description;
  Vocabulary vocabulary = {};
  // To be changed; without one a new persona is asked for.
  std::optional<Persona> persona = {};
  std::vector<std::string> persona_tools = {};
  // The draft to be revised, and what was wrong with it. Then `description` is what was first
  // wanted and `feedback` what is wanted now.
  std::optional<codec::RawJson> draft = {};
  std::vector<Problem> problems = {};
  std::string feedback = {};
};

std::string design_prompt(const DesignRequest& request, Random& random);

}  // namespace personas::design
