#include "personas/store/sql.hpp"

namespace personas::store {

Value::Value(const codec::Cell& cell) {
  std::visit(
      [this](const auto& value) {
        using T = std::remove_cvref_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>) {
          v_ = std::string_view(value);
        } else if constexpr (std::is_same_v<T, Bytes>) {
          v_ = ByteView(value);
        } else {
          v_ = value;
        }
      },
      cell);
}

}  // namespace personas::store
