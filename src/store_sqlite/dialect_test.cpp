#include "dialect.hpp"

#include <gtest/gtest.h>

namespace personas::store_sqlite {
namespace {

TEST(Dialect, TranslatesTypesAndKeysATableByItsPrimaryKey) {
  EXPECT_EQ(to_sqlite("CREATE TABLE t (id text PRIMARY KEY, n int64 NOT NULL, x float64, b bytes)"),
            "CREATE TABLE t (id TEXT PRIMARY KEY, n INTEGER NOT NULL, x REAL, b BLOB)"
            " STRICT, WITHOUT ROWID");
}

TEST(Dialect, ATableKeyedByOneIntegerKeepsTheRowid) {
  EXPECT_EQ(to_sqlite("CREATE TABLE t (position int64 PRIMARY KEY, b bytes)"),
            "CREATE TABLE t (position INTEGER PRIMARY KEY, b BLOB) STRICT");
  EXPECT_EQ(to_sqlite("CREATE TABLE t (position int64 NOT NULL, b bytes, PRIMARY KEY (position))"),
            "CREATE TABLE t (position INTEGER NOT NULL, b BLOB, PRIMARY KEY (position)) STRICT");
  EXPECT_EQ(to_sqlite("CREATE TABLE t (id text NOT NULL, n int64, PRIMARY KEY (id))"),
            "CREATE TABLE t (id TEXT NOT NULL, n INTEGER, PRIMARY KEY (id)) STRICT, WITHOUT ROWID");
  EXPECT_EQ(to_sqlite("CREATE TABLE t (n int64 NOT NULL, id text, PRIMARY KEY (id, n))"),
            "CREATE TABLE t (n INTEGER NOT NULL, id TEXT, PRIMARY KEY (id, n))"
            " STRICT, WITHOUT ROWID");
}

TEST(Dialect, LeavesNamesDefaultsAndChecksAlone) {
  EXPECT_EQ(to_sqlite("CREATE TABLE t (bytes int64, text text DEFAULT 'a bytes', "
                      "PRIMARY KEY (text), CHECK (0 < bytes AND bytes < 5))"),
            "CREATE TABLE t (bytes INTEGER, text TEXT DEFAULT 'a bytes', "
            "PRIMARY KEY (text), CHECK (0 < bytes AND bytes < 5)) STRICT, WITHOUT ROWID");
  EXPECT_EQ(to_sqlite("CREATE INDEX i ON t (bytes, text)"), "CREATE INDEX i ON t (bytes, text)");
  EXPECT_EQ(to_sqlite("ALTER TABLE t ADD COLUMN bytes bytes"),
            "ALTER TABLE t ADD COLUMN bytes BLOB");
  EXPECT_EQ(to_sqlite("UPDATE t SET text = 'x' WHERE NOT bytes"),
            "UPDATE t SET text = 'x' WHERE NOT bytes");
}

}  // namespace
}  // namespace personas::store_sqlite
