"""Root in a sliver, who sends UDP to a host outside without end: under addresses that are others', from its internal
one, from a port of another sliver, and honestly. Each packet says what it is, and is a flow of its own."""
import os
import random
import socket
import struct
import sys
import time

public, internal, other, outside, taken = sys.argv[1:6]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)


def packet(kind, source, port):
    said = kind.encode()
    udp = struct.pack('!HHHH', port, random.randint(9000, 9999), 8 + len(said), 0) + said
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), random.randint(1, 65535), 0, 64, 17, 0,
                       socket.inet_aton(source), socket.inet_aton(outside))
    return head + udp


parent = os.getppid()
while os.getppid() == parent:
    port = random.randint(10000, 60000)
    for kind, source, from_port in (('stranger', other, port), ('host', outside[:-1] + '9', port),
                                    ('internal', internal, port), ('port', public, int(taken)), ('honest', public, port)):
        try:
            raw.sendto(packet(kind, source, from_port), (outside, 0))
        except OSError:
            pass  # its link is gone just now
    time.sleep(0.005)
