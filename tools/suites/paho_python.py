"""Runs one test of paho-python's tests/test_mqttv5.py against a broker.

    paho_python.py CHECKOUT TEST PORT

The suite starts the broker of paho.mqtt.testing in a thread, and asks it for
its port. What it imports for that is here, and is a broker that runs already.
"""

import os
import sys
import types
import unittest


def broker_at(port):
    socket = types.SimpleNamespace(getsockname=lambda: ("127.0.0.1", port))
    server = types.SimpleNamespace(socket=socket, shutdown=lambda: None)
    brokers = types.ModuleType("mqtt.brokers")
    brokers.run = lambda config: None
    brokers.listeners = types.SimpleNamespace(
        TCPListeners=types.SimpleNamespace(server=server)
    )
    package = types.ModuleType("mqtt")
    package.brokers = brokers
    sys.modules.update({"mqtt": package, "mqtt.brokers": brokers})


def main():
    folder, test, port = sys.argv[1:4]
    os.chdir(folder)
    sys.path[:0] = [folder, os.path.join(folder, "src")]
    broker_at(int(port))
    import tests.test_mqttv5 as suite

    case = suite.Test(test)
    result = unittest.TextTestRunner().run(unittest.TestSuite([case]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0 if result.wasSuccessful() and result.testsRun == 1 else 1)


main()
