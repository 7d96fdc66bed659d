import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { SliverdError } from '../errors.ts';

/** Where this machine gets Debian from, and where it gets Debian's security fixes. */
export interface DebianMirrors {
  archive: string[];
  security: string[];
}

interface Entry {
  uris: string[];
  suites: string[];
  components: string[];
  signedBy?: string;
}

/** Suites of Debian's own archives. Third parties often name theirs alike, which is what the rest is for. */
const SUITE =
  /^(?:(?:old)*stable|testing|buster|bullseye|bookworm|trixie|forky)(?:-updates|-security|\/updates)?$/;

/**
 * Debian's own mirrors among the sources of a machine, in the order in which they are there. Entries of third
 * parties are left out: those with a suite or a key that is not Debian's, or an address that no mirror of Debian
 * has. What slips through fails by its signature at the build. Throws `bad-source` when there is none.
 */
export function debianMirrors(apt = '/etc/apt'): DebianMirrors {
  const mirrors: DebianMirrors = { archive: [], security: [] };
  for (const entry of sources(apt)) {
    if (!entry.components.includes('main')) continue;
    if (
      entry.signedBy !== undefined &&
      !/^\/usr\/share\/keyrings\/debian-archive-[^/]*$/.test(entry.signedBy)
    )
      continue;
    for (const suite of entry.suites.filter((suite) => SUITE.test(suite)))
      for (const uri of entry.uris.flatMap(mirrored).filter(isDebian)) {
        const list = /-security$|\/updates$/.test(suite) ? mirrors.security : mirrors.archive;
        if (!list.includes(uri)) list.push(uri);
      }
  }
  if (mirrors.archive.length === 0)
    throw new SliverdError(
      'bad-source',
      `${apt}/sources.list and ${apt}/sources.list.d have no entry of Debian's own archive; add one, such as 'deb MIRROR bookworm main', and build again`,
    );
  return mirrors;
}

/** A mirror ends in /debian or /debian-security. An address with a password in it is not for slivers to see. */
function isDebian(uri: string): boolean {
  if (!URL.canParse(uri)) return false;
  const { protocol, pathname, username, password } = new URL(uri);
  return (
    /^https?:$/.test(protocol) && /\/debian(-security)?\/?$/.test(pathname) && username + password === ''
  );
}

/** Debian's cloud images name a file with a list of mirrors. */
function mirrored(uri: string): string[] {
  const file = /^mirror\+file:(\/.*)$/.exec(uri)?.[1]?.replace(/^\/+/, '/');
  if (file === undefined) return [uri];
  if (!existsSync(file)) return [];
  return lines(file).map((line) => line.split(/\s+/)[0] ?? '');
}

function sources(apt: string): Entry[] {
  const directory = `${apt}/sources.list.d`;
  const parts = existsSync(directory) ? readdirSync(directory).sort() : [];
  // The names that apt itself reads.
  const named = (end: string) =>
    parts
      .filter((name) => /^[\w.-]+$/.test(name) && name.endsWith(end))
      .map((name) => `${directory}/${name}`);
  const lists = [`${apt}/sources.list`, ...named('.list')].filter((file) => existsSync(file));
  return [
    ...lists.flatMap((file) => lines(file).flatMap(oneLine)),
    ...named('.sources').flatMap((file) => stanzas(readFileSync(file, 'utf8')).flatMap(deb822)),
  ];
}

function lines(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
}

/** `deb [options] URI SUITE COMPONENT…` */
function oneLine(line: string): Entry[] {
  const [, options = '', uri, suite, components = ''] =
    /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$/.exec(line) ?? [];
  if (uri === undefined || suite === undefined) return [];
  const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
  return [{ uris: [uri], suites: [suite], components: words(components), ...(signedBy ? { signedBy } : {}) }];
}

function stanzas(text: string): Map<string, string>[] {
  return text.split(/\n\s*\n/).map((stanza) => {
    const fields = new Map<string, string>();
    let last = '';
    for (const line of stanza.split('\n').filter((line) => !line.startsWith('#'))) {
      const field = /^([\w-]+):(.*)$/.exec(line);
      if (field) last = field[1]!.toLowerCase();
      fields.set(last, `${fields.get(last) ?? ''}${field ? field[2] : line}`.trim() + (field ? ' ' : '\n'));
    }
    return fields;
  });
}

function deb822(fields: Map<string, string>): Entry[] {
  const of = (name: string) => words(fields.get(name) ?? '');
  if (!of('types').includes('deb') || /^(no|false|0|off|disable)$/i.test(of('enabled')[0] ?? '')) return [];
  const signedBy = fields.get('signed-by')?.trim();
  return [
    {
      uris: of('uris'),
      suites: of('suites'),
      components: of('components'),
      ...(signedBy ? { signedBy } : {}),
    },
  ];
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');
