# Descriptors beside a request, which the manager has no use for.
import array, socket, time

files = array.array("i", [0] * 100)
one = socket.socket(socket.AF_UNIX)
one.connect("/run/sliverd/manager.sock")
for _ in range(5):
    request = b"GET /v1/self HTTP/1.1\r\nhost: x\r\n\r\n"
    one.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
    answer = one.recv(65536)
    if answer.startswith(b"HTTP"):
        print(answer.split()[1].decode())
time.sleep(600)
