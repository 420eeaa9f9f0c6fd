// A described struct with one field of every kind, for the tests of this module.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas::codec_test {

enum class Status : std::uint8_t { kQueued, kRunning };

struct Line {
  std::string sku;
  std::int32_t qty = 1;
  bool operator==(const Line&) const = default;
};

struct Address {
  std::string city;
  std::optional<std::string> zip;
  bool operator==(const Address&) const = default;
};

struct Order {
  ExecutionId id;
  std::string title;
  bool gift = false;
  std::int64_t max_attempts = 3;
  double weight = 0.5;
  Status status = Status::kQueued;
  Timestamp created_at;
  std::optional<std::string> note;
  std::optional<PersonaId> persona_id;
  Address ship_to;
  std::optional<Address> bill_to;
  std::vector<Line> lines;
  std::map<std::string, std::int64_t> counts;
  codec::RawJson extra;
  codec::JsonText config;
  std::optional<std::string> secret;
  bool operator==(const Order&) const = default;
};

struct Node {
  std::string name;
  std::vector<Node> children;
  bool operator==(const Node&) const = default;
};

}  // namespace personas::codec_test

namespace personas {

template <>
struct codec::Described<codec_test::Status> {
  static constexpr std::string_view name = "Status";
  static constexpr std::array values{codec::value("queued", codec_test::Status::kQueued),
                                     codec::value("running", codec_test::Status::kRunning)};
};

template <>
struct codec::Described<codec_test::Line> {
  static constexpr std::string_view name = "Line";
  static constexpr auto fields =
      std::tuple{codec::field("sku", &codec_test::Line::sku).required().length(1, 20),
                 codec::field("qty", &codec_test::Line::qty).range(1, 20)};
};

template <>
struct codec::Described<codec_test::Address> {
  static constexpr std::string_view name = "Address";
  static constexpr auto fields =
      std::tuple{codec::field("city", &codec_test::Address::city).required(),
                 codec::field("zip", &codec_test::Address::zip)};
};

template <>
struct codec::Described<codec_test::Order> {
  using Order = codec_test::Order;
  static constexpr std::string_view name = "Order";
  static constexpr auto fields = std::tuple{
      codec::field("id", &Order::id).read_only().required(),
      codec::field("title", &Order::title).required().length(1, 200).doc("What it is called"),
      codec::field("gift", &Order::gift),
      codec::field("maxAttempts", &Order::max_attempts).range(1, 20),
      codec::field("weight", &Order::weight).number_range(0, 10),
      codec::field("status", &Order::status),
      codec::field("createdAt", &Order::created_at).read_only(),
      codec::field("note", &Order::note).length(0, 10),
      codec::field("personaId", &Order::persona_id),
      codec::field("shipTo", &Order::ship_to),
      codec::field("billTo", &Order::bill_to),
      codec::field("lines", &Order::lines).length(0, 3),
      codec::field("counts", &Order::counts).range(0, 100),
      codec::field("extra", &Order::extra),
      codec::field("config", &Order::config),
      codec::field("secret", &Order::secret).write_only()};
};

template <>
struct codec::Described<codec_test::Node> {
  static constexpr std::string_view name = "Node";
  static constexpr auto fields = std::tuple{codec::field("name", &codec_test::Node::name),
                                            codec::field("children", &codec_test::Node::children)};
};

}  // namespace personas

namespace personas::codec_test {

inline Order full_order() {
  Order order;
  order.id = ExecutionId("exe_1");
  order.title = "Büro \"A\"\n";
  order.gift = true;
  order.max_attempts = 7;
  order.weight = 0.1;
  order.status = Status::kRunning;
  order.created_at = Timestamp{1'795'231'860'123'000};
  order.note = "soon";
  order.persona_id = PersonaId("per_1");
  order.ship_to = {.city = "Wien", .zip = "1010"};
  order.bill_to = Address{.city = "Graz", .zip = {}};
  order.lines = {{.sku = "a", .qty = 2}, {.sku = "b", .qty = 3}};
  order.counts = {{"x/y", 1}, {"z", 2}};
  order.extra.text = R"({"a":[1,2.5,null]})";
  order.config.text = R"({"cron":"@daily"})";
  order.secret = "s3cret";
  return order;
}

}  // namespace personas::codec_test
