"""Packets made by hand, and sockets to see what comes of them: craft.py FUNCTION ARGUMENT... (hand: by lines)."""
import socket
import struct
import sys
import time

NAMES = {1: 'icmp', 6: 'tcp', 17: 'udp'}
ARP, IPV4 = 0x0806, 0x0800


def sum16(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip(protocol, source, to, payload, fragment=0, ident=1, options=b''):
    head = struct.pack('!BBHHHBBH4s4s', 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload), ident, fragment, 64,
                       protocol, 0, socket.inet_aton(source), socket.inet_aton(to)) + options
    return head[:10] + struct.pack('!H', sum16(head)) + head[12:] + payload


def udp(sport, dport, text):
    return struct.pack('!HHHH', int(sport), int(dport), 8 + len(text), 0) + text.encode()


def tcp(source, to, sport, dport, flags, seq=1, text=''):
    head = struct.pack('!HHIIBBHHH', int(sport), int(dport), seq & 0xffffffff, 1, 0x50, flags, 1000, 0, 0) + text.encode()
    pseudo = socket.inet_aton(source) + socket.inet_aton(to) + struct.pack('!HH', 6, len(head))
    return head[:16] + struct.pack('!H', sum16(pseudo + head)) + head[18:]


def icmp_error(kind, code, inner, word=0):
    body = struct.pack('!BBHI', kind, code, 0, word) + inner
    return body[:2] + struct.pack('!H', sum16(body)) + body[4:]


def emit(*packets):
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for packet in packets:
            raw.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))


def send_udp(source, sport, to, dport, text, options=''):
    emit(ip(17, source, to, udp(sport, dport, text), options=bytes.fromhex(options)))


def send_tcp(source, sport, to, dport, flags, seq='1'):
    emit(ip(6, source, to, tcp(source, to, sport, dport, int(flags), int(seq))))


def knock(source, to, dport, count):
    """Begins connections from another's address, and answers what it can't have heard."""
    for sport in range(20000, 20000 + int(count)):
        for flags, seq in ((0x02, 1), (0x10, 2)):
            send_tcp(source, sport, to, dport, flags, seq)


def send_protocol(protocol, source, to, text):
    emit(ip(int(protocol), source, to, text.encode()))


def send_errors(source, to, inner_source, sport, inner_to, dport):
    """What a router says of a TCP packet that it can't pass on: no way, no port, too big, too far."""
    inner = ip(6, inner_source, inner_to, tcp(inner_source, inner_to, sport, dport, 0x10))[:28]
    for kind, code, word in ((3, 1, 0), (3, 3, 0), (3, 4, 600), (11, 0, 0)):
        emit(ip(1, source, to, icmp_error(kind, code, inner, word)))


def send_fragments(way, source, sport, to, dport):
    """A datagram, or a TCP SYN, in pieces that are to hide its port from whoever looks at pieces."""
    text = 'x' * 24
    whole = tcp(source, to, sport, dport, 2, text='x' * 20) if way == 'tcp' else udp(sport, dport, text)
    piece = lambda at, data, more=True: ip(6 if way == 'tcp' else 17, source, to, data, at // 8 | (0x2000 if more else 0), 77)
    rest = piece(16, whole[16:], False)
    honest = udp('4999', dport, text)
    emit(*{
        'udp': [piece(0, whole[:8]), piece(8, whole[8:16]), rest],
        'tcp': [piece(0, whole[:8]), piece(8, whole[8:16]), rest],
        'backwards': [rest, piece(8, whole[8:16]), piece(0, whole[:8])],
        'overlapping': [piece(0, honest[:16]), piece(0, whole[:8]), rest],
        'overlapped': [piece(8, whole[8:16]), piece(0, honest[:8]), piece(0, whole[:16]), rest],
        'headless': [piece(8, whole[8:16]), rest],
    }[way])


def send_arp(mac, *addresses):
    """To everybody: these addresses are at that MAC address."""
    mac = bytes.fromhex(mac.replace(':', ''))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ARP)) as raw:
        raw.bind(('eth0', ARP))
        for address in addresses:
            for operation in (1, 2):
                raw.send(b'\xff' * 6 + mac + struct.pack('!HHHBBH', ARP, 0x0800, IPV4, 6, 4, operation) + mac +
                         socket.inet_aton(address) + b'\xff' * 6 + socket.inet_aton(address))


