#include "personas/store/journal.hpp"

#include <set>

#include <gtest/gtest.h>

namespace personas::store {
namespace {

JournalDraft draft() {
  return {.tenant = TenantId("ten_a"),
          .at = {1'800'000'000'123'456},
          .type = "execution.queued",
          .data = R"({"executionId":"exe_1","data":{"n":1}})"};
}

TEST(Journal, CanonicalBytesHaveOneForm) {
  EXPECT_EQ(canonical_bytes(draft()),
            R"({"v":1,"tenant":"ten_a","at":1800000000123456,"type":"execution.queued",)"
            R"("data":{"executionId":"exe_1","data":{"n":1}}})");
}

TEST(Journal, ARecordShowsItsDataWithoutParsing) {
  JournalRecord record;
  record.bytes = canonical_bytes(draft());
  EXPECT_EQ(record.data(), draft().data);
  auto hostile = draft();
  hostile.tenant = TenantId(R"(x","data":{})");
  record.bytes = canonical_bytes(hostile);
  EXPECT_EQ(record.data(), draft().data);
}

TEST(Journal, LeafHashIsTheOneOfRfc6962) {
  EXPECT_EQ(to_hex(leaf_hash("")),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  EXPECT_EQ(to_hex(leaf_hash(std::string_view("\0", 1))),
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7");
  EXPECT_EQ(to_hex(leaf_hash("")), to_hex(leaf_hash("")));
}

class Cursor : public testing::Test {
 protected:
  const Bytes key = Bytes(32, 7);
  const CursorCodec codec{key};
  const TenantId tenant{"ten_a"};
};

TEST_F(Cursor, RoundTripsEveryPosition) {
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{1}, std::int64_t{4'711},
                                   std::numeric_limits<std::int64_t>::max()}) {
    const auto decoded = codec.decode(tenant, codec.encode(tenant, {value}));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->value, value);
  }
}

TEST_F(Cursor, IsEqualForEqualPositionsAndTellsNothingAboutDistances) {
  EXPECT_EQ(codec.encode(tenant, {5}), codec.encode(tenant, {5}));
  std::set<std::string> cursors;
  for (std::int64_t i = 0; i < 100; ++i) cursors.insert(codec.encode(tenant, {i}).substr(12));
  EXPECT_EQ(cursors.size(), 100U) << "the hidden position differs even where tags are cut off";
}

TEST_F(Cursor, OfAnotherTenantOrAnotherKeyIsRefused) {
  const auto cursor = codec.encode(tenant, {5});
  const auto other = codec.decode(TenantId("ten_b"), cursor);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kInvalidRequest);
  EXPECT_FALSE(CursorCodec(Bytes(32, 8)).decode(tenant, cursor));
}

TEST_F(Cursor, ChangedOrInventedIsRefused) {
  const auto cursor = codec.encode(tenant, {5});
  for (std::size_t i = 0; i < cursor.size(); ++i) {
    auto changed = cursor;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(codec.decode(tenant, changed)) << i;
  }
  for (const auto* text : {"", "5", "not a cursor", "AAAAAAAAAAAAAAAAAAAAAAA"}) {
    EXPECT_FALSE(codec.decode(tenant, text)) << text;
  }
  EXPECT_FALSE(codec.decode(tenant, cursor + "="));
}

}  // namespace
}  // namespace personas::store
