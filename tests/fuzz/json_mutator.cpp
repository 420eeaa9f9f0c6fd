// A mutator for inputs that are lines, some of them JSON objects: changes one member of one line,
// or moves, doubles and drops lines, so that most inputs stay valid and states behind the parser
// are reached. Every third time the bytes are left to libFuzzer, which knows nothing of lines.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "personas/base/clock.hpp"

#include "support.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace personas::fuzz {
namespace {

namespace bj = boost::json;

bj::value odd_value(SeededRandom& random) {
  constexpr std::int64_t kNumbers[] = {-1,  0,   1,          2,         3,
                                       255, 256, 2147483648, 1LL << 53, (1LL << 53) - 1};
  switch (random.below(9)) {
    case 0:
      return nullptr;
    case 1:
      return random.below(2) == 0;
    case 2:
      return 0.5;
    case 3:
      return "";
    case 4:
      return bj::string(random.below(300), 'x');
    case 5:
      return bj::array{1, "a"};
    case 6:
      return bj::object{{"a", 1}};
    default:
      return kNumbers[random.below(std::size(kNumbers))];
  }
}

bj::value* any_member(bj::value& value, SeededRandom& random) {
  if (auto* object = value.if_object(); object != nullptr && !object->empty()) {
    return &(object->begin() + static_cast<std::ptrdiff_t>(random.below(object->size())))->value();
  }
  if (auto* array = value.if_array(); array != nullptr && !array->empty()) {
    return &(*array)[random.below(array->size())];
  }
  return nullptr;
}

void change(bj::value& json, const std::vector<bj::value>& others, SeededRandom& random) {
  bj::value* at = &json;
  for (bj::value* inner = any_member(*at, random); inner != nullptr;
       inner = any_member(*at, random)) {
    at = inner;
    if (random.below(3) != 0) break;
  }
  if (at == &json) return;
  switch (random.below(6)) {
    case 0:  // what another line has there, or somewhere
      if (!others.empty()) {
        bj::value other = others[random.below(others.size())];
        if (const auto* member = any_member(other, random)) *at = bj::value(*member);
      }
      break;
    case 1:  // a number beside it
      if (at->is_int64() && at->get_int64() < (std::int64_t{1} << 62)) {
        *at = std::max<std::int64_t>(at->get_int64(), 0) + (random.below(2) == 0 ? 1 : -1);
      }
      break;
    case 2: {  // the member goes
      auto* object = json.if_object();
      if (object != nullptr && !object->empty()) {
        object->erase(object->begin() + static_cast<std::ptrdiff_t>(random.below(object->size())));
      }
      break;
    }
    default:
      *at = odd_value(random);
  }
}

std::string mutated(std::string_view text, SeededRandom& random) {
  std::vector<std::string> lines;
  std::vector<bj::value> jsons;
  for (const auto line : split(text, '\n')) {
    lines.emplace_back(line);
    boost::system::error_code wrong;
    auto json = bj::parse(bj::string_view(line.data(), line.size()), wrong);
    if (!wrong && json.is_object()) jsons.push_back(std::move(json));
  }
  if (lines.empty()) return {};
  const auto any = [&] { return random.below(lines.size()); };
  const auto place = [&](std::size_t at) {
    return lines.begin() + static_cast<std::ptrdiff_t>(at);
  };
  switch (random.below(8)) {
    case 0:
      lines.erase(place(any()));
      break;
    case 1:
      lines.insert(place(any()), std::string(lines[any()]));
      break;
    case 2:
      std::swap(lines[any()], lines[any()]);
      break;
    default: {
      const std::size_t first = any();
      for (std::size_t i = 0; i < lines.size(); ++i) {
        std::string& line = lines[(first + i) % lines.size()];
        boost::system::error_code wrong;
        auto json = bj::parse(line, wrong);
        if (wrong || !json.is_object()) continue;
        change(json, jsons, random);
        line = bj::serialize(json);
        break;
      }
    }
  }
  std::string out;
  for (const auto& line : lines) out += line + '\n';
  return out;
}

}  // namespace
}  // namespace personas::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  using namespace personas;
  SeededRandom random(seed);
  if (random.below(3) == 0) return LLVMFuzzerMutate(data, size, most);
  const std::string text = fuzz::mutated(fuzz::text_of(data, size), random);
  if (text.empty() || text.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, text.data(), text.size());
  return text.size();
}
