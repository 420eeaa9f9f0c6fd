#include "channel.hpp"

#include <cstring>

namespace personas::sandbox_linux {
namespace {

// Changes with the layout of the plan or of a packet.
constexpr std::int64_t kVersion = 1;

class Writer {
 public:
  void number(std::int64_t value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out_.append(bytes, sizeof bytes);
  }
  void text(std::string_view value) {
    number(static_cast<std::int64_t>(value.size()));
    out_.append(value);
  }
  void texts(const std::vector<std::string>& values) {
    number(static_cast<std::int64_t>(values.size()));
    for (const auto& value : values) text(value);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// Reads what Writer wrote; after the first lack of bytes everything is empty and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}
  std::int64_t number() {
    std::int64_t value = 0;
    if (in_.size() < sizeof value) return broken();
    std::memcpy(&value, in_.data(), sizeof value);
    in_.remove_prefix(sizeof value);
    return value;
  }
  std::string text() {
    std::int64_t size = number();
    if (size < 0 || static_cast<std::uint64_t>(size) > in_.size()) {
      broken();
      return {};
    }
    std::string value(in_.substr(0, static_cast<std::size_t>(size)));
    in_.remove_prefix(static_cast<std::size_t>(size));
    return value;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> values;
    for (std::int64_t left = number(); left > 0 && ok_; --left) values.push_back(text());
    return values;
  }
  bool complete() const { return ok_ && in_.empty(); }

 private:
  std::int64_t broken() {
    ok_ = false;
    in_ = {};
    return 0;
  }
  std::string_view in_;
  bool ok_ = true;
};

}  // namespace

std::string encode(const Plan& plan) {
  Writer out;
  out.number(kVersion);
  out.text(plan.program);
  out.texts(plan.argv);
  out.texts(plan.environment);
  out.text(plan.working_directory);
  out.text(plan.bubblewrap_arguments);
  out.number(plan.lease_until);
  out.number(plan.wall_limit);
  out.number(plan.max_file_bytes);
  out.number(plan.max_processes);
  out.number(plan.max_data_bytes);
  return out.take();
}

Result<Plan> decode(std::string_view text) {
  Reader in(text);
  if (in.number() != kVersion) {
    return fail(ErrorCode::kMisconfigured, "the supervisor is of another version than the worker");
  }
  Plan plan;
  plan.program = in.text();
  plan.argv = in.texts();
  plan.environment = in.texts();
  plan.working_directory = in.text();
  plan.bubblewrap_arguments = in.text();
  plan.lease_until = in.number();
  plan.wall_limit = in.number();
  plan.max_file_bytes = in.number();
  plan.max_processes = in.number();
  plan.max_data_bytes = in.number();
  if (!in.complete()) return fail(ErrorCode::kCorrupt, "the plan of the attempt is damaged");
  return plan;
}

}  // namespace personas::sandbox_linux
