import { closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { isMasterSide } from '../../daemon/kernel/terminal.ts';

it("knows a terminal's master side from anything else, its other side too", () => {
  const pty = createRequire(import.meta.url)('@lydell/node-pty/requireBinary.js').requireBinary('pty.node');
  const { master, slave } = pty.open(80, 24);
  const file = openSync('/etc/passwd', 'r');
  try {
    expect([master, slave, file].map(isMasterSide)).toEqual([true, false, false]);
  } finally {
    for (const fd of [master, slave, file]) closeSync(fd);
  }
});
