#include "personas/store/migrations.hpp"

#include <cassert>

#include <openssl/sha.h>

#include "personas/base/bytes.hpp"
#include "personas/store/store.hpp"

namespace personas::store {

namespace {

struct Applied {
  std::int64_t version;
  std::string name;
  std::string checksum;
};

std::string checksum_of(std::string_view script) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  const auto bytes = as_bytes(script);
  SHA256(bytes.data(), bytes.size(), digest.data());
  return to_hex(digest);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

Result<std::vector<Applied>> applied_migrations(Transaction& tx) {
  static const Sql kList{"SELECT version, name, checksum FROM schema_migrations ORDER BY version"};
  std::vector<Applied> all;
  TRY_VOID(tx.query(kList, {}, [&](const Row& row) -> Result<bool> {
    all.push_back({row.integer(0), std::string(row.text(1)), std::string(row.text(2))});
    return true;
  }));
  return all;
}

Result<void> check_history(std::span<const Migration> ours, const std::vector<Applied>& applied) {
  if (applied.size() > ours.size()) {
    return fail(ErrorCode::kMisconfigured,
                fmt::format("the database has schema version {} and this program knows {}: a newer "
                            "version wrote it; start that one, or restore a backup",
                            applied.back().version, ours.size()));
  }
  for (std::size_t i = 0; i < applied.size(); ++i) {
    if (applied[i].version == ours[i].version && applied[i].checksum == checksum_of(ours[i].sql)) {
      continue;
    }
    return fail(
        ErrorCode::kMisconfigured,
        fmt::format("migration {} of the database ({}) differs from this program's ({}): "
                    "another line of versions wrote it; start that one, or restore a backup",
                    applied[i].version, applied[i].name, ours[i].name));
  }
  return {};
}

Result<void> apply(Transaction& tx, const Migration& migration, Timestamp now) {
  static const Sql kRecord{
      "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)"};
  for (const auto& statement : split_statements(migration.sql)) {
    if (auto defined = tx.define(statement); !defined) {
      auto error = std::move(defined).error();
      error.message =
          fmt::format("migration {} ({}): {}", migration.version, migration.name, error.message);
      return fail(std::move(error));
    }
  }
  TRY_VOID(tx.execute(
      kRecord, {std::int64_t{migration.version}, migration.name, checksum_of(migration.sql), now}));
  return {};
}

}  // namespace

std::vector<std::string> split_statements(std::string_view script) {
  std::vector<std::string> statements;
  std::string statement;
  while (!script.empty()) {
    const auto end = script.find('\n');
    const auto line = script.substr(0, end);
    script.remove_prefix(end == std::string_view::npos ? script.size() : end + 1);
    const auto content = trimmed(line);
    if (content.empty() || content.starts_with("--")) continue;
    statement += line;
    if (content.ends_with(';')) {
      const auto text = trimmed(statement);
      statements.emplace_back(text.substr(0, text.size() - 1));
      statement.clear();
    } else {
      statement += '\n';
    }
  }
  if (const auto rest = trimmed(statement); !rest.empty()) statements.emplace_back(rest);
  return statements;
}

Result<int> migrate(Transaction& tx, std::span<const Migration> migrations, Timestamp now) {
  for (std::size_t i = 0; i < migrations.size(); ++i) {
    assert(migrations[i].version == static_cast<int>(i) + 1);
  }
  TRY_VOID(
      tx.define("CREATE TABLE IF NOT EXISTS schema_migrations (version int64 PRIMARY KEY, "
                "name text NOT NULL, checksum text NOT NULL, applied_at int64 NOT NULL)"));
  TRY(const auto applied, applied_migrations(tx));
  TRY_VOID(check_history(migrations, applied));
  const auto missing = migrations.subspan(applied.size());
  for (const auto& migration : missing) TRY_VOID(apply(tx, migration, now));
  return static_cast<int>(missing.size());
}

}  // namespace personas::store
