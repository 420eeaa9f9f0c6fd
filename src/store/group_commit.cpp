#include "personas/store/group_commit.hpp"

#include <algorithm>
#include <cassert>

namespace personas::store {

GroupCommit::Step GroupCommit::next() const {
  switch (state_) {
    case State::kMustRollBack:
      return Step::kRollback;
    case State::kInTransaction:
      return index_ < end_ ? Step::kRun : Step::kCommit;
    case State::kIdle:
      break;
  }
  return first_ < added_ ? Step::kBegin : Step::kWait;
}

std::size_t GroupCommit::batch_end() const {
  return std::min({added_, first_ + kMaxBatch, cut_});
}

void GroupCommit::began(Result<void> outcome) {
  assert(next() == Step::kBegin);
  index_ = first_;
  end_ = batch_end();
  if (!outcome) return decide_all(outcome.error());
  state_ = State::kInTransaction;
}

void GroupCommit::ran(Result<void> outcome, Wrote wrote) {
  assert(next() == Step::kRun);
  if (outcome || wrote == Wrote::kNothing) {
    results_.push_back(std::move(outcome));
    ++index_;
    return;
  }
  state_ = State::kMustRollBack;
  if (index_ == first_) {
    outcomes_.push_back({first_++, std::move(outcome)});
    return;
  }
  cut_ = index_;
  replays_ += index_ - first_ + 1;
}

void GroupCommit::committed(Result<void> outcome) {
  assert(next() == Step::kCommit);
  if (!outcome) {
    decide_all(outcome.error());
    state_ = State::kMustRollBack;
    return;
  }
  for (auto& result : results_) outcomes_.push_back({first_++, std::move(result)});
  results_.clear();
  state_ = State::kIdle;
  if (first_ == cut_) cut_ = kNoCut;
}

void GroupCommit::rolled_back() {
  assert(next() == Step::kRollback);
  results_.clear();
  state_ = State::kIdle;
}

void GroupCommit::decide_all(const Error& error) {
  while (first_ < end_) outcomes_.push_back({first_++, fail(error)});
  results_.clear();
  if (first_ == cut_) cut_ = kNoCut;
}

}  // namespace personas::store
