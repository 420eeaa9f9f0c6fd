// stream: one agent writes 50 MB as fast as the link takes it, and a client follows. Every byte
// must arrive, in order: both ends keep a digest.
#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "event_stream.hpp"
#include "trial.hpp"

namespace personas::bench {
namespace {

constexpr std::size_t kBytes = std::size_t{50} << 20;
constexpr std::size_t kChunk = 32 * 1024;
// Unconfirmed bytes a worker may hold in its spool; the real one stops reading its agent there.
constexpr std::int64_t kUnconfirmed = 64;

// FNV-1a, fed in pieces.
class Digest {
 public:
  void feed(std::string_view text) {
    for (const char c : text) {
      value_ = (value_ ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ULL;
    }
    size_ += text.size();
  }
  bool operator==(const Digest&) const = default;
  std::size_t size() const { return size_; }

 private:
  std::uint64_t value_ = 14'695'981'039'346'656'037ULL;
  std::size_t size_ = 0;
};

// Lines that differ, so that a lost or repeated one shows.
std::string chunk_of(std::int64_t number) {
  std::string text;
  text.reserve(kChunk + 80);
  for (std::int64_t line = 0; text.size() < kChunk; ++line) {
    text += fmt::format("{:08}.{:04} the quick brown fox jumps over the lazy dog\n", number, line);
  }
  return text;
}

// The data lines of an event stream that carry a chunk, digested.
class ChunkReader {
 public:
  void take(std::string_view piece) {
    open_ += piece;
    std::size_t begin = 0;
    for (auto end = open_.find('\n'); end != std::string::npos; end = open_.find('\n', begin)) {
      take_line(std::string_view(open_).substr(begin, end - begin));
      begin = end + 1;
    }
    open_.erase(0, begin);
  }
  const Digest& digest() const { return digest_; }

 private:
  void take_line(std::string_view line) {
    static constexpr std::string_view kData = "data: ";
    if (!line.starts_with(kData)) return;
    boost::system::error_code error;
    const auto json = boost::json::parse(line.substr(kData.size()), error);
    if (error || !json.is_object()) return;
    const auto* chunk = json.get_object().if_contains("chunk");
    if (chunk != nullptr && chunk->is_string()) digest_.feed(chunk->get_string());
  }

  std::string open_;
  Digest digest_;
};

class Writer {
 public:
  explicit Writer(Trial& trial) {
    trial.workers().on_assign = [this](NullWorker& worker, const wire::Assign& run) {
      worker_ = &worker;
      run_ = run;
    };
    trial.workers().on_received = [this](const wire::Received& received) {
      confirmed_ = std::max(confirmed_, received.seq);
      if (started_) write();
    };
  }
  bool assigned() const { return worker_ != nullptr; }
  const std::string& execution() const { return run_.execution_id; }
  const Digest& digest() const { return digest_; }

  void write() {
    started_ = true;
    while (digest_.size() < kBytes && seq_ - confirmed_ < kUnconfirmed) {
      std::string text = chunk_of(++seq_);
      digest_.feed(text);
      worker_->write(run_, seq_, std::move(text));
    }
    if (digest_.size() < kBytes || completed_) return;
    completed_ = true;
    worker_->complete(run_, ++seq_);
  }

 private:
  NullWorker* worker_ = nullptr;
  wire::Assign run_;
  Digest digest_;
  std::int64_t seq_ = 0;
  std::int64_t confirmed_ = 0;
  bool started_ = false;
  bool completed_ = false;
};

}  // namespace

Measured measure_stream(const Options& options) {
  TRY(const auto trial, Trial::make(options));
  TRY_VOID(trial->server().start());
  TRY_VOID(trial->connect_workers(1, 1));
  Executor executor(*trial, 1, {.body = R"({"prompt":"x","config":{"maxOutputBytes":100000000}})"});
  TRY_VOID(executor.connect());
  Writer writer(*trial);
  executor.execute();
  if (!trial->run_until([&] { return writer.assigned() && executor.settled(); }, kPatience)) {
    return trial->failed("the execution was not assigned; " + executor.trouble());
  }
  ChunkReader reader;
  EventStream stream(*trial, fmt::format("/api/executions/{}/stream", writer.execution()),
                     [&](std::string_view piece) {
                       reader.take(piece);
                       return true;
                     });
  trial->run_until([&] { return stream.has_begun() || !stream.ended().empty(); }, kPatience);
  const SteadyTime started = SteadyClock::now();
  writer.write();
  // The stream ends with the execution.
  const bool over = trial->run_until(
      [&] { return !stream.ended().empty() || !trial->workers().trouble().empty(); }, kPatience);
  const double took = ms_between(started, SteadyClock::now()) / 1000;
  if (!over || stream.ended().empty()) {
    return trial->failed(
        fmt::format("{} of {} bytes arrived", reader.digest().size(), writer.digest().size()));
  }
  const auto lost =
      static_cast<double>(writer.digest().size()) - static_cast<double>(reader.digest().size());
  if (lost == 0 && reader.digest() != writer.digest()) {
    return trial->failed("as many bytes arrived as were written, but not the same");
  }
  return std::vector<Measurement>{
      {.figure = "50 MB from a worker to a follower, each byte on disk",
       .unit = "MB/s",
       .value = static_cast<double>(kBytes) / (1 << 20) / took,
       .better = Better::kHigher},
      {.figure = "bytes of it that did not arrive", .unit = "", .value = lost, .must = 0},
      {.figure = "the server's memory then", .unit = "MB", .value = trial->server().rss_mb()}};
}

}  // namespace personas::bench
