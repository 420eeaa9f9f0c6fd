// The bell of the delivery service: who commits rows to be delivered rings it.
#pragma once

#include "personas/base/id.hpp"
#include "personas/delivery/endpoint.hpp"

namespace personas::delivery {

class Outbox {
 public:
  virtual ~Outbox() = default;
  // Rows for this endpoint were committed. From any thread; lost in a crash, and then found by the
  // next start.
  virtual void due(const TenantId& tenant, const EndpointId& endpoint) = 0;
};

}  // namespace personas::delivery
