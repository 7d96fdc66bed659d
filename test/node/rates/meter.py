"""A host outside that takes what it is sent, on ports 7001 and up, and sends without end, on ports 8001 and up. To each
line with a number of seconds it answers with a line of JSON: bits per second that came in meanwhile, by port."""
import json, socket, sys, threading, time

received = {}


def take(connection, port):
    buffer = bytearray(1 << 18)
    while got := connection.recv_into(buffer):
        received[port] += got


def give(connection, port):
    zeros = bytes(1 << 18)
    try:
        while True:
            connection.sendall(zeros)
    except OSError:
        pass


def serve(port, work):
    listener = socket.create_server(('', port))
    received[port] = 0
    while True:
        threading.Thread(target=work, args=(listener.accept()[0], port), daemon=True).start()


for number in range(1, 4):
    for base, work in ((7000, take), (8000, give)):
        threading.Thread(target=serve, args=(base + number, work), daemon=True).start()
print('ready', flush=True)
for line in sys.stdin:
    before, began = dict(received), time.monotonic()
    time.sleep(float(line))
    took = time.monotonic() - began
    print(json.dumps({port: (received[port] - before[port]) * 8 / took for port in before}), flush=True)
