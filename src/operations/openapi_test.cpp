#include "personas/operations/openapi.hpp"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "personas/codec/json.hpp"
#include "personas/model/journal_record_types.hpp"
#include "personas/operations/table.hpp"

namespace personas::operations {
namespace {

namespace bj = boost::json;

// Every "$ref" in the document, wherever it stands.
void collect_refs(const bj::value& value, std::set<std::string>& refs) {
  if (const auto* array = value.if_array()) {
    for (const auto& element : *array) collect_refs(element, refs);
  } else if (const auto* object = value.if_object()) {
    for (const auto& member : *object) {
      if (member.key() == "$ref" && member.value().is_string()) {
        refs.insert(std::string(member.value().as_string()));
      } else {
        collect_refs(member.value(), refs);
      }
    }
  }
}

class OpenApi : public testing::Test {
 protected:
  bj::object document_ = openapi_document(all_operations(), "1.2.3");
  const bj::object& schemas() { return document_["components"].as_object()["schemas"].as_object(); }
};

TEST_F(OpenApi, EveryReferenceLeadsToASchema) {
  std::set<std::string> refs;
  collect_refs(document_, refs);
  EXPECT_GT(refs.size(), 20U);
  const std::string prefix = "#/components/schemas/";
  for (const auto& ref : refs) {
    ASSERT_TRUE(ref.starts_with(prefix)) << ref;
    const auto* schema = schemas().if_contains(ref.substr(prefix.size()));
    ASSERT_NE(schema, nullptr) << ref;
    EXPECT_TRUE(schema->is_object()) << ref;
  }
}

TEST_F(OpenApi, EveryOperationOfTheTableIsThereWithItsResponses) {
  const auto& paths = document_["paths"].as_object();
  std::size_t described = 0;
  for (const auto& item : paths) described += item.value().as_object().size();
  EXPECT_EQ(described, all_operations().size());
  for (const auto& operation : all_operations()) {
    std::string method(operation.method);
    for (auto& c : method) c = static_cast<char>(c + 32);
    const auto& found = paths.at(operation.path).as_object().at(method).as_object();
    EXPECT_EQ(found.at("operationId").as_string(), operation.id);
    const auto& responses = found.at("responses").as_object();
    EXPECT_TRUE(responses.contains(std::to_string(operation.status))) << operation.id;
    for (const auto& response : responses) {
      EXPECT_TRUE(response.value().as_object().contains("description")) << operation.id;
    }
    const bool takes_bytes = operation.access == Access::kProof && operation.method != "GET";
    EXPECT_EQ(found.contains("requestBody"), bool{operation.body} || takes_bytes) << operation.id;
  }
}

TEST_F(OpenApi, EveryPathParameterIsDescribed) {
  for (const auto& operation : all_operations()) {
    const auto names = path_parameters(operation.path);
    const auto& item = document_["paths"].as_object().at(operation.path).as_object();
    for (const auto& entry : item) {
      std::size_t found = 0;
      const auto* parameters = entry.value().as_object().if_contains("parameters");
      if (parameters != nullptr) {
        for (const auto& parameter : parameters->as_array()) {
          found += parameter.as_object().at("in").as_string() == "path" ? 1 : 0;
        }
      }
      EXPECT_EQ(found, names.size()) << operation.path;
    }
  }
}

TEST_F(OpenApi, ParametersOfPathsHaveTheFormOfIds) {
  for (const auto& item : document_["paths"].as_object()) {
    for (const auto& entry : item.value().as_object()) {
      const auto* parameters = entry.value().as_object().if_contains("parameters");
      if (parameters == nullptr) continue;
      for (const auto& parameter : parameters->as_array()) {
        if (parameter.at("in").as_string() != "path") continue;
        EXPECT_TRUE(parameter.at("schema").as_object().contains("pattern")) << item.key();
      }
    }
  }
}

TEST_F(OpenApi, SaysWhatTextAUrlCannotHold) {
  const auto& list = document_["paths"].as_object().at("/api/memories").at("get").as_object();
  for (const auto& parameter : list.at("parameters").as_array()) {
    if (parameter.at("name").as_string() != "q") continue;
    EXPECT_EQ(parameter.at("schema").at("pattern").as_string(), "^[^\\x00]*$");
    return;
  }
  ADD_FAILURE() << "no parameter q";
}

TEST_F(OpenApi, SaysThatAnIllServerReportsOnItsHealth) {
  const auto& health = document_["paths"].as_object().at("/health").at("get").as_object();
  const auto& ill = health.at("responses").at("503").at("content").as_object();
  EXPECT_TRUE(ill.contains("application/json"));
  EXPECT_TRUE(ill.contains("application/problem+json"));
}

TEST_F(OpenApi, NamesTheMediaTypeOfAnExport) {
  const auto& exported = document_["paths"].as_object().at("/api/personas/{id}/export");
  const auto& answer = exported.at("get").at("responses").at("200").at("content");
  EXPECT_TRUE(answer.as_object().contains("application/yaml"));
}

TEST_F(OpenApi, DescribesTheEventsOfAStreamByTheirTypes) {
  const auto& kinds = schemas().at("StreamEvent").at("oneOf").as_array();
  ASSERT_EQ(kinds.size(), record::kRecordTypes.size());
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const auto& properties = kinds[i].at("properties").as_object();
    EXPECT_EQ(properties.at("event").at("const").as_string(), record::kRecordTypes[i].name);
    EXPECT_TRUE(properties.at("data").as_object().contains("contentSchema"));
  }
}

TEST_F(OpenApi, ExamplesAreBodiesThatAreTaken) {
  std::size_t examples = 0;
  for (const auto& operation : all_operations()) {
    if (operation.example.empty()) continue;
    ++examples;
    const auto json = codec::parse_json(operation.example);
    ASSERT_TRUE(json) << operation.id << json.error().describe();
    const auto body = operation.body.make();
    const auto read = codec::read_json(*json, *operation.body.info(), body.get(),
                                       {.read_only = codec::ReadOptions::ReadOnly::kRefuse});
    EXPECT_TRUE(read) << operation.id << read.error().describe();
  }
  EXPECT_GT(examples, 10U);
}

TEST_F(OpenApi, OperationIdsAreUniqueAndSoAreRoutes) {
  std::set<std::string> ids;
  std::set<std::string> routes;
  for (const auto& operation : all_operations()) {
    EXPECT_TRUE(ids.insert(std::string(operation.id)).second) << operation.id;
    const auto route = std::string(operation.method) + " " + std::string(operation.path);
    EXPECT_TRUE(routes.insert(route).second) << route;
  }
}

TEST_F(OpenApi, DescribesEveryTypeOfTheStreams) {
  const auto& stream = document_["paths"].as_object().at("/v1/events").as_object();
  const auto& types = stream.at("get").as_object().at("x-event-types").as_object();
  EXPECT_EQ(types.size(), record::kRecordTypes.size());
}

TEST_F(OpenApi, HealthIsOpenAndNothingElseIsBySilence) {
  for (const auto& operation : all_operations()) {
    EXPECT_EQ(operation.access == Access::kOpen, operation.id == "health") << operation.id;
  }
}

TEST(PathParameters, AreTheNamesInBraces) {
  EXPECT_EQ(path_parameters("/a/{id}/b/{toolId}"), (std::vector<std::string>{"id", "toolId"}));
  EXPECT_TRUE(path_parameters("/a").empty());
}

// A second type of the same name would silently take the place of the first in the document.
TEST_F(OpenApi, NoTwoTypesShareAName) {
  std::map<std::string_view, const codec::TypeInfo*> known;
  const auto see = [&](const codec::TypeInfo* (*info)()) {
    if (info == nullptr) return;
    const auto [it, fresh] = known.emplace(info()->name, info());
    EXPECT_EQ(it->second, info()) << info()->name;
  };
  for (const auto& operation : all_operations()) {
    see(operation.body.info);
    see(operation.query.info);
    see(operation.output.info);
    for (const auto& other : operation.other_successes) see(other.output.info);
  }
}

}  // namespace
}  // namespace personas::operations
