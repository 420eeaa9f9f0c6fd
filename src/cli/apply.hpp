// `personas apply -f file.yaml` and `personas import file.yaml`: personas, tools and groups as
// files, made so on the server.
//
// Each YAML document is one of them (catalog/documents.hpp). Everything is checked before anything
// is sent, and the server takes all or nothing. `apply` leaves what a file does not mention;
// `import` takes the file as the whole, and first shows what it would change.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api.hpp"
#include "follow.hpp"

namespace personas::cli {

Task<Result<void>> apply(Context& context, std::vector<std::string> files, Format format);

enum class Consent : std::uint8_t { kAsk, kGiven };
Task<Result<void>> import_file(Context& context, std::string file, Consent consent, Format format);

// A persona with all it needs, as YAML; "-" is standard output.
Task<Result<void>> export_persona(Context& context, std::string persona, std::string file);

}  // namespace personas::cli
