// Groups of personas. Functions over a Transaction.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "personas/catalog/types.hpp"
#include "personas/model/persona.hpp"
#include "personas/store/store.hpp"

namespace personas::catalog {

// More is no order any more, and one list holds them all.
inline constexpr std::int64_t kMaxGroups = 1'000;

// In their order, then by name.
Result<std::vector<Group>> list_groups(store::Transaction& tx, const TenantId& tenant);
Result<std::optional<Group>> find_group(store::Transaction& tx, const TenantId& tenant,
                                        const GroupId& id);
Result<std::optional<Group>> find_group_by_name(store::Transaction& tx, const TenantId& tenant,
                                                std::string_view name);
// kConflict if the name is taken, kUnprocessable at kMaxGroups.
Result<void> insert_group(store::Transaction& tx, const TenantId& tenant, const Group& group);
Result<void> update_group(store::Transaction& tx, const TenantId& tenant, const Group& group);
// Its personas stay, without a group. False if there is none.
Result<bool> delete_group(store::Transaction& tx, const TenantId& tenant, const GroupId& id);

// Oldest first, those of one group; `after` is an id.
Result<std::vector<Persona>> personas_of_group(store::Transaction& tx, const TenantId& tenant,
                                               std::string_view group, std::string_view after,
                                               std::int64_t limit);

// A persona's groupId names a group. A tenant without any group may keep what it likes there, as
// clients of the first generation do, and a value that is not new is not looked at.
Result<void> check_group(store::Transaction& tx, const TenantId& tenant,
                         const std::optional<std::string>& before,
                         const std::optional<std::string>& after);

}  // namespace personas::catalog
