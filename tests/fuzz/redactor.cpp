// Masking of secrets, against a search that is written to be obvious: the first lines of an input
// are secrets, an empty line, then the text, in which "$n" stands for the n-th secret, "$nb" for
// its base64, "$nh" for its hexadecimal, "$nj" for its JSON form. Every form that stands in the
// text is masked, nothing else is, and both in the same way however the stream is cut.
#include "personas/base/redactor.hpp"

#include <algorithm>

#include "personas/base/bytes.hpp"

#include "secret_forms.hpp"
#include "support.hpp"

namespace personas::fuzz {
namespace {

constexpr std::size_t kMaxSecrets = 4;

std::string text_with(std::string_view text, const std::vector<std::string>& secrets) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t which =
        text[i] == '$' && i + 1 < text.size() ? static_cast<std::size_t>(text[i + 1] - '0') : 99;
    if (which >= secrets.size()) {
      out += text[i];
      continue;
    }
    const std::string& secret = secrets[which];
    ++i;
    const char form = i + 1 < text.size() ? text[i + 1] : ' ';
    if (form == 'b') {
      out += to_base64(as_bytes(secret));
    } else if (form == 'h') {
      out += to_hex(as_bytes(secret));
    } else if (form == 'j') {
      out += boost::json::serialize(boost::json::value(secret));
    } else {
      out += secret;
      continue;
    }
    ++i;
  }
  return out;
}

// Bytes that belong to a form, found by looking at every position.
std::vector<bool> covered(std::string_view text, const std::vector<std::string>& secrets) {
  std::vector<bool> cover(text.size());
  for (const auto& secret : secrets) {
    const auto forms = forms_of(secret, kMinRedactedLength);
    for (const auto* list : {&forms.exact, &forms.armoured}) {
      for (const auto& form : *list) {
        for (auto at = text.find(form); at != std::string_view::npos;
             at = text.find(form, at + 1)) {
          std::fill_n(cover.begin() + static_cast<std::ptrdiff_t>(at), form.size(), true);
        }
      }
    }
  }
  return cover;
}

std::string streamed(const std::shared_ptr<const Redactor>& redactor,
                     const std::vector<std::string_view>& pieces) {
  StreamRedactor stream(redactor);
  std::string out;
  for (const auto piece : pieces) out += stream.push(piece);
  return out + stream.finish();
}

}  // namespace
}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas;
  using namespace personas::fuzz;
  std::string_view rest = text_of(data, size);
  std::vector<std::string> values;
  while (!rest.empty()) {
    const auto line = take_line(rest);
    if (line.empty() || values.size() == kMaxSecrets) break;
    values.emplace_back(line);
    std::ranges::replace(values.back(), '\t', '\n');  // a value of several lines
  }
  const std::string text = text_with(rest, values);
  std::vector<NamedSecret> secrets;
  for (const auto& value : values) {
    secrets.push_back({"S" + std::to_string(secrets.size()), Secret(value)});
  }
  const auto redactor = std::make_shared<const Redactor>(secrets);

  const auto cover = covered(text, values);
  const auto found = redactor->find(text);
  std::vector<bool> masked(text.size());
  std::size_t last = 0;
  for (const auto& span : found.spans) {
    PERSONAS_FUZZ_CHECK(last <= span.begin && span.begin < span.end && span.end <= text.size(),
                        "spans are in order and disjoint");
    last = span.end;
    for (std::size_t i = span.begin; i < span.end; ++i) masked[i] = true;
    // Across a line break the obvious search finds nothing; then the break must be there.
    const auto inside = std::string_view(text).substr(span.begin, span.end - span.begin);
    const auto from = cover.begin() + static_cast<std::ptrdiff_t>(span.begin);
    const bool all = std::all_of(from, from + static_cast<std::ptrdiff_t>(inside.size()),
                                 [](bool is) { return is; });
    PERSONAS_FUZZ_CHECK(all || inside.find_first_of("\n\r \t\\") != std::string_view::npos,
                        "nothing but secrets is masked:", inside);
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    PERSONAS_FUZZ_CHECK(!cover[i] || masked[i],
                        "a form of a secret is masked:", std::string_view(text).substr(i, 40));
  }

  const std::string whole = redactor->redact(text);
  if (found.spans.empty()) PERSONAS_FUZZ_CHECK(whole == text, "text without secrets stays");
  for (const auto& pieces : cuttings(text)) {
    PERSONAS_FUZZ_CHECK(streamed(redactor, pieces) == whole, "however it is cut:", whole);
  }
  return 0;
}
