// Frames of the worker protocol and the envelopes they are signed in: a frame that is taken is
// written and read back as the same frame; a signature holds for its payload, key and direction
// alone; a text that nobody signed is never taken for signed.
#include "personas/base/bytes.hpp"
#include "personas/wire/frames.hpp"
#include "personas/wire/signing.hpp"

#include "support.hpp"

namespace personas::fuzz {
namespace {

template <class Parse>
void check_frame(std::string_view text, Parse parse) {
  const auto frame = parse(text);
  if (!frame) return check_error(frame.error());
  PERSONAS_FUZZ_CHECK(text.size() <= wire::kMaxFrameBytes, "the limit of a frame");
  if (std::holds_alternative<wire::Unknown>(*frame)) return;  // is never written
  const std::string written = wire::to_text(*frame);
  const auto again = parse(written);
  PERSONAS_FUZZ_CHECK(again.has_value(), "what is written is read back", written,
                      again ? "" : again.error().describe());
  PERSONAS_FUZZ_CHECK(frame->index() == again->index(), "as the same type", written);
  PERSONAS_FUZZ_CHECK(wire::to_text(*again) == written, "and is the same", written);
}

void check_signature(std::string_view text) {
  const auto key = wire::derive_frame_key(Secret("token"), "n", wire::Direction::kToWorker);
  const auto other = wire::derive_frame_key(Secret("token"), "n", wire::Direction::kToOrchestrator);
  const auto forged = wire::verify_frame(key, text);
  PERSONAS_FUZZ_CHECK(!forged, "nobody signed it");
  check_error(forged.error());
  if (!is_utf8(text)) return;
  const std::string signed_text = wire::sign_frame(key, 7, text);
  PERSONAS_FUZZ_CHECK(wire::looks_signed(signed_text), "an envelope looks like one");
  const auto opened = wire::verify_frame(key, signed_text);
  PERSONAS_FUZZ_CHECK(opened && opened->seq == 7 && opened->payload == text,
                      "what was signed is opened", signed_text);
  PERSONAS_FUZZ_CHECK(!wire::verify_frame(other, signed_text), "not the other way round");

  wire::FrameSigner signer(key.clone());
  wire::FrameVerifier verifier(key.clone());
  const std::string first = signer.sign(text);
  const std::string second = signer.sign(text);
  PERSONAS_FUZZ_CHECK(verifier.verify(first).has_value(), "the first");
  PERSONAS_FUZZ_CHECK(!verifier.verify(first), "a repetition");
  PERSONAS_FUZZ_CHECK(verifier.verify(second).has_value(), "the second");
  PERSONAS_FUZZ_CHECK(!verifier.verify(first), "an older one");
}

}  // namespace
}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas;
  const auto text = fuzz::text_of(data, size);
  for (const auto line : fuzz::split(text, '\n')) {
    fuzz::check_frame(line, wire::parse_worker_frame);
    fuzz::check_frame(line, wire::parse_orchestrator_frame);
  }
  fuzz::check_signature(text);
  return 0;
}
