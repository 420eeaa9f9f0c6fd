#include "personas/catalog/health_check.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace personas::catalog {
namespace {

constexpr int kCheckSeconds = 30;

// Text that no shell reads anything into.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += R"('\'')";
    } else {
      out += c;
    }
  }
  return out + "'";
}

class Script {
 public:
  Script(const Connector& connector, const Credential& credential,
         std::string (*variable_of)(std::string_view, std::string_view))
      : connector_(connector), credential_(credential), variable_of_(variable_of) {}

  Result<std::string> write() {
    if (!connector_.check) {
      return fail(ErrorCode::kUnprocessable,
                  fmt::format("There is no health check for {}", connector_.title));
    }
    TRY_VOID(require_fields());
    const HealthCheck& check = *connector_.check;
    out_ = "umask 077\n";
    std::string arguments;
    if (!check.headers.empty()) {
      out_ += ": > headers\n";
      for (const auto& [name, value] : check.headers) {
        out_ += fmt::format("printf '%s: %s\\n' {} {} >> headers\n", quoted(name), words(value));
      }
      arguments += " -H @headers";
    }
    int part = 0;
    for (const auto& [name, value] : check.form) {
      out_ += fmt::format("printf %s {} > form{}\n", words(value), part);
      arguments += fmt::format(" --data-urlencode {}@form{}", quoted(name), part++);
    }
    if (check.method == "POST" && check.form.empty()) arguments += " --data ''";
    out_ += fmt::format(
        "status=$(curl -sS -g --max-time {} --max-filesize 1000000 --proto =http,https -X {} -o "
        "answer "
        "-w '%{{http_code}}'{} -- {} 2> trouble)\ncode=$?\n",
        kCheckSeconds, quoted(check.method), arguments, words(check.url));
    out_ += verdict(check);
    return out_;
  }

 private:
  Result<void> require_fields() const {
    std::vector<FieldError> missing;
    for (const auto& field : connector_.fields) {
      const auto& present = credential_.fields;
      if (!field.required || std::ranges::find(present, field.name) != present.end()) continue;
      missing.push_back({"/fields/" + field.name, "is missing: " + field.label});
    }
    if (missing.empty()) return {};
    return fail(ErrorCode::kUnprocessable,
                fmt::format("The credential '{}' lacks what {} needs; see: personas connector show "
                            "{}",
                            credential_.name, connector_.title, connector_.type),
                std::move(missing));
  }

  // "{field}" as its variable, or what stands for it when nobody gave a value; the rest as it is.
  std::string words(std::string_view text) const {
    std::string out;
    while (!text.empty()) {
      const auto open = text.find('{');
      const auto close = open == std::string_view::npos ? open : text.find('}', open);
      if (close == std::string_view::npos) return out + quoted(text);
      if (open > 0) out += quoted(text.substr(0, open));
      out += value_of(text.substr(open + 1, close - open - 1));
      text.remove_prefix(close + 1);
    }
    return out.empty() ? "''" : out;
  }

  std::string value_of(std::string_view name) const {
    const auto& present = credential_.fields;
    const auto field = std::ranges::find(connector_.fields, name, &ConnectorField::name);
    const bool given = std::ranges::find(present, name) != present.end();
    if (given) return fmt::format("\"${{{}}}\"", variable_of_(credential_.name, name));
    return quoted(field == connector_.fields.end() ? "" : field->fallback.value_or(""));
  }

  // The last line is the outcome. Nothing that the service said is in it.
  std::string verdict(const HealthCheck& check) const {
    const std::string say =
        R"(say() { printf '{"outcome_assessment":{"accomplished":%s,"summary":"%s"}}\n' )"
        R"("$1" "$2"; })"
        "\n";
    const std::string text =
        check.expect_text ? fmt::format("grep -qF -- {} answer", quoted(*check.expect_text)) : ":";
    return say +
           fmt::format(
               "if [ \"$code\" -ne 0 ]; then\n"
               "  say false \"{0} cannot be reached: curl ended with $code\"\n"
               "  exit 0\nfi\n"
               "case $status in\n"
               "  {1})\n"
               "    if {2}; then say true \"{0} takes the credential\"\n"
               "    else say false \"{0} answered $status, but refuses the credential\"; fi ;;\n"
               "  401|403) say false \"{0} refuses the credential: $status\" ;;\n"
               "  *) say false \"{0} answered $status instead of {3}\" ;;\n"
               "esac\n",
               connector_.title, fmt::join(check.expect_status, "|"), text,
               fmt::join(check.expect_status, " or "));
  }

  const Connector& connector_;
  const Credential& credential_;
  std::string (*variable_of_)(std::string_view, std::string_view);
  std::string out_;
};

}  // namespace

Result<std::string> check_script(const Connector& connector, const Credential& credential,
                                 std::string (*variable_of)(std::string_view, std::string_view)) {
  Script script(connector, credential, variable_of);
  return script.write();
}

}  // namespace personas::catalog
