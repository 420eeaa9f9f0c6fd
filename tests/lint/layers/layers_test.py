"""The build itself refuses what the layers forbid (cmake/modules.cmake)."""
import pathlib
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
MODULES = HERE.parents[2] / "cmake/modules.cmake"


class LayersTest(unittest.TestCase):
    def configure(self, folder, broken):
        return subprocess.run(
            ["cmake", "-S", str(HERE), "-B", folder, "-G", "Ninja", f"-DBREAK={broken}",
             f"-DMODULES_CMAKE={MODULES}", "-DCMAKE_CXX_COMPILER=clang++-19",
             "-DCMAKE_CXX_COMPILER_WORKS=1"],
            capture_output=True, text=True, check=False)

    def build(self, folder):
        return subprocess.run(["ninja", "-C", folder], capture_output=True, text=True, check=False)

    def assert_refused(self, broken, because):
        with tempfile.TemporaryDirectory() as folder:
            result = self.configure(folder, broken)
            self.assertNotEqual(result.returncode, 0, result.stdout)
            self.assertIn(because, " ".join(result.stderr.split()))

    def test_modules_that_keep_to_the_layers_build(self):
        with tempfile.TemporaryDirectory() as folder:
            result = self.configure(folder, "")
            self.assertEqual(result.returncode, 0, result.stderr)
            result = self.build(folder)
            self.assertEqual(result.returncode, 0, result.stdout)

    def test_a_dependency_upward_stops_the_configure_step(self):
        self.assert_refused("upward", "may not depend on 'middle' of layer 1")

    def test_a_dependency_within_a_layer_stops_the_configure_step(self):
        self.assert_refused("same_layer", "may not depend on 'middle' of layer 1")

    def test_a_dependency_that_is_not_declared_before_stops_the_configure_step(self):
        self.assert_refused("unknown", "'nowhere' is not declared before it")

    def test_an_include_of_a_module_that_is_not_named_does_not_compile(self):
        with tempfile.TemporaryDirectory() as folder:
            result = self.configure(folder, "undeclared")
            self.assertEqual(result.returncode, 0, result.stderr)
            result = self.build(folder)
            self.assertNotEqual(result.returncode, 0, result.stdout)
            self.assertIn("'personas/low/low.hpp' file not found", result.stdout)


if __name__ == "__main__":
    unittest.main()
