// Where a list goes on: the id of the last entry shown, authenticated for one tenant and one list,
// so that a cursor cannot be made up or carried elsewhere. Immutable; any thread.
#pragma once

#include <string>
#include <string_view>

#include "personas/base/bytes.hpp"
#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/base/secret.hpp"

namespace personas::operations {

class PageCursors {
 public:
  explicit PageCursors(Secret key) : key_(std::move(key)) {}

  // `list` is the id of the operation.
  std::string encode(const TenantId& tenant, std::string_view list, std::string_view last) const;
  // The error's field is "query.cursor".
  Result<std::string> decode(const TenantId& tenant, std::string_view list,
                             std::string_view cursor) const;

 private:
  Bytes tag(const TenantId& tenant, std::string_view list, std::string_view last) const;

  Secret key_;
};

}  // namespace personas::operations