def witness():
    """Tells what comes in here, from now on."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(IPV4)) as sniffer:
        print('ready', flush=True)
        while True:
            data, (_, _, direction, _, _) = sniffer.recvfrom(65536)
            if direction == socket.PACKET_OUTGOING:
                continue
            protocol, at = data[9], (data[0] & 15) * 4
            source, to = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
            fragment = int.from_bytes(data[6:8], 'big') & 0x1fff
            if fragment:
                said = f'fragment {source} > {to}'
            elif protocol in (6, 17):
                sport, dport = struct.unpack('!HH', data[at:at + 4])
                flags = ' rst' if protocol == 6 and data[at + 13] & 4 else ''
                said = f'{NAMES[protocol]} {source}:{sport} > {to}:{dport}{flags}'
            elif protocol == 1:
                said = f'icmp {data[at]}/{data[at + 1]} {source} > {to}'
            else:
                said = f'{protocol} {source} > {to} {data[at:].decode()}'
            print(said, flush=True)


def udp_server(port):
    """Answers with what it got."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('', int(port)))
        print('ready', flush=True)
        while True:
            data, peer = s.recvfrom(65536)
            print(peer[0], peer[1], len(data), flush=True)
            s.sendto(data, peer)


def ask(sport, to, dport, size='1', times='1'):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.bind(('', int(sport)))
        for _ in range(int(times)):
            s.sendto(b'x' * int(size), (to, int(dport)))
            data, peer = s.recvfrom(65536)
        print(len(data), *peer)


def path_mtu(to):
    """As a program learns it: by sending what may not be cut."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER, IP_PMTUDISC_DO
        s.connect((to, 9))
        for _ in range(100):
            try:
                s.send(b'x' * 1400)
            except OSError as error:
                if s.getsockopt(socket.IPPROTO_IP, 14) < 1400:
                    break
            time.sleep(0.05)
        print(s.getsockopt(socket.IPPROTO_IP, 14))


def tcp_server(port):
    """Answers a line with as many bytes as it says."""
    import threading

    def serve(connection):
        for line in connection.makefile():
            connection.sendall(b'x' * int(line))

    with socket.create_server(('', int(port))) as s:
        print('ready', flush=True)
        while True:
            connection, _ = s.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


def tcp_client(sport, to, dport):
    """Asks for as many bytes as a line says, and sends as many itself (0: only asks for one)."""
    s = socket.create_connection((to, int(dport)), 5, ('', int(sport)))
    s.settimeout(10)
    print('ready', *s.getsockname(), flush=True)
    for line in sys.stdin:
        s.sendall(f'{line.strip()}\n'.encode())
        left = int(line)
        while left > 0:
            got = len(s.recv(65536))
            if not got:
                sys.exit('closed')
            left -= got
        print('done', flush=True)


def raw_socket(protocol):
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, int(protocol)) as s:
        print('ready', flush=True)
        while True:
            data, peer = s.recvfrom(65536)
            print(peer[0], data[(data[0] & 15) * 4:].decode(), flush=True)


def hand():
    """Does what it is told by lines, and ends each answer with a line of its own."""
    for line in sys.stdin:
        function, *words = line.rstrip('\n').split('\t')
        try:
            globals()[function](*words)
        except OSError as error:
            print(error)
        print('.', flush=True)


if __name__ == '__main__':
    globals()[sys.argv[1]](*sys.argv[2:])
