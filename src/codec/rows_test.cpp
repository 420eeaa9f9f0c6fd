#include "personas/codec/rows.hpp"

#include <gtest/gtest.h>

#include "test_types.hpp"

namespace personas::codec {
namespace {

using codec_test::full_order;
using codec_test::Order;

class CellRow : public RowReader {
 public:
  explicit CellRow(std::vector<Cell> cells) : cells_(std::move(cells)) {}
  std::vector<Cell>& cells() { return cells_; }

  bool is_null(int column) const override {
    return std::holds_alternative<std::monostate>(at(column));
  }
  std::int64_t integer(int column) const override { return std::get<std::int64_t>(at(column)); }
  double real(int column) const override { return std::get<double>(at(column)); }
  std::string_view text(int column) const override { return std::get<std::string>(at(column)); }
  ByteView bytes(int column) const override { return std::get<Bytes>(at(column)); }

 private:
  const Cell& at(int column) const { return cells_.at(static_cast<std::size_t>(column)); }
  std::vector<Cell> cells_;
};

TEST(Rows, RoundTripSecretsIncluded) {
  for (const Order& order : {full_order(), Order{}}) {
    const CellRow row(to_cells(order));
    const auto back = from_row<Order>(row);
    ASSERT_TRUE(back) << back.error().describe();
    EXPECT_EQ(*back, order);
  }
}

TEST(Rows, StartAtTheGivenColumn) {
  std::vector<Cell> cells = to_cells(full_order());
  cells.insert(cells.begin(), 3, Cell{});
  EXPECT_EQ(from_row<Order>(CellRow(cells), 3).value(), full_order());
}

TEST(Rows, NameColumnsInSnakeCaseInDeclarationOrder) {
  EXPECT_EQ(column_name("maxConcurrent"), "max_concurrent");
  EXPECT_EQ(columns<codec_test::Line>(), "sku, qty");
  EXPECT_EQ(columns<codec_test::Address>("a."), "a.city, a.zip");
  EXPECT_EQ(to_cells(Order{}).size(), type_info<Order>().fields.size());
}

TEST(Rows, StoreEachKindInItsForm) {
  const auto cells = to_cells(full_order());
  EXPECT_EQ(cells[0], Cell("exe_1"));
  EXPECT_EQ(cells[2], Cell(std::int64_t{1}));
  EXPECT_EQ(cells[4], Cell(0.1));
  EXPECT_EQ(cells[5], Cell("running"));
  EXPECT_EQ(cells[6], Cell(std::int64_t{1'795'231'860'123'000}));
  EXPECT_EQ(cells[10], Cell(R"({"city":"Graz"})"));
  EXPECT_EQ(cells[11], Cell(R"([{"sku":"a","qty":2},{"sku":"b","qty":3}])"));
  EXPECT_EQ(to_cells(Order{})[7], Cell(std::monostate{}));
}

TEST(Rows, ReportDamageWithTheColumn) {
  const auto error_with = [](std::size_t column, Cell cell) {
    CellRow row(to_cells(full_order()));
    row.cells()[column] = std::move(cell);
    const auto order = from_row<Order>(row);
    EXPECT_FALSE(order);
    EXPECT_EQ(order.error().code, ErrorCode::kCorrupt);
    return order.error().message;
  };
  EXPECT_EQ(error_with(1, {}), "a stored Order is damaged: column title is null");
  EXPECT_EQ(error_with(5, "lost"),
            "a stored Order is damaged: column status is not a known Status");
  EXPECT_TRUE(error_with(11, "[").starts_with(
      "a stored Order is damaged: column lines does not hold the expected JSON:"));
  CellRow line({Cell("a"), Cell(std::int64_t{1} << 40)});
  EXPECT_FALSE(from_row<codec_test::Line>(line));
}

}  // namespace
}  // namespace personas::codec
