// A real store in a folder of its own, for the tests of this module.
#pragma once

#include <filesystem>
#include <stdlib.h>
#include <string>

#include <gtest/gtest.h>

#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store_sqlite/open.hpp"
#include "personas/triggers/trigger_store.hpp"

namespace personas::triggers {

class StoreTest : public testing::Test {
 protected:
  ~StoreTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open() {
    store_.reset();
    store_ = *store_sqlite::open_sqlite({.path = folder_ / "test.db"}, [](const Error& error) {
      ADD_FAILURE() << error.describe();
    });
  }

  template <class F>
  auto write(F operation) {
    auto done = store::write_now(*store_, std::move(operation));
    EXPECT_TRUE(done) << done.error().describe();
    return done;
  }
  template <class F>
  auto read(F operation) {
    auto done = store::read_now(*store_, std::move(operation));
    EXPECT_TRUE(done) << done.error().describe();
    return std::move(*done);
  }
  StoreTest() {
    std::string pattern = testing::TempDir() + "personas-triggers-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    open();
    write([](store::Transaction& tx) {
      return store::migrate(tx, store::schema_migrations(), Timestamp{1});
    });
  }
  Trigger trigger(const std::string& id) {
    return *read(
        [&](store::Transaction& tx) { return find_trigger(tx, default_tenant(), TriggerId(id)); });
  }
  std::vector<TriggerFiring> firings(const std::string& id) {
    return read([&](store::Transaction& tx) {
      return list_firings(tx, default_tenant(), TriggerId(id), {.limit = 500, .after = {}});
    });
  }

  std::filesystem::path folder_;
  std::unique_ptr<store::Store> store_;
};

}  // namespace personas::triggers
