# A program in a sliver: opens, binds and closes sockets as it is told by lines of JSON, [function, argument...], and
# answers each with a line of JSON. A system call that fails answers with the errno's name. (JSON by hand:
# python3-minimal has no module for it.)
import errno
import os
import socket
import sys

held = {}
KINDS = {'tcp': (socket.SOCK_STREAM, 0), 'udp': (socket.SOCK_DGRAM, 0), 'mptcp': (socket.SOCK_STREAM, 262)}


def ready():
    return 'ok'


def make(name, kind, family=4, options=()):
    held[name] = s = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, *KINDS[kind])
    s.settimeout(5)
    for option in options:
        if option == 'v6only':
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        elif option == 'ip_options':
            s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes(8))
        elif option == 'no_port':
            s.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        else:
            s.setsockopt(socket.SOL_SOCKET, getattr(socket, option), 1)
    return 'ok'


def bind(name, address, port):
    held[name].bind((address, port))
    return held[name].getsockname()[1]


def listen(name):
    held[name].listen(8)
    return held[name].getsockname()[1]


def opened(name, kind, port, address='', family=4, options=()):
    """make and bind in one; a socket that could not be bound is closed."""
    make(name, kind, family, options)
    try:
        return bind(name, address, port)
    except OSError:
        close(name)
        raise


def connect(name, address, port):
    held[name].connect((address, port))
    return [*held[name].getsockname()[:2], *held[name].getpeername()[:2]]


def accept(name):
    connection, peer = held[name].accept()
    held[name + '.accepted'] = connection
    return peer[0]


def send(name, address, port, text='x'):
    held[name].sendto(text.encode(), (address, port))
    return held[name].getsockname()[1]


def raw(protocol, address):
    """One packet of another IP protocol."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol) as s:
        s.sendto(b'x', (address, 0))
    return 'ok'


def receive(name):
    data, peer = held[name].recvfrom(65536)
    return [data.decode(), *peer[:2]]


def close(name):
    held.pop(name).close()
    return 'ok'


def clear():
    for s in held.values():
        s.close()
    held.clear()
    return 'ok'


def churn(kind, port, times):
    """Binds and closes in a row; returns how many succeeded."""
    done = 0
    for _ in range(times):
        s = socket.socket(socket.AF_INET, *KINDS[kind])
        s.bind(('', port))
        done += 1
        s.close()
    return done


def crowd(times):
    """Connections on loopback, as many without a bind that stay as of sockets bound to port 0, which end at once and are
    remembered; returns how many binds were refused."""
    refused, stay = 0, []
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        server.listen(8)
        for bound in [False] * times + [True] * times:
            with socket.socket() as s:
                try:
                    if bound:
                        s.bind(('', 0))
                except OSError:
                    refused += 1
                s.connect(server.getsockname())
                accepted, _ = server.accept()
                if not bound:
                    stay += [s.dup(), accepted]
            accepted.close() if bound else None
    for s in stay:
        s.close()
    return refused


def denied(kind, port, times):
    """Tries to bind what is another's, in a row; returns how often it was told so."""
    told = 0
    for _ in range(times):
        s = socket.socket(socket.AF_INET, *KINDS[kind])
        try:
            s.bind(('', port))
        except OSError as e:
            told += e.errno == errno.EADDRINUSE
        s.close()
    return told


def fork(name):
    """A child that has the socket too, and sleeps; returns its pid."""
    child = os.fork()
    if child == 0:
        held[name].set_inheritable(True)
        os.execvp('sleep', ['sleep', '3600'])
    return child


def kill(pid):
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return 'ok'


def offer(path):
    """Opens a Unix socket, where a socket can be handed over (give, ask)."""
    with socket.socket(socket.AF_UNIX) as desk:
        desk.bind(path)
        desk.listen(1)
        held['.desk'] = desk.dup()
    return 'ok'


def give(name):
    connection, _ = held['.desk'].accept()
    socket.send_fds(connection, [b'x'], [held[name].fileno()])
    connection.recv(1)
    return 'ok'


def ask(name, path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    _, fds, _, _ = socket.recv_fds(s, 1, 1)
    held[name] = socket.socket(fileno=fds[0])
    s.close()
    return 'ok'


def hide(name):
    """The socket is in a queue, and in no file table."""
    held['.queue'], held['.in'] = socket.socketpair()
    socket.send_fds(held['.in'], [b'x'], [held[name].fileno()])
    return close(name)


def unhide(name):
    _, fds, _, _ = socket.recv_fds(held['.queue'], 1, 1)
    held[name] = socket.socket(fileno=fds[0])
    return 'ok'


def as_json(value):
    if isinstance(value, list):
        return f"[{','.join(map(as_json, value))}]"
    return str(value) if isinstance(value, int) else f'"{value}"'


for line in sys.stdin:
    function, *arguments = eval(line)
    try:
        answer = globals()[function](*arguments)
    except TimeoutError:
        answer = 'timeout'
    except OSError as e:
        answer = errno.errorcode.get(e.errno, str(e))
    print(as_json(answer), flush=True)
