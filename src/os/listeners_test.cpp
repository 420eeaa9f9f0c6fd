#include "personas/os/listeners.hpp"

#include <arpa/inet.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "fd.hpp"

namespace personas::os {
namespace {

TEST(Listeners, AreFoundByTheirPort) {
  std::uint16_t port = 0;
  {
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    ASSERT_EQ(::bind(socket.get(), generic, size), 0);
    ASSERT_EQ(::getsockname(socket.get(), generic, &size), 0);
    port = ntohs(address.sin_port);
    EXPECT_FALSE(find_listener(port)) << "it is bound, but nobody listens";
    ASSERT_EQ(::listen(socket.get(), 1), 0);
    const auto holder = find_listener(port);
    ASSERT_TRUE(holder);
    EXPECT_NE(holder->find("(pid " + std::to_string(::getpid()) + ")"), std::string::npos)
        << *holder;
  }
  EXPECT_FALSE(find_listener(port));
}

}  // namespace
}  // namespace personas::os
