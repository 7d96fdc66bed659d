"""Tells of each kind of forger.py's packets that comes in here whether it was forged on arrival, once in 10 ms and kind."""
import socket
import sys
import time

public, taken = sys.argv[1], int(sys.argv[2])
KINDS = (b'stranger', b'host', b'internal', b'port', b'honest')
sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
told = {}
print('ready', flush=True)
while True:
    data, (_, _, direction, _, _) = sniffer.recvfrom(2048)
    kind = data[28:40].rstrip(b'\0')
    if direction == socket.PACKET_OUTGOING or data[9] != 17 or kind not in KINDS:
        continue
    forged = socket.inet_ntoa(data[12:16]) != public or (kind == b'port' and int.from_bytes(data[20:22], 'big') == taken)
    said = f"{'forged' if forged else 'true'} {kind.decode()}"
    if time.monotonic() - told.get(said, 0) > 0.01:
        told[said] = time.monotonic()
        print(said, flush=True)
