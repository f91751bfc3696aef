"""Runs one test of a suite of Eclipse Paho, as the suite's own main program.

    paho.py SUITE.py TEST PORT
"""

import os
import runpy
import sys
import unittest


def main():
    path, test, port = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3]

    def only_this():
        case = sys._getframe(1).f_globals["Test"](test)
        result = unittest.TextTestRunner().run(unittest.TestSuite([case]))
        sys.stdout.flush()
        sys.stderr.flush()
        # Its clients have threads, which do not end by themselves.
        os._exit(0 if result.wasSuccessful() and result.testsRun == 1 else 1)

    unittest.main = only_this
    os.chdir(os.path.dirname(path))
    sys.path.insert(0, os.path.dirname(path))
    sys.argv = [path, "--hostname", "127.0.0.1", "--port", port]
    runpy.run_path(path, run_name="__main__")
    os._exit(3)


main()
