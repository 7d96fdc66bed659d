"""Packets of IPv6 made by hand: craft6.py FUNCTION ARGUMENT..."""
import socket
import struct
import sys
import time

from craft import sum16

ICMP6, UDP, IPV4, IPV6, ALL = 58, 17, 0x0800, 0x86dd, 3


def packed(address):
    return socket.inet_pton(socket.AF_INET6, address)


def ip6(protocol, source, to, payload, hops=64, first=None):
    return struct.pack('!IHBB', 6 << 28, len(payload), first or protocol, hops) + packed(source) + packed(to) + payload


def summed(protocol, source, to, payload, at):
    pseudo = packed(source) + packed(to) + struct.pack('!II', len(payload), protocol)
    return payload[:at] + struct.pack('!H', sum16(pseudo + payload)) + payload[at + 2:]


def udp(source, sport, to, dport, text):
    head = struct.pack('!HHHH', int(sport), int(dport), 8 + len(text), 0) + text.encode()
    return summed(UDP, source, to, head, 6)


def icmp(source, to, kind, code, body):
    return summed(ICMP6, source, to, struct.pack('!BBH', kind, code, 0) + body, 2)


def emit(packet, link='eth0'):
    to = socket.inet_ntop(socket.AF_INET6, packet[24:40])
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(packet, (to, 0, 0, socket.if_nametoindex(link) if to.startswith('fe80:') else 0))


def frame(link, hardware, packet):
    """To whoever has that hardware address, whatever the packet's own is."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(IPV6)) as raw:
        raw.sendto(packet, (link, IPV6, 0, 0, bytes.fromhex(hardware.replace(':', ''))))


def send_udp(source, sport, to, dport, text='x'):
    emit(ip6(UDP, source, to, udp(source, sport, to, dport, text)))


def frame_udp(link, hardware, source, sport, to, dport, text='x'):
    frame(link, hardware, ip6(UDP, source, to, udp(source, sport, to, dport, text)))


def advertise(link, source, prefix):
    """What a router says: a network that is on the link, in which everybody may take an address. It is no way out."""
    option = struct.pack('!BBBBIII', 3, 4, 64, 0xc0, 600, 600, 0) + packed(prefix)
    everybody = 'ff02::1'
    body = icmp(source, everybody, 134, 0, struct.pack('!BBHII', 64, 0, 0, 0, 0) + option)
    frame(link, '33:33:00:00:00:01', ip6(ICMP6, source, everybody, body, 255))


def mislead(hardware, source, to, victim):
    """That the way to the victim is by here (a redirect), that it is here (an advertisement of a neighbour), and that a
    packet from there to it was too big."""
    here = struct.pack('!BB', 2, 1) + b'\x02\x66\x66\x66\x66\x66'
    inner = ip6(UDP, to, victim, udp(to, 7, victim, 5000, 'x'))
    for kind, body in ((137, bytes(4) + packed(source) + packed(victim) + here),
                       (136, struct.pack('!I', 0x20000000) + packed(victim) + here),
                       (2, struct.pack('!I', 1280) + inner)):
        frame('eth0', hardware, ip6(ICMP6, source, to, icmp(source, to, kind, 0, body), 255))


def hidden(hardware, source, to, dport):
    """TCP's first packet behind headers, and in pieces, that are to hide its port."""
    syn = summed(6, source, to, struct.pack('!HHIIBBHHH', 5000, int(dport), 1, 0, 0x50, 2, 1000, 0, 0), 16)
    nothing = bytes([1, 4, 0, 0, 0, 0])
    piece = lambda inner, at, data, more, number: struct.pack('!BBHI', inner, 0, at | more, number) + data
    behind = bytes([6, 0]) + nothing + syn
    for first, payload in ((60, behind), (0, behind), (60, bytes([60, 0]) + nothing + behind), (43, bytes([6, 2, 4, 0]) + bytes(20) + syn),
                           (44, piece(6, 0, syn, 0, 1)),
                           (44, piece(6, 0, syn[:8], 1, 2)), (44, piece(6, 8, syn[8:], 0, 2)),
                           (44, piece(6, 8, syn[8:], 0, 3)), (44, piece(6, 0, syn[:8], 1, 3)),
                           (44, piece(60, 0, behind[:8], 1, 4)), (44, piece(60, 8, behind[8:], 0, 4))):
        frame('eth0', hardware, ip6(first, source, to, payload))


def flood(hardware, source, count):
    """Looks for a router, each time with another hardware address of its own, and reports of memberships of ever other groups."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(IPV6)) as raw:
        for number in range(int(count)):
            here = struct.pack('!BBHI', 1, 1, 0x0266, number)
            group = packed(f'ff05::77:{number >> 16:x}:{number & 0xffff:x}')
            for to, packet in (
                    ('33:33:00:00:00:02', ip6(ICMP6, source, 'ff02::2', icmp(source, 'ff02::2', 133, 0, bytes(4) + here), 255)),
                    (hardware, ip6(ICMP6, source, 'fe80::1', icmp(source, 'fe80::1', 133, 0, bytes(4) + here), 255)),
                    ('33:33:00:00:00:16', ip6(0, source, 'ff02::16', bytes([ICMP6, 0, 5, 2, 0, 0, 1, 0]) + icmp(
                        source, 'ff02::16', 143, 0, struct.pack('!HHBBH', 0, 1, 4, 0, 0) + group), 1))):
                raw.sendto(packet, ('eth0', IPV6, 0, 0, bytes.fromhex(to.replace(':', ''))))


def within4(source, to, inner_source, inner_to, text):
    """A datagram of IPv6 in one of IPv4 (6in4)."""
    inner = ip6(UDP, inner_source, inner_to, udp(inner_source, 5, inner_to, 7, text))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, 41) as raw:
        raw.bind((source, 0))
        raw.sendto(inner, (to, 0))


def scan(hardware, source, network, count):
    """A datagram to each of the first addresses of a network, by way of who has that hardware address."""
    for number in range(int(count)):
        to = f'{network}{number + 1:x}'
        frame('eth0', hardware, ip6(UDP, source, to, udp(source, 5000, to, 9, 'x')))


def hear():
    """All datagrams that come in here meanwhile: from whom, for whom, and what they say."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL)) as sniffer:
        print('ready', flush=True)
        while True:
            data, (_, protocol, direction, _, _) = sniffer.recvfrom(65536)
            if protocol == IPV4 and data[9] == UDP and direction != socket.PACKET_OUTGOING:
                print(f'udp {socket.inet_ntoa(data[12:16])} > {socket.inet_ntoa(data[16:20])}', flush=True)
            if direction == socket.PACKET_OUTGOING or protocol != IPV6:
                continue
            source, to = (socket.inet_ntop(socket.AF_INET6, data[at:at + 16]) for at in (8, 24))
            if data[6] == UDP:
                sport, dport = struct.unpack('!HH', data[40:44])
                print(f'udp {source} {sport} > {to} {dport} {data[48:].decode(errors="replace")}', flush=True)
            elif data[6] == ICMP6:
                print(f'icmp {data[40]}/{data[41]} {source} > {to} {data[7]}', flush=True)
            else:
                print(f'{data[6]} {source} > {to}', flush=True)


globals()[sys.argv[1]](*sys.argv[2:])
