"""Tells of each kind of forger.py's packets that comes in here whether it was forged on arrival, once in 10 ms and kind."""
import socket
import sys
import time

public, taken, own6 = sys.argv[1], int(sys.argv[2]), sys.argv[3]
KINDS = [kind.encode() for kind in ('stranger', 'host', 'internal', 'port', 'honest')]
KINDS6 = [kind.encode() for kind in ('stranger6', 'host6', 'neighbour6', 'honest6')]
IPV4, IPV6, ALL = 0x0800, 0x86dd, 3
sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL))


def seen(data, protocol):
    """Which kind it is, whether it was forged; or None."""
    if protocol == IPV4 and data[9] == 17 and (kind := data[28:40].rstrip(b'\0')) in KINDS:
        port = int.from_bytes(data[20:22], 'big')
        return kind, socket.inet_ntoa(data[12:16]) != public or (kind == b'port' and port == taken)
    if protocol == IPV6 and data[6] == 17 and (kind := data[48:60].rstrip(b'\0')) in KINDS6:
        return kind, socket.inet_ntop(socket.AF_INET6, data[8:24]) != own6
    return None


told = {}
print('ready', flush=True)
while True:
    data, (_, protocol, direction, _, _) = sniffer.recvfrom(2048)
    if direction == socket.PACKET_OUTGOING or not (one := seen(data, protocol)):
        continue
    said = f"{'forged' if one[1] else 'true'} {one[0].decode()}"
    if time.monotonic() - told.get(said, 0) > 0.01:
        told[said] = time.monotonic()
        print(said, flush=True)
