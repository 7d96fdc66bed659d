"""A TCP service on the ports given: says its name to whoever connects."""
import socket, sys, threading


def serve(port):
    listener = socket.create_server(('', port), backlog=128)
    while True:
        connection, _ = listener.accept()
        connection.sendall(b'here\n')
        connection.close()


for port in sys.argv[1:]:
    threading.Thread(target=serve, args=(int(port),)).start()
