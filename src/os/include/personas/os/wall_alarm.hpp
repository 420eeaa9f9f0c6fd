// The machine's alarm: a timer of CLOCK_REALTIME that the kernel also ends when somebody sets the
// clock. Costs nothing while it waits.
//
// Lives on one executor, whose loop has ended or is stopped when it is destroyed.
#pragma once

#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "personas/async/alarm.hpp"
#include "personas/base/error.hpp"

namespace personas::os {

Result<std::unique_ptr<Alarm>> open_wall_alarm(const boost::asio::any_io_executor& executor);

}  // namespace personas::os
