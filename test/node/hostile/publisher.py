# Programs behind the sockets of published sensors, a mode each: publisher.py FOLDER. One is good, the others mean harm.
import os, socket, sys, threading, time

folder = sys.argv[1]
OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\nset-cookie: secret\r\n\r\n"
answered = {"count": 0}


def good(c):
    answered["count"] += 1
    c.sendall(OK + b"place,celsius,note,answer\nroom,-3.5,\"=cmd|'/c calc'!A1\",%d\n\"the\nroof\",7,\"a,b\",%d\n" % ((answered["count"],) * 2))


def unread(c):
    c.recv(1)
    time.sleep(60)


def endless(c):
    c.sendall(OK + b"a\n")
    while True:
        c.sendall(b"1\n" * 4096)


def drops(c):
    for byte in OK + b"a\n" + b"1\n" * 5000:
        c.sendall(bytes([byte]))
        time.sleep(0.05)


def head(c):
    while True:
        c.sendall(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1000)


def status(c):
    c.sendall(b"HTTP/1.1 500 secret\r\n\r\n")


def html(c):
    c.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<script>secret</script>")


def short(c):
    c.sendall(OK + b"a,b\n1\n")


def closes(c):
    pass


def loop(c):
    # Asks for itself.
    m = socket.socket(socket.AF_UNIX)
    m.connect("/run/sliverd/manager.sock")
    m.sendall(b"GET /v1/sensors/pub_bad.loop HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    while True:
        part = m.recv(65536)
        if not part:
            return
        c.sendall(part)


def serve(name, work):
    s = socket.socket(socket.AF_UNIX)
    s.bind(f"{folder}/{name}.sock")
    s.listen(64)
    while True:
        c, _ = s.accept()

        def run(c=c):
            try:
                if work is not unread:
                    c.recv(4096)
                work(c)
            except OSError:
                pass
            c.close()

        threading.Thread(target=run, daemon=True).start()


os.makedirs(folder, exist_ok=True)
for work in (good, unread, endless, drops, head, status, html, short, closes, loop):
    threading.Thread(target=serve, args=(work.__name__, work), daemon=True).start()
# Nobody accepts, and no place is left where one could wait.
full = socket.socket(socket.AF_UNIX)
full.bind(f"{folder}/full.sock")
full.listen(0)
waiting = []
for _ in range(4):
    w = socket.socket(socket.AF_UNIX)
    w.setblocking(False)
    try:
        w.connect(f"{folder}/full.sock")
    except OSError:
        pass
    waiting.append(w)
datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
datagrams.bind(f"{folder}/datagrams.sock")
os.mkfifo(f"{folder}/fifo.sock")
os.symlink("/run/sliverd/manager.sock", f"{folder}/manager.sock")
os.symlink("/proc/1/root/run/sliverd/admin.sock", f"{folder}/outside.sock")
open(f"{folder}/file.sock", "w").write("secret")
open(f"{folder}/ready", "w").close()
while True:
    time.sleep(60)
