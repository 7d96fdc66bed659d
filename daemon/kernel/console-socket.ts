import { rmSync } from 'node:fs';
import koffi from 'koffi';
import { SliverdError } from '../errors.ts';
import { call, closeFd, failed, libc } from './syscalls.ts';

const [AF_UNIX, SOCK_STREAM, SOCK_CLOEXEC, SOCK_NONBLOCK] = [1, 1, 0o2000000, 0o4000];
const [SOL_SOCKET, SCM_RIGHTS, MSG_CMSG_CLOEXEC] = [1, 1, 0x40000000];
const EAGAIN = 11;

const socketC = libc.func('int socket(int domain, int type, int protocol)');
const bindC = libc.func('int bind(int fd, const uint8_t *address, unsigned int length)');
const listenC = libc.func('int listen(int fd, int backlog)');
const accept4C = libc.func('int accept4(int fd, void *address, void *length, int flags)');
const iovec = koffi.struct('iovec', { base: 'void *', length: 'size_t' });
koffi.struct('msghdr', {
  name: 'void *',
  nameLength: 'uint32_t',
  data: koffi.pointer(iovec),
  dataLength: 'size_t',
  control: 'void *',
  controlLength: 'size_t',
  flags: 'int',
});
const recvmsgC = libc.func('long recvmsg(int fd, _Inout_ msghdr *message, int flags)');

/**
 * Where an OCI runtime hands over the master side of a terminal that it made inside a container (the
 * `--console-socket` of runc and crun): one connection, one message that carries the descriptor.
 */
export class ConsoleSocket {
  readonly path: string;
  readonly #fd: number;

  constructor(path: string) {
    this.path = path;
    const address = Buffer.alloc(110); // struct sockaddr_un
    const length = Buffer.byteLength(path);
    if (length > 107) throw new SliverdError('kernel', `${path} is too long for a socket (${length} bytes)`);
    address.writeUInt16LE(AF_UNIX);
    address.write(path, 2);
    this.#fd = call(socketC, 'socket', path, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    try {
      call(bindC, 'bind', path, this.#fd, address, address.length);
      call(listenC, 'listen', path, this.#fd, 1);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The descriptor, which the caller closes; undefined as long as it has not come. */
  take(): number | undefined {
    const connection = accept4C(this.#fd, null, null, SOCK_CLOEXEC) as number;
    if (connection < 0) {
      const errno = koffi.errno();
      if (errno === EAGAIN) return undefined;
      throw failed('accept', this.path, errno);
    }
    try {
      return this.#receive(connection);
    } finally {
      closeFd(connection);
    }
  }

  close(): void {
    closeFd(this.#fd);
    rmSync(this.path, { force: true });
  }

  /** Waits for the message: whoever connects here sends it at once. */
  #receive(connection: number): number {
    const control = Buffer.alloc(24); // struct cmsghdr (length, level, type), one int, padding
    const data = Buffer.alloc(4096); // the terminal's name, which nobody needs
    const message = {
      name: null,
      nameLength: 0,
      data: [{ base: data, length: data.length }],
      dataLength: 1,
      control,
      controlLength: control.length,
      flags: 0,
    };
    call(recvmsgC, 'recvmsg', this.path, connection, message, MSG_CMSG_CLOEXEC);
    const carries =
      control.readUInt32LE(0) === 20 &&
      control.readInt32LE(8) === SOL_SOCKET &&
      control.readInt32LE(12) === SCM_RIGHTS;
    if (!carries) throw new SliverdError('kernel', `no terminal came by ${this.path}`);
    return control.readInt32LE(16);
  }
}
