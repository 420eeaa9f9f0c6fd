// The wire grammars on their own: what arrives in pieces means what it means in one piece, and no
// bytes whatsoever break them. Seeded; a failure names its round.
#include <gtest/gtest.h>

#include "personas/base/clock.hpp"

#include "chunk_decoder.hpp"
#include "frame_codec.hpp"
#include "http_text.hpp"
#include "request_head.hpp"

namespace personas::net_beast {
namespace {

constexpr int kRounds = 3000;

std::string random_bytes(SeededRandom& random, std::size_t most, std::string_view alphabet) {
  std::string bytes(random.below(most + 1), ' ');
  for (char& c : bytes) {
    c = alphabet.empty() ? static_cast<char>(random.below(256))
                         : alphabet[random.below(alphabet.size())];
  }
  return bytes;
}

struct Decoded {
  ChunkDecoder::State state = ChunkDecoder::State::kMore;
  std::string body;
  std::size_t used = 0;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view bytes, std::size_t piece) {
  Decoded result;
  ChunkDecoder decoder(100);
  while (result.used < bytes.size() && result.state == ChunkDecoder::State::kMore) {
    std::string_view input = bytes.substr(result.used, piece);
    const std::size_t before = input.size();
    result.state = decoder.feed(input, result.body);
    result.used += before - input.size();
  }
  return result;
}

TEST(ChunkDecoder, DoesNotCareHowTheBytesAreCut) {
  SeededRandom random(1);
  for (int round = 0; round < kRounds; ++round) {
    std::string bytes;
    for (std::uint64_t chunks = random.below(5); chunks > 0; --chunks) {
      append_chunk(bytes, random_bytes(random, 40, {}));
    }
    bytes += "0\r\n\r\nrest";
    if (random.below(2) == 0) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    }
    const Decoded whole = decode(bytes, bytes.size());
    const Decoded single = decode(bytes, 1);
    EXPECT_EQ(whole.state, single.state) << round;
    if (whole.state == ChunkDecoder::State::kDone) {
      EXPECT_EQ(whole, single) << round;
    }
  }
}

TEST(RequestHead, IsRefusedOrUnderstoodTheSameHoweverItArrives) {
  SeededRandom random(2);
  const net::ServerLimits limits;
  for (int round = 0; round < kRounds; ++round) {
    std::string bytes = "GET /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nX: y\r\n\r\nabc";
    for (int edits = 0; edits < 2; ++edits) {
      bytes[random.below(bytes.size())] = "\r\n :aZ0\0\x80%/;"[random.below(12)];
    }
    HeadScanner at_once;
    const auto whole = at_once.scan(bytes, limits);
    HeadScanner stepwise;
    Result<std::size_t> grown = 0;
    for (std::size_t size = 1; size <= bytes.size() && grown && *grown == 0; ++size) {
      grown = stepwise.scan(std::string_view(bytes).substr(0, size), limits);
    }
    EXPECT_EQ(whole, grown) << round;
    if (whole && *whole > 0) {
      (void)parse_request_head(std::string_view(bytes).substr(0, *whole), limits);
    }
  }
}

TEST(FrameReader, ReadsBackWhatTheWriterWroteHoweverItIsCut) {
  SeededRandom random(3);
  for (int round = 0; round < 300; ++round) {
    FrameWriter writer(Role::kClient, random.next());
    FrameReader reader(Role::kServer, 100'000);
    std::vector<std::string> sent;
    std::string wire;
    for (int i = 0; i < 5; ++i) {
      sent.push_back(random_bytes(random, i == 4 ? 70'000 : 200, "abc \n"));
      writer.append(wire, Opcode::kText, sent.back());
    }
    std::vector<std::string> received;
    std::string buffered;
    for (std::size_t at = 0; at < wire.size();) {
      const std::size_t piece = 1 + random.below(at < 1000 ? 50 : 20'000);
      buffered += wire.substr(at, piece);
      at += piece;
      std::span<char> input(buffered);
      for (;;) {
        const FrameEvent event = reader.next(input);
        if (event.kind != FrameEvent::Kind::kMessage) break;
        received.emplace_back(event.payload);
      }
      buffered.erase(0, buffered.size() - input.size());
    }
    EXPECT_EQ(received, sent) << round;
  }
}

TEST(FrameReader, SurvivesAnyBytes) {
  SeededRandom random(4);
  for (int round = 0; round < kRounds; ++round) {
    std::string bytes = random_bytes(random, 300, {});
    for (const Role role : {Role::kServer, Role::kClient}) {
      FrameReader reader(role, 1000);
      std::string copy = bytes;
      std::span<char> input(copy);
      FrameEvent event;
      do {
        event = reader.next(input);
        EXPECT_LE(event.payload.size(), 1000U);
      } while (event.kind != FrameEvent::Kind::kNeedMore &&
               event.kind != FrameEvent::Kind::kViolation);
    }
  }
}

}  // namespace
}  // namespace personas::net_beast
