// The values of a credential: one text, or named fields; how they are read from what a client sent,
// kept in the vault, and named in an agent's environment.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/base/redactor.hpp"
#include "personas/base/secret.hpp"
#include "personas/model/credential.hpp"

namespace personas::vault {

// CONNECTOR_{NAME} or CONNECTOR_{NAME}_{FIELD}: upper case, what is not alphanumeric becomes "_".
std::string connector_variable(std::string_view name, std::string_view field);
// Of all values of a credential.
std::vector<std::string> connector_variables(const Credential& credential);

struct CredentialValue {
  struct Field {
    std::string name;  // empty: the one plain value
    Secret value;
  };
  std::vector<Field> fields;
  std::string
      use;  // JSON: where it may be sent, kept for whoever sends it; empty: nothing was said
};

// The text of a JSON object becomes fields; any other text is one plain value. kInvalidRequest says
// which field cannot be used, never its value. Numbers and booleans become their text.
Result<CredentialValue> read_credential(const Secret& text);

// Fills what a credential shows of its values: fields, unmaskedFields, valueBytes. `plain_fields`
// are those that its owner says are no secrets. kInvalidRequest if a field of them does not exist,
// two fields name the same variable, or no value is long enough to be masked.
Result<void> describe_values(const CredentialValue& value,
                             const std::vector<std::string>& plain_fields, Credential& credential);
// metadata.plainFields; kInvalidRequest if it is not a list of texts.
Result<std::vector<std::string>> plain_fields_of(const Credential& credential);

// The form in the vault.
Secret pack(const CredentialValue& value);
// kCorrupt if it is not one.
Result<CredentialValue> unpack(const Secret& packed);

}  // namespace personas::vault
