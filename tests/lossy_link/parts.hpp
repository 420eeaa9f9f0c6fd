// What these schedules share with the simulation: virtual time and links.
#pragma once

#include "virtual/link.hpp"
#include "virtual/scheduler.hpp"

namespace personas::lossy_link {

using virtual_world::between;
using virtual_world::chance;
using virtual_world::Connection;
using virtual_world::other;
using virtual_world::Scheduler;
using virtual_world::Side;
using virtual_world::Weather;

}  // namespace personas::lossy_link
