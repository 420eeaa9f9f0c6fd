#include "personas/codec/schema.hpp"

#include <string>

#include <gtest/gtest.h>

#include "personas/codec/json.hpp"

#include "test_types.hpp"

namespace personas::codec {
namespace {

namespace bj = boost::json;
using codec_test::Order;

std::string text_of(const bj::value& value) {
  return codec::serialize(value);
}

std::string property(const bj::object& components, std::string_view schema, std::string_view name) {
  const auto& properties = components.at(schema).at("properties").as_object();
  const auto* found = properties.if_contains(name);
  return found ? text_of(*found) : "absent";
}

TEST(Schema, DescribesRequests) {
  bj::object components;
  EXPECT_EQ(text_of(schema_of<Order>(SchemaUse::kRequest, components)),
            R"({"$ref":"#/components/schemas/OrderInput"})");
  const auto of = [&](std::string_view name) { return property(components, "OrderInput", name); };
  EXPECT_EQ(of("id"), "absent");
  EXPECT_EQ(of("createdAt"), "absent");
  EXPECT_EQ(of("title"),
            R"({"type":"string","minLength":1,"maxLength":200,"description":"What it is called"})");
  EXPECT_EQ(of("gift"), R"({"type":"boolean"})");
  EXPECT_EQ(of("maxAttempts"), R"({"type":"integer","format":"int64","minimum":1,"maximum":20})");
  EXPECT_EQ(of("weight"), R"({"type":"number","format":"double","minimum":0,"maximum":10})");
  EXPECT_EQ(of("status"), R"({"$ref":"#/components/schemas/Status"})");
  EXPECT_EQ(of("note"), R"({"type":["string","null"],"maxLength":10})");
  EXPECT_EQ(of("shipTo"), R"({"$ref":"#/components/schemas/AddressInput"})");
  EXPECT_EQ(of("billTo"),
            R"({"anyOf":[{"$ref":"#/components/schemas/AddressInput"},{"type":"null"}]})");
  EXPECT_EQ(of("lines"),
            R"({"type":"array","items":{"$ref":"#/components/schemas/LineInput"},"maxItems":3})");
  EXPECT_EQ(of("counts"), R"({"type":"object","additionalProperties":)"
                          R"({"type":"integer","format":"int64","minimum":0,"maximum":100}})");
  EXPECT_EQ(of("extra"), "{}");
  EXPECT_EQ(of("config"),
            R"({"type":["string","object","array"],"contentMediaType":"application/json"})");
  EXPECT_EQ(of("secret"), R"({"type":["string","null"]})");
  EXPECT_EQ(text_of(components.at("OrderInput").at("required")), R"(["title"])");
  EXPECT_EQ(components.at("OrderInput").at("additionalProperties"), false);
  EXPECT_EQ(text_of(components.at("Status")), R"({"type":"string","enum":["queued","running"]})");
}

TEST(Schema, DescribesResponses) {
  bj::object components;
  EXPECT_EQ(text_of(schema_of<Order>(SchemaUse::kResponse, components)),
            R"({"$ref":"#/components/schemas/Order"})");
  EXPECT_EQ(property(components, "Order", "secret"), "absent");
  EXPECT_EQ(property(components, "Order", "createdAt"),
            R"({"type":"string","format":"date-time"})");
  EXPECT_EQ(property(components, "Order", "config"), R"({"type":"string"})");
  EXPECT_EQ(components.at("Order").at("required").as_array().size(),
            type_info<Order>().fields.size() - 1);
  EXPECT_FALSE(components.at("Order").as_object().contains("additionalProperties"));
}

TEST(Schema, RequiresNothingAtTheTopOfAPatch) {
  bj::object components;
  schema_of<Order>(SchemaUse::kPatch, components);
  EXPECT_FALSE(components.at("OrderPatch").as_object().contains("required"));
  EXPECT_TRUE(components.at("LineInput").as_object().contains("required"));
}

TEST(Schema, EndsForTypesThatContainThemselves) {
  bj::object components;
  schema_of<codec_test::Node>(SchemaUse::kResponse, components);
  EXPECT_EQ(property(components, "Node", "children"),
            R"({"type":"array","items":{"$ref":"#/components/schemas/Node"}})");
}

TEST(Schema, DescribesListsAtTheTop) {
  bj::object components;
  EXPECT_EQ(text_of(schema_of<std::vector<codec_test::Line>>(SchemaUse::kResponse, components)),
            R"({"type":"array","items":{"$ref":"#/components/schemas/Line"}})");
}

}  // namespace
}  // namespace personas::codec
