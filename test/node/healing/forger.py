"""Root in a sliver, who sends UDP to a host outside without end: under addresses that are others', from its internal
one, from a port of another sliver, and honestly; the same by IPv6. Each packet says what it is, and is a flow of its own."""
import os
import random
import socket
import struct
import sys
import time

public, internal, other, outside, taken, own6, neighbour6, outside6 = sys.argv[1:9]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
raw6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)


def packet(kind, source, port):
    said = kind.encode()
    udp = struct.pack('!HHHH', port, random.randint(9000, 9999), 8 + len(said), 0) + said
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), random.randint(1, 65535), 0, 64, 17, 0,
                       socket.inet_aton(source), socket.inet_aton(outside))
    return head + udp


def packet6(kind, source, port):
    said = kind.encode()
    ends = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, outside6)
    udp = struct.pack('!HHHH', port, random.randint(9000, 9999), 8 + len(said), 0) + said
    summed = ends + struct.pack('!II', len(udp), 17) + udp + b'\0' * (len(udp) % 2)
    total = sum(struct.unpack(f'!{len(summed) // 2}H', summed))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack('!IHBB', 6 << 28, len(udp), 17, 64) + ends + udp[:6] + struct.pack('!H', ~total & 0xffff) + udp[8:]


def send(socket, packet, to):
    try:
        socket.sendto(packet, (to, 0))
    except OSError:
        pass  # its link is gone just now


parent = os.getppid()
while os.getppid() == parent:
    port = random.randint(10000, 60000)
    for kind, source, from_port in (('stranger', other, port), ('host', outside[:-1] + '9', port),
                                    ('internal', internal, port), ('port', public, int(taken)), ('honest', public, port)):
        send(raw, packet(kind, source, from_port), outside)
    for kind, source in (('stranger6', own6[:-1] + 'eee'), ('host6', outside6[:-1] + '9'), ('neighbour6', neighbour6),
                         ('honest6', own6)):
        send(raw6, packet6(kind, source, port), outside6)
    time.sleep(0.005)
