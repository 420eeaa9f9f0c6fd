// One carrier of several: what leads where.
#include "personas/delivery/service.hpp"

namespace personas::delivery {
namespace {

class CarrierByKind final : public Carrier {
 public:
  CarrierByKind(Carrier& http, Carrier& mail) : http_(http), mail_(mail) {}

  Task<Outcome> carry(const Endpoint& endpoint, const Delivery& delivery,
                      std::span<const Secret> secrets, Timestamp now) override {
    Carrier& carrier = endpoint.kind == Kind::kEmail ? mail_ : http_;
    return carrier.carry(endpoint, delivery, secrets, now);
  }
  void cut() override {
    http_.cut();
    mail_.cut();
  }

 private:
  Carrier& http_;
  Carrier& mail_;
};

}  // namespace

std::unique_ptr<Carrier> make_carrier_by_kind(Carrier& http, Carrier& mail) {
  return std::make_unique<CarrierByKind>(http, mail);
}

}  // namespace personas::delivery
