"""Each rule of scripts/lint finds what it is for, and lets the neighbouring good case pass."""
import importlib.machinery
import importlib.util
import pathlib
import sys
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("lint", str(REPOSITORY / "scripts/lint"))
lint = importlib.util.module_from_spec(importlib.util.spec_from_loader("lint", loader))
loader.exec_module(lint)

HEADER = "// A thing.\n#pragma once\n"


class Repository(unittest.TestCase):
    """A small repository to break, one rule at a time."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        self.write("src/core/CMakeLists.txt", "add_module(core LAYER 2 SOURCES a.cpp)\n")
        self.write("src/core/README.md", "# core\n")
        self.write("src/disk/CMakeLists.txt", "add_module(disk LAYER 4 SOURCES a.cpp)\n")
        self.write("src/disk/README.md", "# disk\n")

    def tearDown(self):
        self.folder.cleanup()

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def rules(self, ratchet=None):
        return sorted({p.rule for p in lint.check(self.root, ratchet or {})[0]})

    def assert_found(self, rule, path, text):
        self.write(path, text)
        self.assertEqual(self.rules(), [rule], text)

    def assert_clean(self, path, text):
        self.write(path, text)
        self.assertEqual(self.rules(), [], text)


class RulesTest(Repository):
    def test_banned_calls_are_found_in_the_core(self):
        for rule, text in [
                ("unsafe-call", "strcpy(a, b);"), ("shell", "system(command);"),
                ("getenv", 'auto* home = getenv("HOME");'), ("thread", "std::thread t(run);"),
                ("sleep", "sleep(1);"), ("random", "std::random_device source;"),
                ("clock", "auto now = std::chrono::steady_clock::now();"),
                ("print", "std::cout << 1;"), ("raw-new", "auto* p = new Widget(1);"),
                ("raw-new", "  delete widget;"), ("catch-all", "try { f(); } catch (...) { }"),
                ("detached", "co_spawn(e, f(), boost::asio::detached);")]:
            self.assert_found(rule, "src/core/a.cpp", f"void f() {{\n  {text}\n}}\n")

    def test_edges_may_do_what_the_core_may_not(self):
        self.assert_clean("src/disk/a.cpp", "void f() { std::thread t(run); }\n")
        self.write("src/core/CMakeLists.txt", "add_module(core LAYER 2 TESTS a_test.cpp)\n")
        self.assert_clean("src/core/a_test.cpp", "void f() { std::thread t(run); }\n")
        self.write("src/core/CMakeLists.txt",
                   "add_module(core LAYER 2\n  TESTS\n    a_test.cpp shim.cpp\n  DEPENDS b)\n")
        self.assert_clean("src/core/shim.cpp", "void f() { std::thread t(run); }\n")
        self.assert_clean("src/core/shim.hpp", HEADER + "void f() { std::thread t(run); }\n")

    def test_comments_strings_and_deleted_functions_are_not_calls(self):
        self.assert_clean("src/core/a.cpp", '// new Widget, system(x)\nauto s = "rand() new X";\n'
                          'auto r = R"(DELETE x; delete y; system(z))";\nX(const X&) = delete;\n'
                          "int filesystem(int);\nauto n = 1'000'000; /* new Y */\n")

    def test_a_new_that_is_owned_at_once_may_stand(self):
        self.assert_clean("src/core/a.cpp", "std::unique_ptr<A> a(new A(1));\n"
                          "return std::unique_ptr<A>(new A(1));\n")
        self.assert_found("raw-new", "src/core/a.cpp", "run(new A(1));\n")

    def test_an_exception_needs_its_rule_and_a_reason(self):
        self.assert_clean("src/core/a.cpp", "// lint-allow(shell): the user's own command\n"
                          "int x = system(command);\n")
        self.assert_found("shell", "src/core/a.cpp", "// lint-allow(shell):\n"
                          "int x = system(command);\n")
        self.assert_found("shell", "src/core/a.cpp", "// lint-allow(thread): other rule\n"
                          "int x = system(command);\n")

    def test_headers_of_an_adapter_stay_there(self):
        for rule, header in [("sqlite-header", "sqlite3.h"), ("openssl-header", "openssl/evp.h"),
                             ("beast-header", "boost/beast/http.hpp"),
                             ("socket-header", "sys/socket.h"), ("io-header", "fcntl.h"),
                             ("asio-io-header", "boost/asio/ip/tcp.hpp")]:
            self.assert_found(rule, "src/core/a.cpp", f"#include <{header}>\n")
        self.write("src/core/a.cpp", "")
        self.assert_clean("src/disk/a.cpp", "#include <fcntl.h>\n")
        self.assert_found("sqlite-header", "src/disk/a.cpp", "#include <sqlite3.h>\n")

    def test_modules_are_included_by_their_public_path(self):
        self.assert_found("include", "src/core/a.cpp", '#include "disk/a.hpp"\n')
        self.assert_found("include", "src/core/a.cpp", '#include "../disk/a.hpp"\n')
        self.assert_clean("src/core/a.cpp", '#include "personas/disk/a.hpp"\n')

    def test_headers_open_with_their_idea(self):
        path = "src/core/include/personas/core/a.hpp"
        self.assert_found("header-idea", path, "#pragma once\n")
        self.assert_found("pragma-once", path, "// A thing.\n")
        self.assert_found("using-namespace", path, HEADER + "using namespace std;\n")
        self.assert_clean(path, HEADER)

    def test_module_layout(self):
        self.write("src/core/extra.cpp", "")
        self.assertEqual(self.rules(), ["module"])
        (self.root / "src/core/extra.cpp").unlink()
        self.write("src/core/include/core/b.hpp", HEADER)
        self.assertEqual(self.rules(), ["module"])
        (self.root / "src/core/include/core/b.hpp").unlink()
        self.write("src/core/README.md", "line\n" * 61)
        self.assertEqual(self.rules(), ["module"])

    def test_sources_are_listed_by_hand(self):
        self.assert_found("glob", "cmake/x.cmake", "file(GLOB sources *.cpp)\n")
        self.assert_clean("cmake/x.cmake", "# never file(GLOB …)\n")

    def test_leftovers_and_private_text(self):
        self.assert_found("leftover", "docs/a.md", "TO" + "DO: write\n")
        self.assert_found("private-text", "docs/a.md", "see /ro" + "ot/notes\n")
        self.assert_found("private-text", "docs/a.md", "see /ho" + "me/jane/notes\n")
        self.assert_clean("docs/a.md", "see /var/lib/personas and ~/notes\n")
        self.assert_found("private-text", "tests/package-lock.json", '{"resolved": "x"}\n')

    def test_links_between_documents_lead_somewhere(self):
        self.assert_found("dead-link", "docs/a.md", "[x](missing.md)\n")
        self.assert_clean("docs/a.md", "[x](../src/core/README.md#top) [y](https://example.org)\n")


class SizeTest(Repository):
    def function(self, lines):
        return "namespace a {\n\nint f(int x) {\n" + "  x++;\n" * (lines - 2) + "}\n\n}\n"

    def test_files_lines_and_functions_have_limits(self):
        self.assert_clean("src/core/a.cpp", "int x;\n" * 500)
        self.assert_found("size", "src/core/a.cpp", "int x;\n" * 501)
        self.assert_clean("src/core/a.cpp", "//" + "x" * 98 + "\n")
        self.assert_found("size", "src/core/a.cpp", "//" + "x" * 99 + "\n")
        self.assert_clean("src/core/a.cpp", self.function(70))
        self.assert_found("size", "src/core/a.cpp", self.function(71))
        self.write("src/core/a.cpp", "")
        path = "src/core/include/personas/core/a.hpp"
        self.assert_found("size", path, HEADER + "\n" * 199)

    def test_what_is_over_the_limit_may_only_shrink(self):
        self.write("src/core/a.cpp", "int x;\n" * 600)
        self.assertEqual(self.rules({"src/core/a.cpp": 600}), [])
        for number in (599, 601):  # grew; shrank, and the ratchet must follow
            self.assertEqual(self.rules({"src/core/a.cpp": number}), ["size"])
        self.write("src/core/a.cpp", "int x;\n")
        self.assertEqual(self.rules({"src/core/a.cpp": 600}), ["size"])

    def found(self, text):
        return [last - first + 1 for first, last in lint.functions(lint.strip_code(text))]

    def test_functions_are_told_from_scopes_and_tables(self):
        self.assertEqual(self.found("namespace a::b {\nclass C : public D {\n public:\n"
                                    "  C() : x_{1} {}\n  int f() const {\n    if (x) {\n    }\n"
                                    "  }\n};\n}\n"), [1, 4])
        self.assertEqual(self.found("#include <a>\n\n#define X \\\n  1\nint f() {\n}\n"), [2])
        self.assertEqual(self.found("constexpr std::array kTable{\n  X{1},\n  X{f(2)}};\n"), [])
        self.assertEqual(self.found("constexpr auto kT = std::tuple{\n  g(\"a\"), g(\"b\")};"), [])
        self.assertEqual(self.found("template <class T>\nT f(T x) {\n  return x;\n}\n"), [4])
        self.assertEqual(self.found("template <class T>\nstruct S {\n  int x = 1;\n};\n"), [])
        self.assertEqual(self.found("enum class E : int { kA, kB };\nvoid f() {\n}\n"), [2])


if __name__ == "__main__":
    unittest.main()
