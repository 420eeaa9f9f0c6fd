// Task<T>: a coroutine that runs on an Asio executor and yields a T.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace personas {

template <class T = void>
using Task = boost::asio::awaitable<T>;

}  // namespace personas
