import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { debianMirrors } from '../../daemon/images/apt-sources.ts';
import { sourceLines } from '../../daemon/images/sources/build.ts';

let apt: string;
beforeEach(() => {
  apt = mkdtempSync(`${tmpdir()}/sliverd-apt-`);
});
afterEach(() => rmSync(apt, { recursive: true }));

function machine(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(`${apt}/${name}`), { recursive: true });
    writeFileSync(`${apt}/${name}`, text);
  }
}

const found = {
  archive: ['http://deb.example.org/debian'],
  security: ['http://deb.example.org/debian-security'],
};

it('reads one-line entries, and keeps the order of the mirrors', () => {
  machine({
    'sources.list': `# deb http://commented.example/debian bookworm main
deb http://ftp.example.org/pub/debian/ bookworm main contrib # near
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.example.org/debian bookworm-updates main
deb-src http://source.example/debian bookworm main
deb http://security.example.org/debian-security bookworm-security main
`,
  });
  expect(debianMirrors(apt)).toEqual({
    archive: ['http://ftp.example.org/pub/debian/', 'http://deb.example.org/debian'],
    security: ['http://security.example.org/debian-security'],
  });
});

it('reads deb822 stanzas, with comments, continued lines and disabled ones', () => {
  machine({
    'sources.list.d/debian.sources': `Types: deb deb-src
# a comment
URIs: http://deb.example.org/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.example.org/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
Components: main
`,
  });
  expect(debianMirrors(apt)).toEqual(found);
});

it('reads the file of mirrors that cloud images have', () => {
  machine({
    'mirrors/debian.list': 'http://deb.example.org/debian\tpriority:1\n',
    'mirrors/security.list': 'http://deb.example.org/debian-security\n',
    'sources.list.d/debian.sources': '',
  });
  writeFileSync(
    `${apt}/sources.list`,
    `deb mirror+file://${apt}/mirrors/debian.list bookworm main
deb mirror+file:${apt}/mirrors/security.list bookworm-security main
deb mirror+file:/missing.list bookworm main`,
  );
  expect(debianMirrors(apt)).toEqual(found);
});

it('leaves third parties out', () => {
  machine({
    'sources.list': `deb http://deb.example.org/debian bookworm main
deb http://deb.example.org/debian-security bookworm-security main`,
    'sources.list.d/third.list': `deb https://packages.example/apt cloud-sdk-bookworm main
deb [signed-by=/etc/apt/keyrings/third.gpg] https://download.example/linux/debian bookworm main
deb https://download.example/linux/debian bookworm stable
deb https://apt.example bookworm main
deb http://user:secret@mirror.example/debian bookworm main
deb file:/srv/debian bookworm main
deb cdrom:[Debian]/ bookworm main`,
    'sources.list.d/third.sources': `Types: deb
URIs: https://deb.example/node_20.x
Suites: nodistro
Components: main

Types: deb
URIs: https://deb.example/debian
Suites: bookworm
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 xxxx
 -----END PGP PUBLIC KEY BLOCK-----`,
    'sources.list.d/old.list.disabled': 'deb http://disabled.example/debian bookworm main',
  });
  expect(debianMirrors(apt)).toEqual(found);
});

it('says what to do when a machine has no Debian mirror', () => {
  expect(() => debianMirrors(apt)).toThrow(/no entry of Debian's own archive; add one/);
});

it('gives an image the updates and security fixes of its own release', () => {
  expect(sourceLines('trixie', found)).toEqual([
    'deb http://deb.example.org/debian trixie main',
    'deb http://deb.example.org/debian trixie-updates main',
    'deb http://deb.example.org/debian-security trixie-security main',
  ]);
});
