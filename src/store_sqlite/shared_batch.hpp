// Operations for tests, and a way to make several of them one batch.
#pragma once

#include <future>
#include <string>
#include <vector>

#include "test_store.hpp"

namespace personas::store_sqlite {

// Submits operations so that they share a batch: the first one holds the writer until all are
// queued.
class SharedBatch {
 public:
  explicit SharedBatch(store::Store& store) : store_(store), opened_(gate_.get_future()) {
    submit([this](store::Transaction&) -> Result<void> {
      if (opened_.valid()) {
        started_.set_value();
        opened_.get();
      }
      return {};
    });
    started_.get_future().get();
  }
  void submit(store::Operation operation) {
    std::promise<Result<void>> promise;
    outcomes_.push_back(promise.get_future());
    store_.submit_write(std::move(operation), {},
                        [promise = std::move(promise)](Result<void> outcome) mutable {
                          promise.set_value(std::move(outcome));
                        });
  }
  // The outcomes of all but the gate, as "ok" or the code's name.
  std::vector<std::string> finish() {
    gate_.set_value();
    std::vector<std::string> names;
    for (auto& outcome : outcomes_) {
      const auto result = outcome.get();
      names.emplace_back(result ? "ok" : info(result.error().code).name);
    }
    names.erase(names.begin());
    return names;
  }

 private:
  store::Store& store_;
  std::promise<void> started_;
  std::promise<void> gate_;
  std::future<void> opened_;
  std::vector<std::future<Result<void>>> outcomes_;
};

// Writes three rows and a journal record, or fails after the rows before `failing_after`.
inline store::Operation note(std::string id, int failing_after = 99) {
  return [id = std::move(id), failing_after](store::Transaction& tx) -> Result<void> {
    for (int part = 0; part < 3; ++part) {
      if (part == failing_after) return fail(ErrorCode::kUnprocessable, "refused");
      TRY_VOID(insert_note(tx, fmt::format("{}/{}", id, part), part));
    }
    TRY_VOID(append_note(tx, id));
    return {};
  };
}

}  // namespace personas::store_sqlite
