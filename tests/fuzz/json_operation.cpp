// Requests to any operation of the API, decoded, checked and handled for real against a store whose
// changes are undone after each input. Never an internal error; an answer is what its operation's
// row says it is, member for member; an error is problem+json, and a refused request names what is
// wrong with it.
//
// An input is lines. "operationId id…" begins a request; "?query", "Name: value" and a line that
// starts with "{" or "[" (the body) belong to the one before. An unknown name chooses one by its
// bytes. "$a" to "$z" stand for the ids of what kWorld makes, "$0" to "$9" for those of this input.
#include <algorithm>
#include <map>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"
#include "personas/http_api/api.hpp"
#include "personas/net/target.hpp"
#include "personas/operations/table.hpp"
#include "personas/reactions/event_runs.hpp"
#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"

#include "answer_shape.hpp"
#include "memory_store.hpp"
#include "quiet_executions.hpp"
#include "support.hpp"

namespace personas::fuzz {
namespace {

using operations::Operation;

constexpr std::string_view kKey = "dac_team";
constexpr std::size_t kMaxRequests = 20;
// What every input finds there.
constexpr std::string_view kWorld = R"(createPersona
{"name":"Reviewer","description":"d","systemPrompt":"p","maxConcurrent":2}
createGroup
{"name":"Team"}
createToolDefinition
{"name":"lookup","category":"web","description":"d","script":"s"}
createCredential
{"name":"github","serviceType":"github","value":"a-secret-value"}
linkTool $a $c
execute
{"prompt":"Do it","personaId":"$a"}
createMemory
{"personaId":"$a","title":"t","content":"c","importance":5}
createScenario
{"personaId":"$a","name":"s","prompt":"p","expectations":[{"outputContains":"x"}]}
publishEvent
{"type":"a.b","data":{"n":1}}
execute
{"prompt":"And that","personaId":"$a","priority":1}
)";

struct Asked {
  std::string line;
  std::string query;
  net::Headers headers;
  std::string body;
};

std::vector<Asked> read_requests(std::string_view text) {
  std::vector<Asked> requests;
  for (const auto line : split(text, '\n')) {
    const bool is_body = line.starts_with('{') || line.starts_with('[');
    const std::size_t colon = line.find(": ");
    if (requests.empty() || (!is_body && !line.starts_with('?') && colon == line.npos)) {
      if (requests.size() == kMaxRequests) break;
      requests.push_back({.line = std::string(line), .query = {}, .headers = {}, .body = {}});
    } else if (is_body) {
      requests.back().body += line;
    } else if (line.starts_with('?')) {
      requests.back().query = line.substr(1);
    } else {
      requests.back().headers.add(line.substr(0, colon), std::string(line.substr(colon + 2)));
    }
  }
  return requests;
}

const Operation& choose(std::string_view name) {
  const auto table = operations::all_operations();
  std::size_t sum = 0;
  for (const auto& operation : table) {
    if (operation.id == name) return operation;
  }
  for (const char c : name) sum = sum * 31 + static_cast<unsigned char>(c);
  return table[sum % table.size()];
}

// The database, with what kWorld makes in it, for the life of the process.
class World {
 public:
  World() {
    const auto migrated = store::write_now(store, [](store::Transaction& tx) {
      return store::migrate(tx, store::schema_migrations(), {1});
    });
    PERSONAS_FUZZ_CHECK(migrated, "migrations", migrated ? "" : migrated.error().describe());
  }
  MemoryStore store;
  std::map<char, std::string> ids;
};

// One input's server.
class Session {
 public:
  // Ids of two seeds are different.
  Session(World& world, std::uint64_t seed) : world_(world), ids_(world.ids), random_(seed) {
    world_.store.on_journal([this](store::JournalPosition position) { feed_.advance(position); });
  }
  ~Session() {
    world_.store.on_journal({});
    feed_.close();
    run();
  }

  void ask(Asked asked, char first_id) {
    fill(asked.line);
    fill(asked.query);
    fill(asked.body);
    std::string_view rest = asked.line;
    const Operation& operation = choose(take_until(rest, ' '));
    std::string path;
    for (const auto segment : split(operation.path.substr(1), '/')) {
      const bool is_id = segment.starts_with('{');
      path += '/';
      path += is_id ? net::percent_encode(take_until(rest, ' ')) : std::string(segment);
    }
    const std::string target = asked.query.empty() ? path : path + "?" + asked.query;
    auto parsed = net::parse_target(target);
    if (!parsed) return check_error(parsed.error());
    net::Request request{.method = std::string(operation.method),
                         .target = target,
                         .path = std::move(parsed->path),
                         .query = std::move(parsed->query),
                         .headers = std::move(asked.headers),
                         .body = std::move(asked.body),
                         .remote_address = "127.0.0.1",
                         .from_loopback = true,
                         .received = clock_.now()};
    if (request.headers.find("Authorization") == nullptr) {
      request.headers.set("Authorization", "Bearer " + std::string(kKey));
    }
    clock_.advance(milliseconds(1));  // so that ids sort as they were made
    const net::Response response = answer(std::move(request));
    check(operation, response);
    note_id(response, first_id);
  }

  std::map<char, std::string> take_ids() { return std::move(ids_); }

