"""Runs one test of Mosquitto's against a broker that is not Mosquitto.

    mosquitto.py TEST.py PORT ...

The tests compare bytes. What the standard leaves open is made alike first, in
what is expected and in what is received:

- the order of properties;
- Reason Strings: Mosquitto sends none;
- PUBREC 0x10 (no matching subscribers): Mosquitto says so in PUBACK only;
- PUBREL and PUBCOMP 0x92 (packet identifier not found): it says 0x00;
- a last CONNACK or DISCONNECT with the reason, where Mosquitto closes without:
  who looks for the end sees it, if it comes.
"""

import os
import runpy
import struct
import sys
import time

# Bytes of a property's value, by its identifier; s: string, p: pair, v: varint.
KINDS = {
    0x01: 1, 0x02: 4, 0x03: "s", 0x08: "s", 0x09: "s", 0x0B: "v", 0x11: 4,
    0x12: "s", 0x13: 2, 0x15: "s", 0x16: "s", 0x17: 1, 0x18: 4, 0x19: 1,
    0x1A: "s", 0x1C: "s", 0x1F: "s", 0x21: 2, 0x22: 2, 0x23: 2, 0x24: 1,
    0x25: 1, 0x26: "p", 0x27: 4, 0x28: 1, 0x29: 1, 0x2A: 1,
}
REASON_STRING = 0x1F
# Mosquitto's CONNACK begins with its Topic Alias Maximum and ends with these.
ORDER = {0x22: 0, 0x27: 0x100, 0x21: 0x101}


def varint(data, at):
    """Reads a variable byte integer: its value, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def packed(value):
    out = b""
    while True:
        value, byte = value >> 7, value & 0x7F
        out += bytes([byte | (0x80 if value else 0)])
        if not value:
            return out


def sorted_properties(data):
    """Properties without their length, in one order."""
    found, at = [], 0
    while at < len(data):
        start, kind = at, KINDS[data[at]]
        at += 1
        if kind == "v":
            _, at = varint(data, at)
        elif isinstance(kind, int):
            at += kind
        else:
            for _ in range(2 if kind == "p" else 1):
                at += 2 + struct.unpack_from("!H", data, at)[0]
        if data[start] != REASON_STRING:
            found.append(data[start:at])
    return b"".join(sorted(found, key=lambda each: ORDER.get(each[0], each[0])))


def normalised(packet):
    """A packet of a server that speaks 5.0."""
    kind = packet[0] >> 4
    _, start = varint(packet, 1)
    body = packet[start:]
    if (kind, body[2:3]) in ((5, b"\x10"), (6, b"\x92"), (7, b"\x92")):
        return packet[:1] + b"\x02" + body[:2]
    # Where the properties begin.
    if kind == 2:
        at = 2
    elif kind == 3:
        at = 2 + struct.unpack_from("!H", body)[0] + (2 if packet[0] & 6 else 0)
    elif kind in (4, 5, 6, 7):
        at = 3
    elif kind in (9, 11):
        at = 2
    elif kind in (14, 15):
        at = 1
    else:
        return packet
    if at >= len(body):
        return packet
    length, end = varint(body, at)
    properties = sorted_properties(body[end:end + length])
    # An acknowledgement need not say that it has none.
    none = b"" if kind in (4, 5, 6, 7, 14, 15) and not properties else None
    if none is None or length == 0:
        none = packed(len(properties)) + properties
    body = body[:at] + none + body[end + length:]
    return packet[:1] + packed(len(body)) + body


def farewell(data):
    """Whether this is DISCONNECT, or a CONNACK that refuses."""
    return data[:1] == b"\xe0" or data[:1] == b"\x20" and data[3:4] not in b"\0"


class PeerSocket:
    """A socket from which packets come as they would from Mosquitto."""

    def __init__(self, inner):
        self.inner = inner
        self.raw = b""
        self.ready = b""
        self.version = None

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.inner.close()

    def _sent(self, data):
        if self.version is None and len(data) > 10 and data[0] == 0x10:
            _, at = varint(data, 1)
            name = struct.unpack_from("!H", data, at)[0]
            if at + 2 + name < len(data):
                self.version = data[at + 2 + name]

    def send(self, data, *rest):
        self._sent(data)
        return self.inner.send(data, *rest)

    def sendall(self, data, *rest):
        self._sent(data)
        return self.inner.sendall(data, *rest)

    def recv(self, size, *rest):
        self._fill()
        if size == 1 and farewell(self.ready):
            self._skip_farewell()
        out, self.ready = self.ready[:size], self.ready[size:]
        return out

    def _skip_farewell(self):
        last, self.ready = self.ready, b""
        try:
            self._fill()
        except OSError:
            pass  # It is not the end.
        else:
            if not self.ready:
                return
        self.ready = last + self.ready

    def _fill(self):
        while not self.ready:
            data = self.inner.recv(65536)
            if self.version != 5:
                self.ready += data
                break
            if not data:
                self.ready, self.raw = self.raw, b""
                break
            self.raw += data
            self._split()

    def _split(self):
        while True:
            try:
                length, start = varint(self.raw, 1)
            except IndexError:
                return
            if start + length > len(self.raw):
                return
            packet = self.raw[:start + length]
            self.raw = self.raw[start + length:]
            self.ready += normalised(packet)


def awaited(path):
    """The path of a socket, once it is there: the test waits 0.1 s for it."""
    for _ in range(50):
        if os.path.exists(path):
            break
        time.sleep(0.1)
    return path


def main():
    path = os.path.abspath(sys.argv[1])
    sys.argv = [path, *sys.argv[2:]]
    sys.dont_write_bytecode = True
    sys.path[:0] = [os.path.dirname(path), os.path.dirname(os.path.dirname(path))]
    import mosq_test
    import mqtt5_props

    finalise = mqtt5_props.prop_finalise

    def prop_finalise(properties):
        try:
            return finalise(sorted_properties(properties))
        except (KeyError, IndexError, struct.error):
            return finalise(properties)  # one that is wrong by intention

    connect = mosq_test.client_connect_only
    connect_unix = mosq_test.client_connect_only_unix
    mqtt5_props.prop_finalise = prop_finalise
    mosq_test.client_connect_only = lambda *a, **k: PeerSocket(connect(*a, **k))
    mosq_test.client_connect_only_unix = lambda path, *a, **k: PeerSocket(
        connect_unix(awaited(path), *a, **k)
    )
    # msg_sequence_test.py gives up after the first case that times out.
    go_on = lambda *status: sys.exit(*status) if status else None
    runpy.run_path(path, {"exit": go_on}, "__main__")


if __name__ == "__main__":
    main()
