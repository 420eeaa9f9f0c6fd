// Linked into instrumented builds only: what the address sanitizer does unless told otherwise.
//
// Our processes cannot be traced (their memory holds secrets), and the search for leaks works by
// tracing; it is the unit tests that are searched. What is freed is kept from reuse only so long
// that the tests of bounded memory can still tell it from growth.
extern "C" const char* __asan_default_options();  // NOLINT: the sanitizer's name

extern "C" const char* __asan_default_options() {
  return "detect_leaks=0:quarantine_size_mb=16";
}
