"""Sends packets, each of a flow of its own, as fast as it can, from where it is.
Arguments: source, destination, how many, tcp or udp, over how many destinations from that one on, and the first flow's number."""
import socket, struct, sys

source, target = socket.inet_aton(sys.argv[1]), struct.unpack('!I', socket.inet_aton(sys.argv[2]))[0]
many, protocol = int(sys.argv[3]), sys.argv[4]
spread, first = (int(text) for text in (sys.argv[5:] + ['1', '0'][len(sys.argv) - 5 :]))


def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for number in range(first, first + many):
    ports = (1024 + number % 60000, 2000 + number // 60000)
    to = struct.pack('!I', target + number % spread)
    if protocol == 'udp':
        code, payload = 17, struct.pack('!HHHH', *ports, 8, 0)
    else:
        code, payload = 6, struct.pack('!HHIIBBHHH', *ports, number, 0, 0x50, 2, 1024, 0, 0)
        sum_ = checksum(source + to + struct.pack('!BBH', 0, code, len(payload)) + payload)
        payload = payload[:16] + struct.pack('!H', sum_) + payload[18:]
    header = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), number & 0xFFFF, 0, 64, code, 0, source, to)
    try:
        raw.sendto(header + payload, (socket.inet_ntoa(to), 0))
    except OSError:
        pass  # what it is told of one packet is none of the next one's business
