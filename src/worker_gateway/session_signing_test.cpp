// Signed frames on the orchestrator's side.
#include "session_fixture.hpp"

namespace personas::worker_gateway {
namespace {

class SigningSession : public SessionMachine {
 protected:
  static SessionOptions required() {
    SessionOptions options;
    options.signing = Signing::kRequired;
    return options;
  }
  SigningSession() : SessionMachine(required()) {}
};

TEST_F(SigningSession, AfterTheAckEverythingIsSignedBothWays) {
  hello(kFullHello);
  session.accept({"s", "nonce", {}}, now);
  ASSERT_EQ(sent(R"("signedFrames":true)"), 1u);
  wire::FrameSigner signer(
      wire::derive_frame_key(Secret("good"), "nonce", wire::Direction::kToOrchestrator));
  wire::FrameVerifier verifier(
      wire::derive_frame_key(Secret("good"), "nonce", wire::Direction::kToWorker));
  outputs.clear();
  say(signer.sign(R"({"type":"active_executions","executionIds":[],"runs":[]})"));
  EXPECT_EQ(all<ActiveRuns>().size(), 1u);
  say(signer.sign(R"({"type":"heartbeat"})"));
  ASSERT_EQ(all<Send>().size(), 1u);
  EXPECT_TRUE(verifier.verify(all<Send>()[0].text));
  say(R"({"type":"ready"})");
  EXPECT_EQ(closed(), wire::CloseCode::kPolicyViolation) << "not signed";
  EXPECT_TRUE(all<ReadyReceived>().empty());
}

class LegacySession : public SessionMachine {
 protected:
  static SessionOptions legacy() {
    SessionOptions options;
    options.legacy_signatures = LegacySignatures::kAccept;
    return options;
  }
  LegacySession() : SessionMachine(legacy()) {}
};

TEST_F(LegacySession, AHelloSignedWithTheBareTokenIsTaken) {
  wire::FrameSigner signer(wire::legacy_frame_key(Secret("good")));
  hello(signer.sign(kSeedHello));
  ASSERT_EQ(all<HelloReceived>().size(), 1u);
  session.accept({"s", "n", {}}, now);
  EXPECT_EQ(sent(R"("_signed":true)"), 1u);
  say(signer.sign(R"({"type":"ready"})"));
  EXPECT_EQ(all<ReadyReceived>().size(), 1u);
}

TEST_F(SessionMachine, AHelloSignedWithTheBareTokenIsRefusedUnlessAllowed) {
  wire::FrameSigner signer(wire::legacy_frame_key(Secret("good")));
  hello(signer.sign(kSeedHello));
  EXPECT_EQ(closed(), wire::CloseCode::kPolicyViolation);
}

}  // namespace
}  // namespace personas::worker_gateway