 private:
  void fill(std::string& text) const {
    for (std::size_t at = 0; (at = text.find('$', at)) != std::string::npos && at + 1 < text.size();
         ++at) {
      const auto id = ids_.find(text[at + 1]);
      if (id != ids_.end()) text.replace(at, 2, id->second);
    }
  }

  void run() {
    context_.restart();
    while (context_.poll() > 0) {
    }
  }

  net::Response answer(net::Request request) {
    std::optional<net::Response> response;
    boost::asio::co_spawn(context_, api_.handle(std::move(request)),
                          [&response](const std::exception_ptr& thrown, net::Response r) {
                            PERSONAS_FUZZ_CHECK(thrown == nullptr, "a handler does not throw");
                            response = std::move(r);
                          });
    run();
    if (!response) {  // it waits for something that will not come
      feed_.close();
      run();
    }
    PERSONAS_FUZZ_CHECK(response.has_value(), "every request is answered");
    return std::move(*response);
  }

  void note_id(const net::Response& response, char first_id) {
    const char name = static_cast<char>(first_id + notes_++);
    auto json = codec::parse_json(response.body);
    const auto* object = json ? json->if_object() : nullptr;
    if (object == nullptr) return;
    for (const auto member : {"id", "executionId", "runId"}) {
      const auto* id = object->if_contains(member);
      if (id != nullptr && id->is_string()) {
        ids_[name] = std::string(id->get_string());
        return;
      }
    }
  }

  static void check(const Operation& operation, const net::Response& response) {
    const auto& body = response.body;
    const std::string about = std::string(operation.id) + " " + std::to_string(response.status);
    PERSONAS_FUZZ_CHECK(response.status >= 200 && response.status < 500, about, body);
    PERSONAS_FUZZ_CHECK(is_utf8(body), "an answer in UTF-8", about);
    for (const auto& header : response.headers.all()) {
      PERSONAS_FUZZ_CHECK(header.value.find_first_of("\r\n") == std::string::npos, "one line");
    }
    if (is_page(operation, response)) return;
    if (response.status >= 400) return check_problem(about, response);
    if (response.status == 304 || response.stream) return;
    const auto wrong = wrong_with(operation, response.status, body);
    PERSONAS_FUZZ_CHECK(wrong.empty(), about, wrong, body);
  }

  // What a person is shown, also when it is refused; only where the table says so.
  static bool is_page(const Operation& operation, const net::Response& response) {
    if (!response.headers.get("Content-Type").starts_with("text/html")) return false;
    PERSONAS_FUZZ_CHECK(operation.output.shape == operations::OutputType::Shape::kHtml,
                        operation.id);
    PERSONAS_FUZZ_CHECK(
        response.headers.get("Content-Security-Policy").starts_with("default-src 'none'"),
        operation.id);
    return true;
  }

  static void check_problem(const std::string& about, const net::Response& response) {
    PERSONAS_FUZZ_CHECK(response.headers.get("Content-Type") == "application/problem+json", about);
    const auto json = codec::parse_json(response.body);
    PERSONAS_FUZZ_CHECK(json && json->is_object(), "a problem is an object", about);
    const auto& problem = json->get_object();
    PERSONAS_FUZZ_CHECK(problem.at("status") == response.status, about, response.body);
    PERSONAS_FUZZ_CHECK(!problem.at("error").as_string().empty(), about, response.body);
    PERSONAS_FUZZ_CHECK(
        problem.at("code") != "invalid_request" || !problem.at("fields").as_array().empty(),
        "a refusal names the field:", about, response.body);
  }

  World& world_;
  std::map<char, std::string> ids_;
  int notes_ = 0;
  boost::asio::io_context context_;
  ManualClock clock_;
  SeededRandom random_;
  store::JournalFeed feed_;
  QuietExecutions executions_;
  reactions::EventRuns event_runs_{random_, executions_};
  bus::Bus bus_{clock_, event_runs_, [](Timestamp) {}};
  vault::MasterKey master_ = *vault::MasterKey::parse(std::string(64, '5'));
  vault::Vault vault_{master_, random_};
  store::CursorCodec cursors_{as_bytes("cursor key")};
  operations::PageCursors pages_{Secret("page key")};
  telemetry::Metrics metrics_;
  telemetry::Logger logger_{clock_, telemetry::Level::kError, [](std::string_view) {}};
  identity::Authenticator authenticator_ =
      *identity::Authenticator::make(Secret(std::string(kKey)), Secret("worker"));
  operations::Services services_{world_.store,
                                 clock_,
                                 random_,
                                 executions_,
                                 bus_,
                                 vault_,
                                 cursors_,
                                 pages_,
                                 feed_,
                                 metrics_,
                                 {.version = "9.9.9",
                                  .instance = InstanceId("inst_1"),
                                  .node = NodeId("node_1"),
                                  .started = clock_.now()}};
  http_api::Api api_{services_, authenticator_, logger_, {}, operations::all_operations()};
};

World& world() {
  static World* const instance = [] {
    auto* made = new World;
    Session session(*made, 1);
    for (auto& asked : read_requests(kWorld)) session.ask(std::move(asked), 'a');
    made->ids = session.take_ids();
    made->store.forget_files();
    return made;
  }();
  return *instance;
}

}  // namespace
}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas::fuzz;
  World& there = world();
  there.store.begin();
  {
    Session session(there, 2);
    for (auto& asked : read_requests(text_of(data, size))) session.ask(std::move(asked), '0');
  }
  there.store.roll_back();
  return 0;
}
