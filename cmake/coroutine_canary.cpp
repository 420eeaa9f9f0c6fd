// Fails where the compiler destroys a temporary of a co_await statement twice (g++ 12 does:
// an aggregate prvalue in the same full-expression as co_await is copied bitwise into the frame).
#include <coroutine>
#include <exception>
#include <utility>

namespace {
int alive = 0;

struct Counted {
  Counted() { ++alive; }
  Counted(const Counted&) { ++alive; }
  Counted(Counted&&) noexcept { ++alive; }
  ~Counted() { --alive; }
};

struct Aggregate {
  Counted counted;
  int value;
};

struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

struct Ready {
  int result;
  bool await_ready() { return false; }
  bool await_suspend(std::coroutine_handle<>) { return false; }
  int await_resume() { return result; }
};

Ready consume(Aggregate aggregate) { return Ready{aggregate.value}; }

template <class F>
Ready call(F function) {
  return Ready{function()};
}

Task run() {
  Counted kept;
  co_await consume(Aggregate{Counted{}, 2});
  co_await call([kept] { return 1; });
}
}  // namespace

int main() {
  run();
  return alive == 0 ? 0 : 1;
}
