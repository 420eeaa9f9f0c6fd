// personas_fill_schedules DATABASE NAME COUNT CONFIG SLOT: puts COUNT triggers with the same config
// and next slot (microseconds) into the database of a stopped server, through its own store, which
// keeps checksums of its pages. For bench/schedules.mjs.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fmt/format.h>

#include "personas/store/blocking.hpp"
#include "personas/store/row_sql.hpp"
#include "personas/store_sqlite/open.hpp"
#include "personas/triggers/trigger_store.hpp"

namespace {

using namespace personas;

constexpr std::int64_t kInCommit = 10'000;

struct Filling {
  std::string name;
  std::int64_t count = 0;
  std::string config;
  Timestamp slot;
};

Result<void> insert(store::Transaction& tx, const Filling& filling, std::int64_t number) {
  static const store::Sql kInsert(store::insert<Trigger>("triggers"));
  Trigger trigger{.id = TriggerId(fmt::format("trg_{}_{}", filling.name, number)),
                  .persona_id = PersonaId(fmt::format("per_{}", number / triggers::kMaxTriggers))};
  trigger.config.text = filling.config;
  trigger.next_slot = trigger.next_trigger_at = filling.slot;
  trigger.created_at = trigger.updated_at = filling.slot;
  TRY_VOID(tx.execute_cells(kInsert, store::cells_of(default_tenant(), trigger)));
  return {};
}

Result<void> fill(const std::string& path, const Filling& filling) {
  TRY(const auto store, store_sqlite::open_sqlite({.path = path}, [](const Error& error) {
        std::fprintf(stderr, "%s\n", error.message.c_str());
        std::abort();
      }));
  for (std::int64_t begin = 0; begin < filling.count; begin += kInCommit) {
    TRY_VOID(store::write_now(*store, [&](store::Transaction& tx) -> Result<void> {
      for (auto i = begin; i < std::min(begin + kInCommit, filling.count); ++i) {
        TRY_VOID(insert(tx, filling, i));
      }
      return {};
    }));
  }
  return {};
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 6) return 64;
  const auto done = fill(arguments[1], {.name = arguments[2],
                                        .count = std::strtoll(arguments[3], nullptr, 10),
                                        .config = arguments[4],
                                        .slot = {std::strtoll(arguments[5], nullptr, 10)}});
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().describe().c_str());
  return 1;
}
